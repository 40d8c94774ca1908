/**
 * Hand-over of numeric rows to the worker: one producer, one consumer, float64 cells in shared memory. A row is
 * `[shape, step, timestamp, n, v1 … vn]`; a shape is a list of keys told once beside the ring. Rows that are not all
 * numbers go beside it as messages, and the ring carries a marker so that the order stays.
 *
 * Hot path: nothing may allocate here, nor wait while there is room.
 */
const HEAD_INTS = 4;
const WRITTEN = 0;
const READ = 1;
/** Cells before each row's values. */
const PREFIX = 4;
/** Shape of a marker: the row is the next one of the messages. */
export const BESIDE = -1;
const CELLS = 1 << 18;

export interface RingMemory {
  head: SharedArrayBuffer;
  cells: SharedArrayBuffer;
}

export function createRing(): RingMemory {
  return { head: new SharedArrayBuffer(HEAD_INTS * 4), cells: new SharedArrayBuffer(CELLS * 8) };
}

export class RingWriter {
  readonly #head: Int32Array;
  readonly #cells: Float64Array;
  /** Cells written so far, modulo 2^31; the ring's size divides it. */
  #written = 0;

  constructor(memory: RingMemory) {
    this.#head = new Int32Array(memory.head);
    this.#cells = new Float64Array(memory.cells);
  }

  /** Largest row that fits. */
  static readonly MAX_VALUES = CELLS / 4;

  /** `read` takes the value at an index: the caller's object is read once, into the ring. */
  write(shape: number, step: number, timestamp: number, values: Float64Array, count: number): void {
    const cells = this.#cells;
    const need = PREFIX + count;
    this.#waitForRoom(need);
    let at = this.#written & (CELLS - 1);
    cells[at] = shape;
    at = (at + 1) & (CELLS - 1);
    cells[at] = step;
    at = (at + 1) & (CELLS - 1);
    cells[at] = timestamp;
    at = (at + 1) & (CELLS - 1);
    cells[at] = count;
    for (let index = 0; index < count; index++) {
      at = (at + 1) & (CELLS - 1);
      cells[at] = values[index] as number;
    }
    this.#written = (this.#written + need) & 0x7fffffff;
    Atomics.store(this.#head, WRITTEN, this.#written);
  }

  /** A full ring means the worker is behind: wait for it, in short naps, rather than grow without bound or lose a row. */
  #waitForRoom(need: number): void {
    for (;;) {
      const read = Atomics.load(this.#head, READ);
      const used = (this.#written - read) & 0x7fffffff;
      if (used + need <= CELLS) return;
      Atomics.wait(this.#head, READ, read, 2);
    }
  }
}

export class RingReader {
  readonly #head: Int32Array;
  readonly #cells: Float64Array;
  #read = 0;

  constructor(memory: RingMemory) {
    this.#head = new Int32Array(memory.head);
    this.#cells = new Float64Array(memory.cells);
  }

  /** How far the writer is. What it told beside the ring for the rows up to here has been posted already. */
  get written(): number {
    return Atomics.load(this.#head, WRITTEN);
  }

  /** Calls `row` for each row up to `written`, with its values copied into `values`. */
  drain(
    written: number,
    row: (shape: number, step: number, timestamp: number, values: Float64Array, count: number) => void,
    values: Float64Array,
  ): number {
    const cells = this.#cells;
    let rows = 0;
    while (this.#read !== written) {
      const start = this.#read;
      const cell = (offset: number) => cells[(start + offset) & (CELLS - 1)] as number;
      const count = cell(3);
      for (let index = 0; index < count; index++) values[index] = cell(PREFIX + index);
      row(cell(0), cell(1), cell(2), values, count);
      this.#read = (start + PREFIX + count) & 0x7fffffff;
      rows++;
      // Told in steps, so that a waiting writer goes on before all is drained.
      if ((rows & 255) === 0) this.#tell();
    }
    this.#tell();
    return rows;
  }

  #tell(): void {
    Atomics.store(this.#head, READ, this.#read);
    Atomics.notify(this.#head, READ);
  }
}
