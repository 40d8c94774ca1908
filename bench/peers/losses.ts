import { short } from "../report/plot.ts";

/** One thing that was measured, of every system. */
export interface Contest {
  /** With the size it was measured at. */
  measure: string;
  /** Less is better unless said otherwise. */
  moreIsBetter?: true;
  values: ReadonlyMap<string, number>;
  /** What would have ours win it. */
  remedy: string;
}

/**
 * Markdown: where another system is better than the best of ours, by how much, and what would win it. Nothing lost is said
 * too. Systems of ours are those called Steelyard.
 */
export function lossesText(contests: readonly Contest[]): string {
  const lost = contests.flatMap(({ measure, moreIsBetter, values, remedy }) => {
    const finite = [...values].filter(([, value]) => Number.isFinite(value) && value > 0);
    const ours = finite.filter(([name]) => name.startsWith("Steelyard")).map(([, value]) => value);
    if (ours.length === 0) return [];
    const best = moreIsBetter ? Math.max(...ours) : Math.min(...ours);
    const better = finite
      .map(([name, value]): [string, number] => [name, moreIsBetter ? value / best : best / value])
      .filter(([name, factor]) => factor > 1 && !name.startsWith("Steelyard"))
      .sort(([, a], [, b]) => b - a);
    if (better.length === 0) return [];
    const named = better.map(([name, factor]) => `${name} (${short(factor)} ×)`).join(", ");
    return [`- ${measure}: better are ${named}. What would win it: ${remedy}.`];
  });
  return lost.length > 0
    ? `Where others are better than Steelyard:\n\n${lost.join("\n")}`
    : "Nothing in this section is better elsewhere.";
}
