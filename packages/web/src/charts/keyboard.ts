import type { DrawnLine } from "./lines.ts";
import type { Scale } from "./scale.ts";
import { nearestIndex } from "./smooth.ts";

/** What a key does to a chart. */
export type KeyMove =
  | { kind: "cursor"; x: number }
  | { kind: "zoom"; range: [number, number] | undefined }
  | { kind: "reset" }
  | { kind: "full" };

export interface KeyState {
  drawn: readonly DrawnLine[];
  xs: Scale;
  cursor: number | undefined;
  range: [number, number] | undefined;
}

/** Points that an arrow with Shift passes. */
const LEAP = 10;

/** undefined: the key is not the chart's. */
export function keyMove(key: string, shift: boolean, state: KeyState): KeyMove | undefined {
  const { xs, cursor, range } = state;
  switch (key) {
    case "ArrowLeft":
      return along(state, shift ? -LEAP : -1);
    case "ArrowRight":
      return along(state, shift ? LEAP : 1);
    case "Home":
      return along(state, Number.NEGATIVE_INFINITY);
    case "End":
      return along(state, Number.POSITIVE_INFINITY);
    case "+":
    case "=":
    case "-":
    case "_": {
      const middle = xs.at(cursor ?? xs.value(0.5));
      const half = key === "+" || key === "=" ? 0.25 : 1;
      const from = middle - half;
      const to = middle + half;
      // Out beyond everything is the same as everything.
      if (half === 1 && !range) return { kind: "reset" };
      return { kind: "zoom", range: [xs.value(from), xs.value(to)] };
    }
    case "Escape":
      return cursor !== undefined || range ? { kind: "reset" } : undefined;
    case "Enter":
      return { kind: "full" };
    default:
      return undefined;
  }
}

/** The cursor walks over the points of the line that has most of them in view. */
function along({ drawn, xs, cursor }: KeyState, by: number): KeyMove | undefined {
  let points = new Float64Array(0);
  for (const line of drawn) {
    const inView = line.x.filter((x) => x >= xs.min && x <= xs.max);
    if (inView.length > points.length) points = inView;
  }
  if (points.length === 0) return undefined;
  const last = points.length - 1;
  const from = cursor === undefined ? (by > 0 ? -1 : last + 1) : nearestIndex(points, cursor);
  const at = Math.min(last, Math.max(0, from + by));
  return { kind: "cursor", x: points[at] as number };
}
