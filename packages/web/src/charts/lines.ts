import type { SeriesAnswer } from "@steelyard/protocol/series";
import { type Extent, extentOf } from "./extent.ts";
import { isSmoothing, type Smoothing, smooth } from "./smooth.ts";

/** One curve as the server answered it. */
export interface ChartLine {
  id: string;
  label: string;
  colour: string;
  /** Of `DASHES`. */
  dash: number;
  answer: SeriesAnswer;
  /** The line is one of a group of runs: what it is, and what its band is. */
  group?: { aggregate: string; spread: string };
}

export interface DrawnLine {
  colour: string;
  dash: number;
  /** x of the first point, which its bucket may have behind it. */
  from: number;
  /** Ascending x of the drawn values. */
  x: Float64Array;
  y: Float64Array;
  /** What is drawn faintly behind: the values before smoothing. */
  original?: Float64Array;
  min: Float64Array;
  max: Float64Array;
  exact: boolean;
  faded: boolean;
  /** How many values of each bucket are not finite, and of these ∞ and -∞; empty where it is not known. */
  nonFinite: Float64Array;
  infinite: Float64Array;
  negativeInfinite: Float64Array;
}

/** A bucket is drawn at its last point: where the run was then, not an average that was never logged. */
export function drawnLines(
  lines: readonly ChartLine[],
  smoothing: Smoothing,
  showOriginal: boolean,
  emphasised: string | undefined,
): DrawnLine[] {
  const smoothed = isSmoothing(smoothing);
  const someEmphasised = lines.some(({ id }) => id === emphasised);
  return lines.map(({ id, colour, dash, answer }) => {
    const raw = answer.last;
    return {
      colour,
      dash,
      from: answer.xFirst[0] ?? Number.NaN,
      x: answer.xLast,
      y: smoothed ? smoothedOnce(answer, smoothing) : raw,
      ...(smoothed && showOriginal ? { original: raw } : {}),
      min: answer.min,
      max: answer.max,
      exact: answer.exact,
      faded: someEmphasised && emphasised !== id,
      nonFinite: answer.nonFinite,
      infinite: answer.infinite,
      negativeInfinite: answer.negativeInfinite,
    };
  });
}

/** What was smoothed last of each answer: where one run of a hundred grows, the others are as they were. */
const smoothedBefore = new WeakMap<SeriesAnswer, Smoothing & { y: Float64Array }>();

function smoothedOnce(answer: SeriesAnswer, { kind, amount }: Smoothing): Float64Array {
  const before = smoothedBefore.get(answer);
  if (before?.kind === kind && before.amount === amount) return before.y;
  const y = smooth(answer.xLast, answer.last, { kind, amount });
  smoothedBefore.set(answer, { kind, amount, y });
  return y;
}

export interface DomainOptions {
  range: [number, number] | undefined;
  /** Zoomed range of y: as it is, without air. */
  yRange: [number, number] | undefined;
  logX: boolean;
  logY: boolean;
  band: boolean;
  ignoreOutliers: boolean;
}

export interface Domain {
  /** Of the values shown, without air; not finite when there is none. */
  x: [number, number];
  y: [number, number];
  /** Drawn points that a log axis cannot show: not positive, or not finite. */
  hidden: number;
  /** Drawn points above and below `y`: outliers that were asked to be ignored. */
  above: number;
  below: number;
  /** Values that are NaN or infinite, and of these ∞ and -∞. */
  nonFinite: number;
  infinite: number;
  negativeInfinite: number;
}

const GAPS = ["nonFinite", "infinite", "negativeInfinite"] as const;

/** What is no point of a line: its names, as numbers are written, and the marks it has. */
export const GAP_KINDS = ["nan", "infinite", "negativeInfinite"] as const;
export const GAP_NAMES = { nan: "NaN", infinite: "∞", negativeInfinite: "−∞" } as const;
const GAP_MARKS = { nan: "◆", infinite: "▲", negativeInfinite: "▼" } as const;
export type GapCounts = Record<(typeof GAP_KINDS)[number], number>;

/** `◆ 2 NaN, ▲ 1 ∞`; empty when there is none. */
export function gapsText(counts: GapCounts): string {
  return GAP_KINDS.filter((kind) => counts[kind] > 0)
    .map((kind) => `${GAP_MARKS[kind]} ${counts[kind]} ${GAP_NAMES[kind]}`)
    .join(", ");
}

/** How many of each kind there are at a place. */
export function kindsAt(
  { nonFinite, infinite, negativeInfinite }: Pick<DrawnLine, (typeof GAPS)[number]>,
  at: number,
): GapCounts {
  const [up, down] = [infinite[at] ?? 0, negativeInfinite[at] ?? 0];
  return { nan: (nonFinite[at] ?? 0) - up - down, infinite: up, negativeInfinite: down };
}

export function domainOf(drawn: readonly DrawnLine[], options: DomainOptions): Domain {
  const { range, logX, logY, ignoreOutliers } = options;
  if (!range && !logX && !logY && !ignoreOutliers) return wholeDomain(drawn, options);
  const x: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let y: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let hidden = 0;
  const gaps = { nonFinite: 0, infinite: 0, negativeInfinite: 0 };
  const values: number[] = [];
  const include = (value: number) => {
    if (!Number.isFinite(value) || (options.logY && value <= 0)) return;
    if (value < y[0]) y[0] = value;
    if (value > y[1]) y[1] = value;
  };
  for (const line of drawn) {
    const band = options.band && !line.exact;
    if (!options.range && line.from < x[0] && (!options.logX || line.from > 0)) x[0] = line.from;
    for (let at = 0; at < line.x.length; at++) {
      const here = line.x[at] as number;
      if (options.range && (here < options.range[0] || here > options.range[1])) continue;
      const value = line.y[at] as number;
      for (const kind of GAPS) gaps[kind] += line[kind][at] ?? 0;
      if ((options.logY && !(value > 0 && Number.isFinite(value))) || (options.logX && here <= 0)) hidden++;
      if (!options.logX || here > 0) {
        if (here < x[0]) x[0] = here;
        if (here > x[1]) x[1] = here;
      }
      if (options.ignoreOutliers && Number.isFinite(value) && (!options.logY || value > 0))
        values.push(value);
      include(value);
      if (line.original) include(line.original[at] as number);
      if (band) {
        include(line.min[at] as number);
        include(line.max[at] as number);
      }
    }
  }
  let above = 0;
  let below = 0;
  if (options.ignoreOutliers && values.length > 0) {
    const ascending = Float64Array.from(values).sort();
    y = [percentile(ascending, 0.05), percentile(ascending, 0.95)];
    for (const value of ascending) {
      if (value > y[1]) above++;
      else if (value < y[0]) below++;
    }
  }
  if (options.yRange) y = options.yRange;
  return { x, y, hidden, above, below, ...gaps };
}

/** Of everything that is drawn: what was found of a column is kept, as most of it is the same the next time. */
function wholeDomain(drawn: readonly DrawnLine[], { yRange, band }: DomainOptions): Domain {
  const x: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const y: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const gaps = { nonFinite: 0, infinite: 0, negativeInfinite: 0 };
  const include = (into: [number, number], { low, high }: Extent) => {
    if (low < into[0]) into[0] = low;
    if (high > into[1]) into[1] = high;
  };
  for (const line of drawn) {
    if (line.from < x[0]) x[0] = line.from;
    include(x, extentOf(line.x));
    for (const kind of GAPS) gaps[kind] += extentOf(line[kind]).sum;
    include(y, extentOf(line.y));
    if (line.original) include(y, extentOf(line.original));
    if (!band || line.exact) continue;
    include(y, extentOf(line.min));
    include(y, extentOf(line.max));
  }
  return { x, y: yRange ?? y, hidden: 0, above: 0, below: 0, ...gaps };
}

/** Linear between the two nearest, as numpy's default. */
function percentile(ascending: Float64Array, part: number): number {
  const place = (ascending.length - 1) * part;
  const low = ascending[Math.floor(place)] as number;
  const high = ascending[Math.ceil(place)] as number;
  return low + (high - low) * (place % 1);
}
