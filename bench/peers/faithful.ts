import type { Pool, Tally } from "./workload.ts";

/** What a system has of what it was given. */
export interface Faithfulness {
  /** Values given and not there, over all runs and keys. */
  lost: number;
  /** Values there that were never given. */
  doubled: number;
  /** Keys whose values are not the given ones: sum, extremes, NaNs or last step differ by more than float32 does. */
  changed: number;
  /** Kept as float32: equal, but not to the last bit. */
  rounded: boolean;
}

/** Compare what was read back with what was given: `rows[i]` rows of `runs[i]`. */
export function compareAll(
  pool: Pool,
  runs: readonly string[],
  rows: readonly number[],
  spike: number,
  read: Readonly<Record<string, Record<string, Tally>>>,
): Faithfulness {
  const found: Faithfulness = { lost: 0, doubled: 0, changed: 0, rounded: false };
  const expected = new Map<number, Map<string, Tally>>();
  for (const [at, run] of runs.entries()) {
    const given = rows[at] ?? 0;
    const wanted = expected.get(given) ?? pool.expected(given, spike);
    expected.set(given, wanted);
    for (const [key, tally] of wanted) compareOne(found, tally, read[run]?.[key]);
  }
  return found;
}

function compareOne(found: Faithfulness, given: Tally, read: Tally | undefined): void {
  const count = read?.[0] ?? 0;
  found.lost += Math.max(0, given[0] - count);
  found.doubled += Math.max(0, count - given[0]);
  if (!read || count !== given[0]) return;
  const equal = (a: number, b: number, tolerance: number) =>
    a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
  const numbers = [1, 3, 4] as const;
  if (read[2] !== given[2] || read[5] !== given[5] || numbers.some((at) => !equal(given[at], read[at], 1e-5)))
    found.changed++;
  // The sum depends on the order of adding; the extremes are values themselves.
  else if (([3, 4] as const).some((at) => !equal(given[at], read[at], 1e-12))) found.rounded = true;
}

/** "all", or what is wrong. */
export function inWords({ lost, doubled, changed, rounded }: Faithfulness): string {
  const wrong = [
    ...(lost > 0 ? [`**${lost.toLocaleString("en")} lost**`] : []),
    ...(doubled > 0 ? [`**${doubled.toLocaleString("en")} doubled**`] : []),
    ...(changed > 0 ? [`**${changed} keys changed**`] : []),
  ];
  if (wrong.length > 0) return wrong.join(", ");
  return rounded ? "all, as float32" : "all";
}
