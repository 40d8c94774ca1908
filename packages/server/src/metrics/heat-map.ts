import type { HeatMap } from "@steelyard/protocol/series";

/** Histograms that a run logged over its steps, as one matrix: parts of x by parts of the value. */

export interface Histogram {
  x: number;
  /** Ascending; one more than counts. */
  edges: Float64Array;
  counts: Float64Array;
}

/** Wider ones are refused by the client. */
const MAX_BINS = 4096;

/** A logged value as a histogram; undefined when it is none, or has an edge or a count that is no finite number. */
export function histogramOf(value: unknown, x: number): Histogram | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { _type, values, bins, packedBins } = value as Record<string, unknown>;
  if (_type !== "histogram" || !Array.isArray(values) || values.length > MAX_BINS) return undefined;
  const counts = Float64Array.from(values as number[]);
  const edges = Array.isArray(bins) ? Float64Array.from(bins as number[]) : packedEdges(packedBins);
  if (!edges || edges.length !== counts.length + 1) return undefined;
  if (!counts.every((count) => count >= 0 && Number.isFinite(count))) return undefined;
  if (!edges.every((edge, at) => Number.isFinite(edge) && (at === 0 || edge >= (edges[at - 1] as number))))
    return undefined;
  return { x, edges, counts };
}

/** `{min, size, count}`: so many bins of one size. */
function packedEdges(packed: unknown): Float64Array | undefined {
  if (typeof packed !== "object" || packed === null) return undefined;
  const { min, size, count } = packed as Record<string, unknown>;
  if (typeof min !== "number" || typeof size !== "number" || typeof count !== "number") return undefined;
  if (!Number.isInteger(count) || count < 0 || count > MAX_BINS) return undefined;
  return Float64Array.from({ length: count + 1 }, (_, at) => min + at * size);
}

export interface HeatMapOptions {
  /** Of x, inclusive; absent = that of the histograms. */
  min: number | undefined;
  max: number | undefined;
  buckets: number;
  /** Of the value; absent = that of the histograms. */
  low: number | undefined;
  high: number | undefined;
  bins: number;
}

/**
 * Undefined when there is no histogram. A bin that lies over several of the matrix's is divided as if its values were
 * evenly spread in it; what lies outside of low … high is counted apart.
 */
export function heatMap(
  histograms: readonly Histogram[],
  options: HeatMapOptions,
): Omit<HeatMap, "run" | "key" | "sampled"> | undefined {
  if (histograms.length === 0) return undefined;
  const [low, high] = valueRange(histograms, options);
  const { bins } = options;
  const first = options.min ?? Math.min(...histograms.map(({ x }) => x));
  const last = options.max ?? Math.max(...histograms.map(({ x }) => x));
  const distinct = new Set(histograms.map(({ x }) => x));
  const buckets = Math.min(options.buckets, distinct.size);
  const scale = last > first ? buckets / (last - first) : 0;
  const columns = new Map<number, Column>();
  for (const histogram of [...histograms].sort((a, b) => a.x - b.x)) {
    const at = Math.max(0, Math.min(buckets - 1, Math.floor((histogram.x - first) * scale)));
    let column = columns.get(at);
    if (!column) {
      column = {
        xFirst: histogram.x,
        xLast: histogram.x,
        histograms: 0,
        outside: 0,
        counts: new Float64Array(bins),
      };
      columns.set(at, column);
    }
    column.xLast = histogram.x;
    column.histograms++;
    addTo(column, histogram, low, high);
  }
  const all = [...columns].sort(([a], [b]) => a - b).map(([, column]) => column);
  const counts = new Float64Array(all.length * bins);
  for (const [at, column] of all.entries()) counts.set(column.counts, at * bins);
  return {
    bins,
    low,
    high,
    columns: {
      xFirst: Float64Array.from(all, ({ xFirst }) => xFirst),
      xLast: Float64Array.from(all, ({ xLast }) => xLast),
      histograms: Float64Array.from(all, (column) => column.histograms),
      outside: Float64Array.from(all, ({ outside }) => outside),
    },
    counts,
  };
}

interface Column {
  xFirst: number;
  xLast: number;
  histograms: number;
  outside: number;
  counts: Float64Array;
}

/** From the least to the greatest edge of a bin that is not empty. */
function valueRange(histograms: readonly Histogram[], options: HeatMapOptions): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { edges, counts } of histograms) {
    for (const [at, count] of counts.entries()) {
      if (count === 0) continue;
      low = Math.min(low, edges[at] as number);
      high = Math.max(high, edges[at + 1] as number);
    }
  }
  low = options.low ?? (low <= high ? low : 0);
  high = options.high ?? (high >= low ? high : low);
  return [low, high];
}

function addTo(column: Column, { edges, counts }: Histogram, low: number, high: number): void {
  const bins = column.counts.length;
  const width = (high - low) / bins;
  const binOf = (value: number) =>
    width > 0 ? Math.max(0, Math.min(bins - 1, Math.floor((value - low) / width))) : 0;
  for (const [at, count] of counts.entries()) {
    if (count === 0) continue;
    const from = edges[at] as number;
    const to = edges[at + 1] as number;
    if (!(to > from) || !(width > 0)) {
      // All of its values are one: it is inside or outside as a whole.
      if (from < low || from > high) column.outside += count;
      else column.counts[binOf(from)] = (column.counts[binOf(from)] as number) + count;
      continue;
    }
    const inside = Math.max(0, Math.min(to, high) - Math.max(from, low)) / (to - from);
    column.outside += count * (1 - inside);
    if (inside === 0) continue;
    for (let bin = binOf(Math.max(from, low)); bin <= binOf(Math.min(to, high)); bin++) {
      const start = Math.max(from, low + bin * width);
      const end = Math.min(to, bin === bins - 1 ? high : low + (bin + 1) * width);
      if (end > start)
        column.counts[bin] = (column.counts[bin] as number) + (count * (end - start)) / (to - from);
    }
  }
}
