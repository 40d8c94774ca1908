/**
 * Hand-over of numeric rows to the worker: one producer, one consumer, float64 cells in shared memory. A row is
 * `[shape, step, timestamp, n, v1 … vn]` in one piece; a shape is a list of keys told once beside the ring. Rows that are
 * not all numbers go beside it as messages, and the ring carries a marker so that the order stays.
 *
 * Hot path: nothing may allocate here, nor wait while there is room.
 */
const HEAD_INTS = 32;
const WRITTEN = 0;
/** In a cache line of its own: the writer's stores must not take the reader's. */
const READ = 16;
/** 1 when nobody reads any more: who logs must not wait for room that never comes. */
const DESERTED = 24;
/** Cells before each row's values. */
export const PREFIX = 4;
/** Shape of a marker: the next one of the messages comes here. */
export const BESIDE = -1;
/** Shape of what is left at the ring's end, too little for the row that came. */
const SKIP = -2;
/** As much as the worker writes in some 30 ms while it sends too: what waits here is what a kill -9 loses. */
const CELLS = 1 << 16;
const PAGE_BYTES = 4096;
/** A waiting writer is woken when this much was read: early enough to go on, rarely enough that waking costs nothing. */
const TELL_CELLS = CELLS / 8;

export interface RingMemory {
  head: SharedArrayBuffer;
  cells: SharedArrayBuffer;
}

export function createRing(): RingMemory {
  return { head: new SharedArrayBuffer(HEAD_INTS * 4), cells: new SharedArrayBuffer(CELLS * 8) };
}

export class RingWriter {
  /** A row's values go to `cells[place + PREFIX]` and on. */
  readonly cells: Float64Array;
  readonly #head: Int32Array;
  /** Cells written so far, modulo 2^31; the ring's size divides it. */
  #written = 0;
  /** How far the reader was when last asked. */
  #read = 0;

  constructor(memory: RingMemory) {
    this.#head = new Int32Array(memory.head);
    this.cells = new Float64Array(memory.cells);
  }

  /** Largest row that fits. */
  static readonly MAX_VALUES = CELLS / 4;

  /** Where a row of `count` values goes. Nobody sees it before `publish`; without that, the place is given again. */
  place(count: number): number {
    const need = PREFIX + count;
    let at = this.#written & (CELLS - 1);
    const left = CELLS - at;
    if (need > left) {
      this.#waitForRoom(left);
      this.cells[at] = SKIP;
      this.#written = (this.#written + left) & 0x7fffffff;
      at = 0;
    }
    this.#waitForRoom(need);
    return at;
  }

  protected isNext(place: number): boolean {
    return (this.#written & (CELLS - 1)) === place;
  }

  /** False when another row took the place. */
  publish(place: number, shape: number, step: number, timestamp: number, count: number): boolean {
    if (!this.isNext(place)) return false;
    const { cells } = this;
    cells[place] = shape;
    cells[place + 1] = step;
    cells[place + 2] = timestamp;
    cells[place + 3] = count;
    this.#written = (this.#written + PREFIX + count) & 0x7fffffff;
    Atomics.store(this.#head, WRITTEN, this.#written);
    return true;
  }

  /** Here stands the next of the messages. */
  mark(): void {
    this.publish(this.place(0), BESIDE, 0, 0, 0);
  }

  /** A full ring means the worker is behind: wait for it, in short naps, rather than grow without bound or lose a row. */
  #waitForRoom(need: number): void {
    while (((this.#written - this.#read) & 0x7fffffff) + need > CELLS) {
      if (Atomics.load(this.#head, DESERTED) === 1) return;
      const read = Atomics.load(this.#head, READ);
      if (read === this.#read) Atomics.wait(this.#head, READ, read, 2);
      this.#read = Atomics.load(this.#head, READ);
    }
  }
}

/** A row in the ring: its values are `cells[from]` and on, good until the call returns. */
export type RowReader = (
  shape: number,
  step: number,
  timestamp: number,
  cells: Float64Array,
  from: number,
) => void;

export class RingReader {
  readonly #head: Int32Array;
  readonly #cells: Float64Array;
  #read = 0;

  constructor(memory: RingMemory) {
    this.#head = new Int32Array(memory.head);
    this.#cells = new Float64Array(memory.cells);
  }

  /**
   * Have the memory mapped, so that the writer is not the one to wait for it: a page a time it would cost some 7 us in
   * every 57 rows of five numbers. Changes nothing of what is written already.
   */
  map(): void {
    const words = new Int32Array(this.#cells.buffer);
    for (let at = 0; at < words.length; at += PAGE_BYTES / 4) Atomics.or(words, at, 0);
  }

  /** How far the writer is. What it told beside the ring for the rows up to here has been posted already. */
  get written(): number {
    return Atomics.load(this.#head, WRITTEN);
  }

  /** So much waits that the next turn should come at once. */
  get crowded(): boolean {
    return ((this.written - this.#read) & 0x7fffffff) > CELLS / 8;
  }

  /** Calls `row` for each row up to `written`, and `keep` before their room is given to others: they are to be in the log. */
  drain(written: number, row: RowReader, keep: () => void): void {
    const cells = this.#cells;
    let told = this.#read;
    while (this.#read !== written) {
      const at = this.#read & (CELLS - 1);
      const shape = cells[at] as number;
      if (shape === SKIP) {
        this.#read = (this.#read + CELLS - at) & 0x7fffffff;
        continue;
      }
      row(shape, cells[at + 1] as number, cells[at + 2] as number, cells, at + PREFIX);
      this.#read = (this.#read + PREFIX + (cells[at + 3] as number)) & 0x7fffffff;
      if (((this.#read - told) & 0x7fffffff) >= TELL_CELLS) {
        told = this.#read;
        keep();
        this.#tell();
      }
    }
    keep();
    this.#tell();
  }

  /** No row is read from here on. */
  desert(): void {
    Atomics.store(this.#head, DESERTED, 1);
    Atomics.notify(this.#head, READ);
  }

  #tell(): void {
    Atomics.store(this.#head, READ, this.#read);
    Atomics.notify(this.#head, READ);
  }
}
