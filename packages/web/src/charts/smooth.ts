/**
 * Time-weighted exponential moving average with the bias of its start taken out. A point's weight decays with the distance
 * in x, so that runs logged at different rhythms are smoothed alike; `weight` 0 … 1 is the slider. Values that are not
 * finite are passed over and stay gaps.
 *
 * Source: the published description of the official page's default smoothing.
 */
export function smoothTimeWeighted(x: Float64Array, y: Float64Array, weight: number): Float64Array {
  const out = new Float64Array(y.length).fill(Number.NaN);
  if (weight <= 0 || y.length === 0) return y.slice();
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
