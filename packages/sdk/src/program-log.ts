import type { GitFacts } from "./git/repository.ts";
import { History } from "./history.ts";
import { addRecord, firstRecords } from "./log-records.ts";
import { LogTurns } from "./log-turns.ts";
import type { InOrder, WorkerStart } from "./messages.ts";
import {
  BESIDE,
  distance,
  eachRow,
  isBehind,
  PART_CELLS,
  PREFIX,
  type RowKeeper,
  type RowReader,
  timestampAt,
} from "./ring.ts";
import { NO_LOG, RunLog } from "./run-log.ts";
import type { OpenedRun } from "./run-opening.ts";
import { Summary } from "./summary.ts";

/** How often it is looked whether the run's thread keeps up, seconds; only while rows are logged. */
const LOOK_EVERY_S = 0.01;
/** After a part of what was late. */
const LOOK_AGAIN_S = 0.001;
/** Of the time in which rows are promised to be in the log: what is still missing then, this thread writes in parts. */
const LATE_SHARE = 0.5;
/** Of the same: what is still missing then, it writes at once. */
const TOO_LATE_SHARE = 0.8;
/** A part takes no longer: its code may not be compiled yet, and then takes ten times as long. */
const PART_MS = 0.5;

/**
 * The log as the program's thread writes it. Its beginning; then every row, and what rows are read by, until the run's
 * thread takes them from the ring, so that `init` need not wait for that thread to start; in strict mode always: it is in
 * the file when the call returns. Later on what that thread is late with: it may be kept from running, and rows are to be
 * in the log all the same.
 *
 * Hot path: `attend` is called for a row every 10 ms.
 */
export class ProgramLog implements RowKeeper {
  /** The file. */
  readonly path: string;
  readonly #log: RunLog;
  readonly #turns: LogTurns;
  readonly #history: History;
  readonly #strict: boolean;
  readonly #lateS: number;
  readonly #tooLateS: number;
  /** Every row is written here. */
  #writesAll: boolean;
  readonly #shapes: (readonly string[])[] = [];
  /** Of those the history knows so many. */
  #known = 0;
  /** Messages with the places behind their markers; those that the log has may still be among them. */
  #beside: { behind: number; message: InOrder }[] = [];
  #full: Error | undefined;
  #closed = false;

  /** Begins the log. Throws in strict mode when it cannot be written. */
  constructor(start: WorkerStart, opened: OpenedRun, git: GitFacts | undefined) {
    this.path = start.logFile;
    this.#strict = start.strict;
    this.#lateS = (start.flushIntervalMs / 1000) * LATE_SHARE;
    this.#tooLateS = (start.flushIntervalMs / 1000) * TOO_LATE_SHARE;
    this.#writesAll = start.log !== NO_LOG;
    this.#turns = new LogTurns(start.turns);
    this.#log = new RunLog(start.log, this.#turns, { isNew: true, retries: start.strict });
    this.#log.onFull = (error) => {
      if (start.strict)
        throw new Error(
          `not recorded: ${start.logFile} cannot be written (${error.message}); make room on the disk, and log it again`,
          { cause: error },
        );
      this.#isFull(error);
    };
    this.#history = new History(this.#log, new Summary(), undefined, undefined, {
      startTimeMs: start.startTimeMs - opened.runtimeS * 1000,
      sending: false,
      numbered: start.writer.id === "",
    });
    this.#write(() => {
      for (const record of firstRecords(start, opened, git)) this.#log.add(record);
      return 0;
    });
  }

  /** Hears that the disk takes no more; in strict mode of console lines alone, all else is thrown. */
  onFull: (error: Error) => void = () => {};

  /** Who leaves the process gives no turn to what is to be told later. */
  tellFull(): void {
    const full = this.#full;
    this.#full = undefined;
    if (full) this.onFull(full);
  }

  /** Before the run's thread is told to end: from here on this one writes nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writesAll = false;
    this.#log.close();
  }

  /** The run's thread has started. */
  get handedOver(): boolean {
    return this.#turns.begun;
  }

  waitForHandOver(limitMs: number): void {
    this.#turns.waitForBegin(limitMs);
  }

  define(id: number, keys: readonly string[]): void {
    this.#shapes[id] = keys;
  }

  /** What is told beside the ring; its marker will end at the place `behind`. Before anyone else hears of it. */
  keep(message: InOrder, behind: number): void {
    if (this.#writesAll) this.#keepNow(message, behind);
    else if (!this.#closed) {
      this.#forgetLogged();
      this.#beside.push({ behind, message });
    }
  }

  #keepNow(message: InOrder, behind: number): void {
    try {
      this.#write(() => {
        addRecord(this.#log, this.#history, message);
        return behind;
      });
    } catch (error) {
      // Neither a program that prints nor a logging library is to meet an error of the log.
      if (message.kind !== "output" && message.kind !== "lines") throw error;
      this.#isFull((error as Error).cause as Error);
    }
  }

  /** Told later: something is just being handed over, and whoever hears of this may log. */
  #isFull(error: Error): void {
    this.#full = error;
    setImmediate(() => this.tellFull());
  }

  attend(cells: Float64Array, at: number, written: number, behind: number, timestamp: number): number {
    if (this.#writesAll) {
      if (this.#strict || !this.#turns.begun) {
        if (cells[at] !== BESIDE) this.#row(cells, at, behind);
        return 0;
      }
      this.#writesAll = false;
    }
    const { logged } = this.#turns;
    if (!isBehind(logged, written)) return LOOK_EVERY_S;
    // Either way: clocks are set back.
    const ageS = Math.abs(timestamp - timestampAt(cells, logged));
    if (ageS <= this.#lateS) return LOOK_EVERY_S;
    this.#catchUp(cells, written, ageS <= this.#tooLateS);
    return LOOK_AGAIN_S;
  }

  help(cells: Float64Array, written: number): void {
    if (isBehind(this.logged, written)) this.#catchUp(cells, written, true);
  }

  get logged(): number {
    return this.#turns.logged;
  }

  #row(cells: Float64Array, at: number, behind: number): void {
    this.#learn();
    this.#write(() => {
      const [shape, step, timestamp] = [cells[at], cells[at + 1], cells[at + 2]] as number[];
      this.#history.record(shape as number, step as number, timestamp as number, cells, at + PREFIX);
      return behind;
    });
  }

  #learn(): void {
    for (; this.#known < this.#shapes.length; this.#known++)
      this.#history.define(this.#known, this.#shapes[this.#known] as readonly string[]);
  }

  /** Writes what the log lacks of the rows before `written`; `part` = the first of it. */
  #catchUp(cells: Float64Array, written: number, part: boolean): void {
    if (this.#closed) return;
    this.#learn();
    this.#write(() => {
      this.#forgetLogged();
      let next = 0;
      const row: RowReader = (shape, step, timestamp, _, from) => {
        const message = shape === BESIDE ? this.#beside[next++]?.message : undefined;
        if (message) addRecord(this.#log, this.#history, message);
        else this.#history.record(shape, step, timestamp, cells, from);
      };
      const { logged } = this.#log;
      if (!isBehind(logged, written)) return logged;
      if (!part) return eachRow(cells, logged, written, row);
      const until = performance.now() + PART_MS;
      let place = logged;
      do place = eachRow(cells, place, written, row, 1);
      while (place !== written && distance(logged, place) < PART_CELLS && performance.now() < until);
      return place;
    });
  }

  /** `stretch` answers the place that the log has come to. */
  #write(stretch: () => number): void {
    this.#log.hold();
    let place: number;
    try {
      place = stretch();
    } catch (error) {
      this.#log.cancel();
      throw error;
    }
    this.#log.release(place);
  }

  #forgetLogged(): void {
    const { logged } = this.#turns;
    let count = 0;
    while (
      count < this.#beside.length &&
      !isBehind(logged, (this.#beside[count] as { behind: number }).behind)
    )
      count++;
    if (count > 0) this.#beside = this.#beside.slice(count);
  }
}
