export const SMOOTHING_KINDS = ["time-weighted", "exponential", "average", "gaussian", "none"] as const;
export type SmoothingKind = (typeof SMOOTHING_KINDS)[number];

export interface Smoothing {
  kind: SmoothingKind;
  /** 0 … 1 for the two exponential kinds, points for the others. 0 = as logged. */
  amount: number;
}

/** The largest amount a slider gives. */
export function mostSmoothing(kind: SmoothingKind): number {
  return kind === "average" || kind === "gaussian" ? 100 : 0.99;
}

export function isSmoothing({ kind, amount }: Smoothing): boolean {
  return kind !== "none" && amount > 0;
}

/**
 * Each kind passes over values that are not finite: they stay gaps and do not spoil what follows.
 *
 * Source: the published description of the official page's smoothing.
 */
export function smooth(x: Float64Array, y: Float64Array, { kind, amount }: Smoothing): Float64Array {
  if (!isSmoothing({ kind, amount })) return y.slice();
  switch (kind) {
    case "time-weighted":
      return timeWeighted(x, y, amount);
    case "exponential":
      return exponential(y, amount);
    case "average":
      return runningAverage(y, Math.round(amount));
    case "gaussian":
      return gaussian(x, y, amount);
    case "none":
      return y.slice();
  }
}

function gaps(length: number): Float64Array {
  return new Float64Array(length).fill(Number.NaN);
}

/**
 * Exponential moving average with the bias of its start taken out. A point's weight decays with the distance in x, so
 * that runs logged at different rhythms are smoothed alike.
 */
function timeWeighted(x: Float64Array, y: Float64Array, weight: number): Float64Array {
  const out = gaps(y.length);
  const w = Math.min(Math.sqrt(weight), 0.999);
  const range = (x.at(-1) ?? 0) - (x[0] ?? 0) || 1;
  /** Decay is per drawn bucket of a thousand. */
  const VIEW = 1000;
  let numerator = 0;
  let denominator = 0;
  let lastX = x[0] ?? 0;
  for (let at = 0; at < y.length; at++) {
    const value = y[at] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    const here = x[at] ?? 0;
    const decay = w ** (((here - lastX) / range) * VIEW);
    numerator = numerator * decay + value;
    denominator = denominator * decay + 1;
    out[at] = numerator / denominator;
    lastX = here;
  }
  return out;
}

/** Per point, whatever its x. */
function exponential(y: Float64Array, weight: number): Float64Array {
  const out = gaps(y.length);
  // At 1 the average would never leave its start: 0 / 0.
  const w = Math.min(weight, 0.999);
  let last = 0;
  let bias = 1;
  for (let at = 0; at < y.length; at++) {
    const value = y[at] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    last = last * w + (1 - w) * value;
    bias *= w;
    out[at] = last / (1 - bias);
  }
  return out;
}

/** Mean of the `points` around each, fewer at the ends. An even window has its odd point before. */
function runningAverage(y: Float64Array, points: number): Float64Array {
  const out = gaps(y.length);
  const finite: number[] = [];
  for (let at = 0; at < y.length; at++) if (Number.isFinite(y[at])) finite.push(at);
  const before = Math.floor(points / 2);
  const after = points - 1 - before;
  for (let middle = 0; middle < finite.length; middle++) {
    const from = Math.max(0, middle - before);
    const to = Math.min(finite.length - 1, middle + after);
    let sum = 0;
    for (let at = from; at <= to; at++) sum += y[finite[at] as number] as number;
    out[finite[middle] as number] = sum / (to - from + 1);
  }
  return out;
}

/** The deviation is in points of even spacing; the kernel ends at three deviations. */
function gaussian(x: Float64Array, y: Float64Array, points: number): Float64Array {
  const out = gaps(y.length);
  const deviation = (points * ((x.at(-1) ?? 0) - (x[0] ?? 0))) / Math.max(1, y.length - 1);
  if (!(deviation > 0)) return y.slice();
  const reach = 3 * deviation;
  let from = 0;
  for (let middle = 0; middle < y.length; middle++) {
    if (!Number.isFinite(y[middle])) continue;
    const here = x[middle] as number;
    while ((x[from] as number) < here - reach) from++;
    let sum = 0;
    let weights = 0;
    for (let at = from; at < y.length && (x[at] as number) <= here + reach; at++) {
      const value = y[at] as number;
      if (!Number.isFinite(value)) continue;
      const weight = Math.exp(-0.5 * (((x[at] as number) - here) / deviation) ** 2);
      sum += weight * value;
      weights += weight;
    }
    out[middle] = sum / weights;
  }
  return out;
}

/** Index of the entry nearest to `wanted` in ascending `x`; -1 when empty. */
export function nearestIndex(x: Float64Array, wanted: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  const before = x[low - 1];
  return before !== undefined && wanted - before < (x[low] ?? 0) - wanted ? low - 1 : low;
}
