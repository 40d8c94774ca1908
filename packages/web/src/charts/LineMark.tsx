import { DASHES } from "./dashes.ts";

/** A piece of the line as it is drawn, before its name. */
export function LineMark({ colour, dash }: { colour: string; dash: number }) {
  return (
    <svg className="line-mark" width="18" height="4" aria-hidden="true">
      <line
        x1="0"
        y1="2"
        x2="18"
        y2="2"
        stroke={colour}
        strokeWidth="2.5"
        strokeDasharray={DASHES[dash]?.join(" ")}
      />
    </svg>
  );
}
