import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type Found, RecordLogReader } from "@steelyard/protocol/record-log";

/** Read at once: a log of many gigabytes takes no more memory than a small one. */
const PIECE_BYTES = 1 * 2 ** 20;

/** A `.wandb` file that is read piece by piece, and may still be growing. */
export class LogFile {
  readonly path: string;
  readonly #file: number;
  readonly #reader = new RecordLogReader();
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);

  /** Throws when it cannot be opened. */
  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, "r");
  }

  /** Its length now. */
  get bytes(): number {
    return fstatSync(this.#file).size;
  }

  /** Of the file, where the last whole record ends that was read. */
  get done(): number {
    return this.#reader.done;
  }

  /** Of the file, up to where it was read. */
  get read(): number {
    return this.#reader.next;
  }

  /** When it was last written to, milliseconds. */
  get writtenAtMs(): number {
    return fstatSync(this.#file).mtimeMs;
  }

  /**
   * What was added since it was last read. Bytes of a record are good until the next one is asked for. `last`: nothing will
   * be added, an end that is cut is damage.
   */
  *records(last: boolean): Generator<Found> {
    for (;;) {
      const from = this.#reader.next;
      let length = 0;
      while (length < PIECE_BYTES) {
        const read = readSync(this.#file, this.#piece, length, PIECE_BYTES - length, from + length);
        if (read === 0) break;
        length += read;
      }
      const atEnd = length < PIECE_BYTES;
      yield* this.#reader.take(this.#piece.subarray(0, length), last && atEnd);
      if (atEnd) return;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
