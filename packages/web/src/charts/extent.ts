/** Of the finite values of a column. */
export interface Extent {
  low: number;
  high: number;
  sum: number;
}

/** Of all values but the last. */
interface Settled extends Extent {
  length: number;
}

/**
 * By buffer and place in it. Lines grow where they lie, and of what is there only the last value may still change: see
 * `spliced` of the protocol. So each value is looked at once or twice, however often its line grows.
 */
const settled = new WeakMap<ArrayBufferLike, Map<number, Settled>>();

export function extentOf(values: Float64Array): Extent {
  const ofBuffer = settled.get(values.buffer) ?? new Map<number, Settled>();
  settled.set(values.buffer, ofBuffer);
  const end = Math.max(0, values.length - 1);
  let before = ofBuffer.get(values.byteOffset);
  if (!before || before.length > end) before = { ...NOTHING, length: 0 };
  if (before.length < end || end === 0) {
    before = { ...widened(before, values, before.length, end), length: end };
    ofBuffer.set(values.byteOffset, before);
  }
  return widened(before, values, end, values.length);
}

const NOTHING: Extent = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY, sum: 0 };

function widened(extent: Extent, values: Float64Array, from: number, to: number): Extent {
  let { low, high, sum } = extent;
  for (let at = from; at < to; at++) {
    const value = values[at] as number;
    // Infinity - Infinity and NaN - NaN are NaN.
    if (value - value !== 0) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    sum += value;
  }
  return { low, high, sum };
}
