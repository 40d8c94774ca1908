import { SERIES_COLUMNS, type SeriesColumn } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";
import type { Room } from "./room.ts";

/** Series on their way from a reader to the main thread: a few large buffers, and one table of where each lies in them. */

export interface SeriesReply {
  buffers: ArrayBuffer[];
  columns: readonly SeriesColumn[];
  /** `FIELDS` numbers a series. */
  table: Float64Array;
  /** A line for each block that could not be read. */
  damaged: string[];
}

/** run, index of the key or expression, exact, points, buffer, byte in it, buckets. */
const FIELDS = 7;

export function packSeries(
  series: readonly Series[],
  keys: readonly string[],
  room: Room,
  damaged: string[],
): SeriesReply {
  const { buffers, wanted } = room;
  const keyAt = new Map(keys.map((key, at) => [key, at]));
  const bufferAt = new Map(buffers.map((buffer, at) => [buffer, at]));
  const table = new Float64Array(series.length * FIELDS);
  for (const [at, one] of series.entries()) {
    const column = wanted[0] ? one[wanted[0]] : undefined;
    const buffer = column ? bufferAt.get(column.buffer as ArrayBuffer) : 0;
    const { run, key, exact, points } = one;
    table.set(
      [
        run,
        keyAt.get(key) ?? -1,
        exact ? 1 : 0,
        points,
        buffer ?? 0,
        column?.byteOffset ?? 0,
        column?.length ?? 0,
      ],
      at * FIELDS,
    );
  }
  return { buffers, columns: wanted, table, damaged };
}

/** `keys`: those that `packSeries` was given. */
export function unpackSeries({ buffers, columns, table }: SeriesReply, keys: readonly string[]): Series[] {
  const series: Series[] = [];
  for (let from = 0; from < table.length; from += FIELDS) {
    const [run = 0, key = 0, exact, points = 0, buffer = 0, offset = 0, length = 0] = table.subarray(
      from,
      from + FIELDS,
    );
    const one: Series = { run, key: keys[key] ?? "", exact: exact === 1, points, ...NO_COLUMNS };
    for (const [at, name] of columns.entries()) {
      one[name] = new Float64Array(buffers[buffer] as ArrayBuffer, offset + at * length * 8, length);
    }
    series.push(one);
  }
  return series;
}

const EMPTY = new Float64Array(0);
const NO_COLUMNS = Object.fromEntries(SERIES_COLUMNS.map((name) => [name, EMPTY])) as Record<
  SeriesColumn,
  Float64Array
>;
