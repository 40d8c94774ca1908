/**
 * Hand-over of numeric rows to the worker: one producer, one consumer, float64 cells in shared memory. A row is
 * `[shape, step, timestamp, n, v1 … vn]` in one piece; a shape is a list of keys told once beside the ring. Rows that are
 * not all numbers go beside it as messages, and the ring carries a marker so that the order stays. A place in the ring is
 * a count of cells from the beginning, modulo 2^31.
 *
 * Hot path: nothing may allocate here, nor wait while there is room.
 */
const HEAD_INTS = 32;
const WRITTEN = 0;
/** In a cache line of its own: the writer's stores must not take the reader's. */
const READ = 16;
/** 0 when the reader waits for its clock: whoever wants it sooner wakes it. */
const AWAKE = 20;
/** 1 when nobody reads any more: who logs must not wait for room that never comes. */
const DESERTED = 24;
/** Cells before each row's values. */
export const PREFIX = 4;
/** Shape of a marker: the next one of the messages comes here. */
export const BESIDE = -1;
/** Shape of what is left at the ring's end, too little for the row that came. */
const SKIP = -2;
/** 4 MB, 58,000 rows of five numbers: far more than is logged in the time that the worker takes to start. */
const CELLS = 1 << 19;
/** So much waits for the log at most: 900 rows of five numbers, which the writer can write itself in some 3 ms; a kill -9 loses it. */
const UNLOGGED_CELLS = 1 << 13;
/** When more waits, the reader does not wait for the clock. */
const WAKING_CELLS = 1 << 12;
/** So far the writer is ahead without waiting; from there on a part at a time, long before the ring is full. */
const AHEAD_CELLS = CELLS >> 1;
/** What the writer goes on by when it looks, and writes to the log itself at once: 227 rows of five numbers, some 0.6 ms. */
export const PART_CELLS = 1 << 11;
/** At once, for whatever; a turn of the program's event loop must not be long. */
const WAIT_MS = 1;
const PLACES = 0x7fffffff;
/** Of rings: as many runs as a program may well have at once. */
const MOST_SPARE = 32;
const PAGE_CELLS = 512;
/** So far ahead of the writer its memory is ready: 3,600 rows of five numbers, eight times what waits when the reader is woken. */
const MAPPED_CELLS = 1 << 15;
/**
 * The room of this much is given back at once: some 0.4 ms of the worker's, early enough for a writer that waits, rarely
 * enough that waking it costs nothing.
 */
const TELL_CELLS = 1 << 10;

export interface RingMemory {
  head: SharedArrayBuffer;
  cells: SharedArrayBuffer;
}

/** Rings of runs that are over. */
const spare: RingMemory[] = [];

export function createRing(): RingMemory {
  const ring = spare.pop() ?? {
    head: new SharedArrayBuffer(HEAD_INTS * 4),
    cells: new SharedArrayBuffer(CELLS * 8),
  };
  const head = new Int32Array(ring.head).fill(0);
  // The reader is about to be: while it starts nobody need wake it.
  head[AWAKE] = 1;
  return ring;
}

/**
 * Neither side has it in use any more: the next run may have it. The garbage collector does not count shared memory, so
 * that a program of many short runs would have much of it waiting to be collected.
 */
export function spareRing(ring: RingMemory): void {
  if (spare.length < MOST_SPARE) spare.push(ring);
}

/** Cells from one place to a later one. */
export function distance(from: number, to: number): number {
  return (to - from) & PLACES;
}

/** Whether one place comes before another; both are of what is in the ring, or its ends. */
export function isBehind(place: number, other: number): boolean {
  return ((other - place - 1) & PLACES) < CELLS;
}

/** A row in the ring: its values are `cells[from]` and on, good until the call returns; it begins at `place`. */
export type RowReader = (
  shape: number,
  step: number,
  timestamp: number,
  cells: Float64Array,
  from: number,
  place: number,
) => void;

/** Calls `row` for each row between two places, or of the first `most` cells; answers the place behind the last. */
export function eachRow(
  cells: Float64Array,
  from: number,
  to: number,
  row: RowReader,
  most = Number.POSITIVE_INFINITY,
): number {
  let place = from;
  while (place !== to && distance(from, place) < most) {
    const at = place & (CELLS - 1);
    const shape = cells[at] as number;
    if (shape === SKIP) {
      place = (place + CELLS - at) & PLACES;
      continue;
    }
    row(shape, cells[at + 1] as number, cells[at + 2] as number, cells, at + PREFIX, place);
    place = (place + PREFIX + (cells[at + 3] as number)) & PLACES;
  }
  return place;
}

/** Of the next row from a place on; there must be one. */
export function timestampAt(cells: Float64Array, place: number): number {
  const at = place & (CELLS - 1);
  return cells[(cells[at] === SKIP ? 0 : at) + 2] as number;
}

/** What is done in the program's thread before a row is handed over. */
export interface RowKeeper {
  /**
   * The row at `cells[at]`, which will end at the place `behind`; what came before it ends at `written`. Answers after how
   * many seconds it is to be called again, by the rows' timestamps; 0: for every row. When it throws, the row is not handed
   * over.
   */
  attend(cells: Float64Array, at: number, written: number, behind: number, timestamp: number): number;
  /** The worker does not come to write the log; rows end at `written`. A part of them is to be in the log then. */
  help(cells: Float64Array, written: number): void;
  /** Place up to which the log has everything. */
  readonly logged: number;
}

export class RingWriter {
  /** A row's values go to `cells[at + PREFIX]` and on. */
  readonly cells: Float64Array;
  readonly #head: Int32Array;
  readonly #keeper: RowKeeper | undefined;
  readonly #wake: () => void;
  #attendedAt = 0;
  #attendAfter = 0;
  /** The place behind the last row. */
  #written = 0;
  /** Up to here nothing is looked at. */
  #limit = 0;
  /** Where the reader stood when waiting for it was in vain: it is kept from running, and not waited for until it moves. */
  #stuckAt = -1;

  /** `wake` = have the reader drain the ring soon, though its clock does not say so. */
  constructor(memory: RingMemory, keeper?: RowKeeper, wake = () => {}) {
    this.#head = new Int32Array(memory.head);
    this.cells = new Float64Array(memory.cells);
    this.#keeper = keeper;
    this.#wake = wake;
    if (!keeper) this.#attendAfter = Number.POSITIVE_INFINITY;
  }

  /** Largest row that is handed over in the ring. */
  static readonly MAX_VALUES = 1 << 13;

  /** The place behind the last row: it moves with everything that is told. */
  get written(): number {
    return this.#written;
  }

  /** Where a row of `count` values goes. Nobody sees it before `publish`; without that, the place is given again. */
  place(count: number): number {
    const need = PREFIX + count;
    let at = this.#written & (CELLS - 1);
    const left = CELLS - at;
    if (need > left) {
      if (left > distance(this.#written, this.#limit)) this.#makeRoom(left);
      this.cells[at] = SKIP;
      this.#written = (this.#written + left) & PLACES;
      at = 0;
    }
    if (need > distance(this.#written, this.#limit)) this.#makeRoom(need);
    return at;
  }

  /** False when another row took the place. */
  publish(at: number, shape: number, step: number, timestamp: number, count: number): boolean {
    if ((this.#written & (CELLS - 1)) !== at) return false;
    const { cells } = this;
    cells[at] = shape;
    cells[at + 1] = step;
    cells[at + 2] = timestamp;
    cells[at + 3] = count;
    const behind = (this.#written + PREFIX + count) & PLACES;
    // Either way: clocks are set back.
    if (!(Math.abs(timestamp - this.#attendedAt) < this.#attendAfter)) this.#attend(at, behind, timestamp);
    this.#written = behind;
    Atomics.store(this.#head, WRITTEN, behind);
    return true;
  }

  #attend(at: number, behind: number, timestamp: number): void {
    const after = this.#keeper?.attend(this.cells, at, this.#written, behind, timestamp);
    this.#attendAfter = after ?? Number.POSITIVE_INFINITY;
    this.#attendedAt = timestamp;
  }

  /** Here stands the next of the messages; `post` is called with the place behind it, and posts it. */
  mark(timestamp: number, post: (behind: number) => void): void {
    const at = this.place(0);
    post((this.#written + PREFIX) & PLACES);
    this.publish(at, BESIDE, 0, timestamp, 0);
  }

  /**
   * Looks how far reader and log are, and gives room for a part, `need` cells at least. A call waits once and then does a
   * part of the log itself, so that none takes long: when what may be missing in the log is, and when the reader is far
   * behind. Only a full ring is waited for as long as it takes.
   */
  #makeRoom(need: number): void {
    const head = this.#head;
    const written = this.#written;
    let waited = false;
    let helpedAt = -1;
    for (;;) {
      const read = Atomics.load(head, READ);
      const ahead = distance(read, written);
      if (ahead + need > WAKING_CELLS) this.#rouse();
      const logged = this.#keeper?.logged ?? written;
      const unlogged = isBehind(logged, written) ? distance(logged, written) : 0;
      const ofLog = unlogged === 0 ? Math.max(UNLOGGED_CELLS, need) : UNLOGGED_CELLS - unlogged;
      const room = Math.max(0, Math.min(ofLog, CELLS - ahead));
      const part = Math.max(WAKING_CELLS - ahead, PART_CELLS, need);
      // What would be left of it is too little to look again for.
      this.#limit = (written + (room < 2 * part ? room : part)) & PLACES;
      if (Atomics.load(head, DESERTED) === 1) return;
      if (room >= need && (waited || ahead <= AHEAD_CELLS)) return;
      if (ofLog < need && (waited || this.#stuckAt === read) && logged !== helpedAt) {
        helpedAt = logged;
        this.#keeper?.help(this.cells, written);
      } else {
        if (Atomics.wait(head, READ, read, WAIT_MS) === "timed-out") this.#stuckAt = read;
        waited = true;
      }
    }
  }

  #rouse(): void {
    if (Atomics.exchange(this.#head, AWAKE, 1) === 0) this.#wake();
  }
}

export class RingReader {
  readonly cells: Float64Array;
  readonly #head: Int32Array;
  readonly #words: Int32Array;
  #read = 0;
  #mapped = 0;

  constructor(memory: RingMemory) {
    this.#head = new Int32Array(memory.head);
    this.cells = new Float64Array(memory.cells);
    this.#words = new Int32Array(memory.cells);
  }

  /**
   * Have the memory that the writer comes to mapped, so that it is not the one to wait for it: a page a time it would cost
   * some 7 us in every 57 rows of five numbers. Not all of it at once: most runs log little. Changes nothing of what is
   * written already.
   */
  map(): void {
    const behind = Math.min(CELLS, this.written + MAPPED_CELLS);
    for (; this.#mapped < behind; this.#mapped += PAGE_CELLS) Atomics.or(this.#words, this.#mapped * 2, 0);
  }

  /** How far the writer is. What it told beside the ring for the rows up to here has been posted already. */
  get written(): number {
    return Atomics.load(this.#head, WRITTEN);
  }

  /** Until the clock says so, nothing is drained unless the writer asks for it. False: so much waits that it is to be now. */
  rest(): boolean {
    Atomics.store(this.#head, AWAKE, 0);
    if (distance(this.#read, this.written) < WAKING_CELLS) return true;
    Atomics.store(this.#head, AWAKE, 1);
    return false;
  }

  /**
   * Calls `take` for each stretch up to `written`, of `most` cells and some more; when it returns, the room of the stretch
   * is given to others: its rows are to be in the log.
   */
  drain(written: number, take: (from: number, to: number) => void, most = Number.POSITIVE_INFINITY): void {
    this.map();
    const began = this.#read;
    while (this.#read !== written && distance(began, this.#read) < most) {
      const to = this.#stretch(written);
      take(this.#read, to);
      this.#read = to;
      Atomics.store(this.#head, READ, to);
      Atomics.notify(this.#head, READ);
    }
  }

  /** The end of the next one: so many whole rows that waiting for them is short. */
  #stretch(written: number): number {
    let to = this.#read;
    while (to !== written && distance(this.#read, to) < TELL_CELLS) {
      const at = to & (CELLS - 1);
      to = (to + (this.cells[at] === SKIP ? CELLS - at : PREFIX + (this.cells[at + 3] as number))) & PLACES;
    }
    return to;
  }

  /** No row is read from here on. */
  desert(): void {
    Atomics.store(this.#head, DESERTED, 1);
    Atomics.notify(this.#head, READ);
  }
}
