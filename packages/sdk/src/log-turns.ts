import { isBehind } from "./ring.ts";

/** Of the Int32 view: 0 free, 1 taken, 2 taken and somebody waits. */
const TAKEN = 0;
const RECORDS = 1;
const LOGGED = 2;
const BEGUN = 3;
const FULL = 4;
/** Of the Float64 view. */
const BYTES = 3;

export const createLogTurns = (): SharedArrayBuffer => new SharedArrayBuffer(32);

/** Two threads write one `.wandb` log: whose turn it is, how far the log goes, and what of the ring it has. */
export class LogTurns {
  readonly #head: Int32Array;
  readonly #lengths: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory);
    this.#lengths = new Float64Array(memory);
  }

  /** Records that were written. Good while it is this thread's turn, or nobody writes. */
  get records(): number {
    return this.#head[RECORDS] as number;
  }

  /** Length of the file; as `records`. */
  get bytes(): number {
    return this.#lengths[BYTES] as number;
  }

  /** Place of the ring up to which the log has everything. It only grows, in `give`. */
  get logged(): number {
    return Atomics.load(this.#head, LOGGED);
  }

  /** The run's thread takes what is in the ring, from now on for as long as the run goes on. */
  get begun(): boolean {
    return Atomics.load(this.#head, BEGUN) === 1;
  }

  begin(): void {
    Atomics.store(this.#head, BEGUN, 1);
    Atomics.notify(this.#head, BEGUN);
  }

  /** Blocks until the run's thread has begun, so long at most. */
  waitForBegin(limitMs: number): void {
    Atomics.wait(this.#head, BEGUN, 0, limitMs);
  }

  /** The disk took no more: neither thread writes on. */
  get full(): boolean {
    return Atomics.load(this.#head, FULL) === 1;
  }

  fill(): void {
    Atomics.store(this.#head, FULL, 1);
  }

  /** Waits for the turn; `give` must follow, whatever happens. */
  take(): void {
    if (Atomics.compareExchange(this.#head, TAKEN, 0, 1) === 0) return;
    while (Atomics.exchange(this.#head, TAKEN, 2) !== 0) Atomics.wait(this.#head, TAKEN, 2);
  }

  /** `logged` = the place that the log has come to; what is behind of where it was changes nothing. */
  give(records: number, bytes: number, logged: number): void {
    this.#head[RECORDS] = records;
    this.#lengths[BYTES] = bytes;
    if (isBehind(this.logged, logged)) Atomics.store(this.#head, LOGGED, logged);
    if (Atomics.exchange(this.#head, TAKEN, 0) === 2) Atomics.notify(this.#head, TAKEN, 1);
  }
}
