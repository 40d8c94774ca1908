import { closeSync, writeSync } from "node:fs";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { appendHistoryRow, type HistoryShape, type RowText } from "@steelyard/protocol/records";

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
  readonly #framing = new RecordLogWriter();
  #number = 0;
  #bytes = 0;

  /** `file` = descriptor of a new file; each start of a run has a log of its own. */
  constructor(file: number) {
    this.#file = file;
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
    this.#framing.append(record(++this.#number));
    this.#writeWhenMuch();
  }

  /** A history row of numbers, as JSON. */
  row(shape: HistoryShape, text: RowText, step: number): void {
    appendHistoryRow(this.#framing, ++this.#number, shape, text, step);
    this.#writeWhenMuch();
  }

  #writeWhenMuch(): void {
    if (this.#framing.length >= WRITE_BYTES) this.flush();
  }

  /** To the operating system: from here on the process may be killed and the records are kept. */
  flush(): void {
    if (this.#framing.length === 0) return;
    const bytes = this.#framing.take();
    if (this.#full) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
      this.#bytes += bytes.length;
    } catch (error) {
      // What is written of a record is a cut end, as a kill leaves it; behind it no reader would find anything.
      this.#full = true;
      this.onFull(error as Error);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}
