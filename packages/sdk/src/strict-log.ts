import { configRecord, type Item, metricRecord, summaryRecord } from "@steelyard/protocol/records";
import { History } from "./history.ts";
import { LogTurns } from "./log-turns.ts";
import type { Entry, InOrder, WorkerStart } from "./messages.ts";
import { PREFIX, type RingMemory, RingWriter } from "./ring.ts";
import { RunLog } from "./run-log.ts";
import { Summary } from "./summary.ts";

/**
 * The log as the program's thread writes it in strict mode: a row is in the file when `log` returns, and what cannot be
 * written is thrown. The run's thread writes its own records between, and sends as ever.
 */
export class StrictLog {
  readonly #log: RunLog;
  readonly #history: History;

  /** After the run's thread has begun the log. `startTimeMs` = zero of `_runtime`. */
  constructor(start: WorkerStart, turns: SharedArrayBuffer, startTimeMs: number) {
    this.#log = new RunLog(start.log, new LogTurns(turns));
    this.#log.onFull = (error) => {
      throw new Error(
        `not recorded: ${start.logFile} cannot be written (${error.message}); make room on the disk, and log it again`,
      );
    };
    this.#history = new History(this.#log, new Summary(), undefined, undefined, {
      startTimeMs,
      sending: false,
      numbered: start.writer.id === "",
    });
  }

  define(id: number, keys: readonly string[]): void {
    this.#history.define(id, keys);
  }

  numbers(shape: number, step: number, timestamp: number, cells: Float64Array, from: number): void {
    this.#history.numbers(shape, step, timestamp, cells, from);
  }

  /** What the run's thread, told the same, leaves to this one: rows, and what they are read by. */
  keep(message: InOrder): void {
    switch (message.kind) {
      case "row":
        this.#history.mixed(message.step, message.timestamp, message.entries);
        break;
      case "config":
        this.#log.append((num) => configRecord(num, items(Object.entries(message.config))));
        break;
      case "summary":
        this.#log.append((num) => summaryRecord(num, items(message.entries)));
        break;
      case "metric":
        this.#log.append((num) => metricRecord(num, message.metric));
        break;
    }
  }
}

const items = (entries: readonly Entry[]) => entries.map(([key, json]): Item => [[key], json]);

/** The ring of a strict run: the log has a row before anyone else does. */
export class StrictRing extends RingWriter {
  readonly #log: StrictLog;

  constructor(memory: RingMemory, log: StrictLog) {
    super(memory);
    this.#log = log;
  }

  override publish(place: number, shape: number, step: number, timestamp: number, count: number): boolean {
    if (!this.isNext(place)) return false;
    if (shape >= 0) this.#log.numbers(shape, step, timestamp, this.cells, place + PREFIX);
    return super.publish(place, shape, step, timestamp, count);
  }
}
