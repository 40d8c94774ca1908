import { colourDistance } from "../runs/colour.ts";

/** Line dashes in pixels, drawn and not drawn in turn; the first is a line without gaps. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** Below it two lines are hard to tell apart (OKLab × 100). */
const NEAR = 12;
/** Of so many lines dashes still tell one from another; of more they only flicker. */
const MOST = 24;

/**
 * Which of `DASHES` each line has: none, but for one that an earlier line of nearly its colour has. `always`: each line
 * another one, for eyes that colours do not help.
 */
export function dashesOf(colours: readonly string[], always: boolean): number[] {
  return colours.map((colour, at) => {
    if (always) return at % DASHES.length;
    if (at >= MOST) return 0;
    const alike = colours.slice(0, at).filter((other) => near(colour, other)).length;
    return alike % DASHES.length;
  });
}

/** Of the pairs of a palette there are few. */
const known = new Map<string, boolean>();

function near(a: string, b: string): boolean {
  const pair = `${a} ${b}`;
  const before = known.get(pair);
  if (before !== undefined) return before;
  const now = colourDistance(a, b) < NEAR;
  known.set(pair, now);
  return now;
}
