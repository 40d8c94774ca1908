import { SERIES_COLUMNS, type SeriesColumn } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";

/** Few large buffers for the columns of many series: each is handed to the other thread as it is. */
export class Room {
  readonly buffers: ArrayBuffer[] = [];
  readonly wanted: readonly SeriesColumn[];
  #used = 0;

  constructor(wanted: readonly SeriesColumn[]) {
    this.wanted = SERIES_COLUMNS.filter((name) => wanted.includes(name));
  }

  /** The wanted ones of this length, all zero; the others empty. */
  columns(length: number): Columns {
    const bytes = length * 8 * this.wanted.length;
    let buffer = this.buffers.at(-1);
    if (!buffer || this.#used + bytes > buffer.byteLength) {
      buffer = new ArrayBuffer(Math.max(bytes, this.buffers.length > 0 ? ROOM_BYTES : FIRST_ROOM_BYTES));
      this.buffers.push(buffer);
      this.#used = 0;
    }
    const columns = {} as Columns;
    for (const name of SERIES_COLUMNS) columns[name] = NO_COLUMN;
    for (const name of this.wanted) {
      columns[name] = new Float64Array(buffer, this.#used, length);
      this.#used += length * 8;
    }
    return columns;
  }
}

const FIRST_ROOM_BYTES = 64 * 1024;
const ROOM_BYTES = 4 * 1024 * 1024;
const NO_COLUMN = new Float64Array(0);

export type Columns = Pick<Series, SeriesColumn>;
