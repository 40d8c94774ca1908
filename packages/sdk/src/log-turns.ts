/** Of the Int32 view: 0 free, 1 taken, 2 taken and somebody waits. */
const TAKEN = 0;
const RECORDS = 1;
/** Of the Float64 view. */
const BYTES = 1;

export const createLogTurns = (): SharedArrayBuffer => new SharedArrayBuffer(16);

/** Two threads write one `.wandb` log: whose turn it is, and how far the log goes. */
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

  /** Waits for the turn; `give` must follow, whatever happens. */
  take(): void {
    if (Atomics.compareExchange(this.#head, TAKEN, 0, 1) === 0) return;
    while (Atomics.exchange(this.#head, TAKEN, 2) !== 0) Atomics.wait(this.#head, TAKEN, 2);
  }

  give(records: number, bytes: number): void {
    this.#head[RECORDS] = records;
    this.#lengths[BYTES] = bytes;
    if (Atomics.exchange(this.#head, TAKEN, 0) === 2) Atomics.notify(this.#head, TAKEN, 1);
  }
}
