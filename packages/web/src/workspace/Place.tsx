import type { ReactNode } from "react";
import { useNear } from "./near.ts";

/** Things under each other that are drawn, or not, together: thousands are in few places. */
export const PER_PLACE = 16;

/**
 * Room of a known height. Near the window it is what `children` answers; far from it only words, each line about where its
 * thing will be: for those who scroll fast, and for the browser's own search.
 */
export function Place({
  height,
  lines,
  children,
}: {
  height: number;
  lines: () => string[];
  children: () => ReactNode;
}) {
  const [place, near] = useNear<HTMLDivElement>();
  if (near)
    return (
      <div ref={place} className="place" style={{ height }}>
        {children()}
      </div>
    );
  const words = lines();
  return (
    <div ref={place} className="place far" style={{ height, lineHeight: `${height / words.length}px` }}>
      {words.join("\n")}
    </div>
  );
}
