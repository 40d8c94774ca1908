import type { SentSeries, SeriesAnswer } from "./reply.ts";
import { SERIES_COLUMNS } from "./request.ts";

/** Of a line that has grown once, so that it can grow again where it lies. */
const ROOM = 1.25;
const LEAST_ROOM = 16;

/** By buffer, the last line that was made in it: that one alone goes on there, a line from before it would overwrite it. */
const lastIn = new WeakMap<ArrayBufferLike, SeriesAnswer>();

/**
 * The whole line: what was there before up to `from`, then what was sent. Hot: a hundred lines of each chart grow every
 * second, so mostly nothing is copied, and the new line shares the memory of the one before. There only the last bucket of
 * the one before may change. Throws RangeError when the one before has no so many buckets.
 */
export function spliced(before: SeriesAnswer, { from = 0, ...tail }: SentSeries): SentSeries {
  const known = before.xFirst.length;
  const length = from + tail.xFirst.length;
  if (known < from) throw new RangeError(`${known} buckets are known of what is to be the first ${from}`);
  const names = SERIES_COLUMNS.filter((name) => before[name].length === known);
  const grows = length >= known && from >= known - 1;
  let buffer = before.xFirst.buffer;
  if (!grows || lastIn.get(buffer) !== before || buffer.byteLength < length * names.length * 8) {
    const room = Math.ceil(length * ROOM) + LEAST_ROOM;
    buffer = new ArrayBuffer(room * names.length * 8);
  }
  const isNew = buffer !== before.xFirst.buffer;
  const apart = buffer.byteLength / names.length;
  const after: SentSeries = { ...tail };
  for (const [at, name] of names.entries()) {
    const column = new Float64Array(buffer, at * apart, length);
    if (isNew) column.set(before[name].subarray(0, from));
    column.set(tail[name], from);
    after[name] = column;
  }
  lastIn.set(buffer, after);
  return after;
}
