import { closeSync, writeSync } from "node:fs";
import { FILE_HEADER, RecordLogWriter } from "@steelyard/protocol/record-log";
import { appendHistoryRow, type HistoryShape, type RowText } from "@steelyard/protocol/records";
import type { LogTurns } from "./log-turns.ts";
import { isBehind } from "./ring.ts";

/** In place of a descriptor: the run has no log (WANDB_X_SKIP_TRANSACTION_LOG). */
export const NO_LOG = -1;

/**
 * The run's `.wandb` file as one of the two threads writes it: records are numbered, framed and written in order, and are
 * with the operating system, so that a kill takes none of them, when the call that writes them returns.
 *
 * What is in the ring is written in stretches: `hold` or `open`, then `row` and `add`, then `release` or `commit`. Who holds
 * the log has the turn all the while. Who opens it has the turn only to write, so that a thread which is kept from running
 * keeps nobody from the log; when the other thread was quicker, nothing is written and the stretch is to be made again.
 *
 * When the disk takes no more, the run goes on without the log: `onFull` is called once, in the thread that met it. With
 * `retries` each record is tried, and `onFull` called for each that fails; what it throws is thrown.
 */
export class RunLog {
  #file: number;
  readonly #turns: LogTurns;
  readonly #retries: boolean;
  readonly #framing: RecordLogWriter;
  /** Of records beside a stretch that is open. */
  readonly #beside = new RecordLogWriter(FILE_HEADER.length);
  onFull: (error: Error) => void = () => {};
  /** Of the stretch: how many records were there before it, and are there with it. */
  #before = 0;
  #number = 0;
  #bytes = 0;
  #logged = 0;
  #failed: Error | undefined;

  /** `file` = descriptor, or `NO_LOG`; `isNew` = this thread writes the file's beginning. */
  constructor(file: number, turns: LogTurns, { isNew = false, retries = false } = {}) {
    this.#file = file;
    this.#turns = turns;
    this.#retries = retries;
    this.#framing = new RecordLogWriter(isNew ? 0 : FILE_HEADER.length);
  }

  /** So many were written. */
  get records(): number {
    return this.#turns.records;
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#turns.bytes;
  }

  /** One record, now. */
  append(record: (num: number) => Uint8Array): void {
    const turns = this.#turns;
    turns.take();
    let { records, bytes } = turns;
    try {
      this.#beside.moveTo(bytes);
      this.#beside.append(record(records + 1));
      const written = this.#write(this.#beside, bytes);
      if (written !== undefined) records++;
      bytes += written ?? 0;
    } finally {
      turns.give(records, bytes, turns.logged);
    }
    this.#tellFailed();
  }

  hold(): void {
    this.#turns.take();
    this.#look();
  }

  open(): void {
    this.hold();
    const { records, bytes, logged } = this.#turns;
    this.#turns.give(records, bytes, logged);
  }

  #look(): void {
    const { records, bytes, logged } = this.#turns;
    this.#before = records;
    this.#number = records;
    this.#bytes = bytes;
    this.#logged = logged;
    this.#framing.moveTo(bytes);
  }

  /** Place of the ring up to which the log had everything when the stretch began. */
  get logged(): number {
    return this.#logged;
  }

  /** A history row of numbers, as JSON. */
  row(shape: HistoryShape, text: RowText, step: number): void {
    appendHistoryRow(this.#framing, ++this.#number, shape, text, step);
  }

  add(record: (num: number) => Uint8Array): void {
    this.#framing.append(record(++this.#number));
  }

  /** The log has everything up to `place` of the ring. Only after `hold`. */
  release(place: number): void {
    const written = this.#write(this.#framing, this.#bytes);
    if (written === undefined && this.#retries) this.#turns.give(this.#before, this.#bytes, this.#logged);
    else this.#turns.give(this.#number, this.#bytes + (written ?? 0), place);
    this.#tellFailed();
  }

  /** In place of `release`: the stretch is left out. */
  cancel(): void {
    this.#framing.take();
    this.#turns.give(this.#before, this.#bytes, this.#logged);
  }

  /** As `release`, after `open`. False when the other thread wrote meanwhile: the stretch is to be made again. */
  commit(place: number): boolean {
    const turns = this.#turns;
    if (this.#framing.length === 0 && !isBehind(this.#logged, place)) return true;
    turns.take();
    if (turns.records === this.#before) {
      this.release(place);
      return true;
    }
    this.#framing.take();
    const { records, bytes, logged } = turns;
    turns.give(records, bytes, logged);
    return !isBehind(logged, place);
  }

  /** Answers how much longer the file is; undefined when the disk took it not. */
  #write(framing: RecordLogWriter, from: number): number | undefined {
    const bytes = framing.take();
    if (this.#file === NO_LOG || (this.#turns.full && !this.#retries)) return 0;
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#file, bytes, at, bytes.length - at, from + at);
      return bytes.length;
    } catch (error) {
      // What is written of a record is a cut end, as a kill leaves it; behind it no reader would find anything.
      this.#turns.fill();
      this.#failed = error as Error;
      return undefined;
    }
  }

  /** When the turn is given: who hears of it may have something to log. */
  #tellFailed(): void {
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed) this.onFull(failed);
  }

  close(): void {
    if (this.#file !== NO_LOG) closeSync(this.#file);
    // What still comes is not to get into another's file.
    this.#file = NO_LOG;
  }
}
