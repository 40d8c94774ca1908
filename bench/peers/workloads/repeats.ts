import { short } from "../../report/plot.ts";
import { median } from "../growth.ts";
import type { Cell, Line } from "./workload.ts";

/** What takes less is done again. */
const SHORT_SECONDS = 3;
const [FEWEST, MOST] = [3, 7];

/** How often a cell is to be measured whose first time took so many seconds. */
export function timesOf(seconds: number): number {
  if (seconds >= SHORT_SECONDS) return 1;
  return Math.min(MOST, Math.max(FEWEST, Math.floor(SHORT_SECONDS / seconds)));
}

/** A row of a table, of all the times it was measured: medians, the range behind the first figure of a cell, differing words side by side. */
export function rowOf(lines: readonly Line[]): string[] {
  return (lines[0]?.cells ?? []).map((_, at) => cellText(lines.map(({ cells }) => cells[at] ?? "–")));
}

/** Of each value that is compared, the median of those times that have it. */
export function valuesOf(lines: readonly Line[]): Record<string, number> {
  const names = Object.keys(lines[0]?.values ?? {});
  return Object.fromEntries(
    names.map((name) => [name, middle(lines.map(({ values }) => values[name] ?? Number.NaN))]),
  );
}

function cellText(cells: readonly Cell[]): string {
  const all = cells.map((cell) => (typeof cell === "object" ? cell : [cell]));
  const parts = all[0] ?? [];
  const isAlike = all.every(
    (one) =>
      one.length === parts.length &&
      one.every((part, at) =>
        typeof part === "number" ? typeof parts[at] === "number" : part === parts[at],
      ),
  );
  if (!isAlike) return [...new Set(all.map((one) => textOf(one.map((part) => [part]))))].join("; ");
  return textOf(parts.map((_, at) => all.map((one) => one[at] ?? "")));
}

/** Parts of a cell, each as often as it was measured. */
function textOf(parts: readonly (readonly (string | number)[])[]): string {
  const first = parts.findIndex(([part]) => typeof part === "number");
  return parts
    .map((times, at) => {
      const numbers = times.filter((part) => typeof part === "number");
      if (numbers.length === 0) return times[0] ?? "";
      const found = numbers.filter(Number.isFinite);
      const spread = `${short(Math.min(...found))}–${short(Math.max(...found))}`;
      return short(middle(found)) + (at === first && found.length > 1 ? ` (${spread})` : "");
    })
    .join("");
}

function middle(values: readonly number[]): number {
  return median(values.filter(Number.isFinite));
}
