import { closeSync, writeSync } from "node:fs";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { appendHistoryRow, type HistoryShape, type RowText } from "@steelyard/protocol/records";
import type { LogTurns } from "./log-turns.ts";

/** In place of a descriptor: the run has no log (WANDB_X_SKIP_TRANSACTION_LOG). */
export const NO_LOG = -1;

/** Written when this much waits: large enough that the call costs nothing per row, small enough to stay in the cache. */
const WRITE_BYTES = 256 * 2 ** 10;

/**
 * The run's `.wandb` file: records are numbered, framed and written in order. When the disk takes no more, the run goes on
 * without it: `onFull` is called once.
 */
export class RunLog {
  readonly #file: number;
  #full = false;
  onFull: (error: Error) => void = () => {};
  readonly #framing: RecordLogWriter;
  readonly #turns: LogTurns | undefined;
  #number = 0;
  #bytes = 0;

  /**
   * `file` = descriptor of a new file; each start of a run has a log of its own. With `turns` another thread writes it
   * too, and every record is in the file when `append` or `row` returns.
   */
  constructor(file: number, turns?: LogTurns) {
    this.#file = file;
    this.#turns = turns;
    this.#framing = new RecordLogWriter(turns?.bytes);
  }

  /** So many were written or wait to be. */
  get records(): number {
    return this.#number;
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  append(record: (num: number) => Uint8Array): void {
    this.#take();
    try {
      this.#framing.append(record(++this.#number));
    } finally {
      this.#give();
    }
  }

  /** A history row of numbers, as JSON. */
  row(shape: HistoryShape, text: RowText, step: number): void {
    this.#take();
    try {
      appendHistoryRow(this.#framing, ++this.#number, shape, text, step);
    } finally {
      this.#give();
    }
  }

  #take(): void {
    const turns = this.#turns;
    if (!turns) return;
    turns.take();
    this.#number = turns.records;
    this.#bytes = turns.bytes;
    this.#framing.moveTo(this.#bytes);
  }

  #give(): void {
    const turns = this.#turns;
    if (!turns) {
      if (this.#framing.length >= WRITE_BYTES) this.flush();
      return;
    }
    // What fails is tried again at the same place: a full disk may have room the next time.
    this.#full = false;
    try {
      this.flush();
    } finally {
      turns.give(this.#number, this.#bytes);
    }
  }

  /** To the operating system: from here on the process may be killed and the records are kept. */
  flush(): void {
    if (this.#framing.length === 0) return;
    const bytes = this.#framing.take();
    if (this.#full || this.#file === NO_LOG) return;
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#file, bytes, at, bytes.length - at, this.#bytes + at);
      this.#bytes += bytes.length;
    } catch (error) {
      // What is written of a record is a cut end, as a kill leaves it; behind it no reader would find anything.
      this.#full = true;
      this.onFull(error as Error);
    }
  }

  close(): void {
    this.flush();
    if (this.#file !== NO_LOG) closeSync(this.#file);
  }
}
