import type { HeatMap } from "@steelyard/protocol/series";

/** Where the cells of a heat map lie and what colour they have; no DOM. */

export interface Cell {
  /** Part of x, and part of the value. */
  column: number;
  bin: number;
}

/** Of the typical distance between two columns: what is further from its neighbour ends before it. */
const WIDEST = 3;

/** From where to where each column is drawn: to the middle between neighbours, unless a pause lies between them. */
export function columnEdges({ columns: { xFirst, xLast } }: HeatMap): {
  from: Float64Array;
  to: Float64Array;
} {
  const count = xFirst.length;
  const gaps = Float64Array.from({ length: Math.max(0, count - 1) }, (_, at) => gapAfter(at)).sort();
  const typical = gaps[Math.floor(gaps.length / 2)] ?? 1;
  const from = xFirst.slice();
  const to = xLast.slice();
  for (let at = 0; at < count; at++) {
    const after = at < count - 1 ? gapAfter(at) : typical;
    const half = (after > WIDEST * typical ? typical : after) / 2;
    to[at] = (xLast[at] as number) + half;
    if (at < count - 1) from[at + 1] = (xFirst[at + 1] as number) - half;
  }
  if (count > 0) from[0] = (xFirst[0] as number) - typical / 2;
  return { from, to };

  function gapAfter(at: number): number {
    return (xFirst[at + 1] as number) - (xLast[at] as number);
  }
}

/** Of values: edges of a bin. */
export function binEdges({ low, high, bins }: HeatMap, bin: number): [from: number, to: number] {
  const width = (high - low) / bins;
  return [low + bin * width, bin === bins - 1 ? high : low + (bin + 1) * width];
}

/** The column at `x`, −1 where there is none. */
export function columnAt({ from, to }: { from: Float64Array; to: Float64Array }, x: number): number {
  let [low, high] = [0, from.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((from[middle] as number) <= x) low = middle;
    else high = middle - 1;
  }
  return x >= (from[low] as number) && x <= (to[low] as number) ? low : -1;
}

/** How many values of a histogram a cell has: parts of x may hold several, which makes them no darker. */
export function countOf({ columns: { histograms }, counts, bins }: HeatMap, { column, bin }: Cell): number {
  return (counts[column * bins + bin] as number) / (histograms[column] as number);
}

export function mostOf(map: HeatMap): number {
  let most = 0;
  for (let column = 0; column < map.columns.xFirst.length; column++)
    for (let bin = 0; bin < map.bins; bin++) most = Math.max(most, countOf(map, { column, bin }));
  return most;
}

/** 0 … 1; logarithmic over three powers of ten, below which all is as faint. */
export function shadeOf(count: number, most: number, isLog: boolean): number {
  if (!(count > 0) || !(most > 0)) return 0;
  if (!isLog) return count / most;
  return Math.max(0.02, 1 + Math.log10(count / most) / 3);
}

/** From few to many, on light and on dark ground. */
const STOPS = {
  light: [
    [224, 242, 245],
    [88, 180, 196],
    [11, 114, 133],
    [4, 44, 52],
  ],
  dark: [
    [20, 46, 54],
    [27, 122, 140],
    [59, 201, 219],
    [232, 252, 255],
  ],
} as const;

export function shadeColour(shade: number, theme: "light" | "dark"): string {
  const stops = STOPS[theme];
  const place = Math.min(1, Math.max(0, shade)) * (stops.length - 1);
  const at = Math.min(stops.length - 2, Math.floor(place));
  const [a, b] = [stops[at], stops[at + 1]] as const;
  const part = (channel: 0 | 1 | 2) =>
    Math.round((a?.[channel] ?? 0) + ((b?.[channel] ?? 0) - (a?.[channel] ?? 0)) * (place - at));
  return `rgb(${part(0)} ${part(1)} ${part(2)})`;
}
