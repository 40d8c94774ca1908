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
  parts = 1,
  children,
}: {
  height: number;
  lines: () => string[];
  /** Of what it is made; scrolled to, it gets them one after the other. */
  parts?: number;
  /** With as many of its parts as are here. */
  children: (here: number) => ReactNode;
}) {
  const [place, here] = useNear<HTMLDivElement>(parts);
  if (here > 0)
    return (
      <div ref={place} className="place" style={{ height }}>
        {children(here)}
      </div>
    );
  const words = lines();
  return (
    <div ref={place} className="place far" style={{ height, lineHeight: `${height / words.length}px` }}>
      {words.join("\n")}
    </div>
  );
}
