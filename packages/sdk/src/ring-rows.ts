import type { History } from "./history.ts";
import { addRecord } from "./log-records.ts";
import type { InOrder } from "./messages.ts";
import { BESIDE, eachRow, isBehind } from "./ring.ts";
import type { RunLog } from "./run-log.ts";

/**
 * Rows from the ring into the log, and on their way, by the run's thread. The program's thread may have written some of
 * them to the log, or may do so meanwhile: each is there once, and in order.
 *
 * Hot path: once per row.
 */
export class RingRows {
  readonly #cells: Float64Array;
  readonly #log: RunLog;
  readonly #history: History;
  readonly #next: () => InOrder | undefined;
  readonly #inTurn: (message: Exclude<InOrder, { kind: "row" }>) => void;

  /** `next` = the message of the marker that was met; `inTurn` does with it what is not the log's. */
  constructor(
    cells: Float64Array,
    log: RunLog,
    history: History,
    next: () => InOrder | undefined,
    inTurn: (message: Exclude<InOrder, { kind: "row" }>) => void,
  ) {
    this.#cells = cells;
    this.#log = log;
    this.#history = history;
    this.#next = next;
    this.#inTurn = inTurn;
  }

  /** What is between two places of the ring; it is in the log when this returns. */
  take(from: number, to: number): void {
    const log = this.#log;
    const history = this.#history;
    const messages: (InOrder | undefined)[] = [];
    log.open();
    const { logged } = log;
    eachRow(this.#cells, from, to, (shape, step, timestamp, cells, at, place) => {
      const isLogged = isBehind(place, logged);
      if (shape === BESIDE) messages.push(this.#takeNext(isLogged));
      else history.numbers(shape, step, timestamp, cells, at, isLogged);
    });
    while (!log.commit(to)) history.again(() => this.#again(from, to, messages));
  }

  #takeNext(isLogged: boolean): InOrder | undefined {
    const message = this.#next();
    if (message?.kind === "row")
      this.#history.mixed(message.step, message.timestamp, message.entries, isLogged);
    else if (message) {
      if (!isLogged) addRecord(this.#log, this.#history, message);
      this.#inTurn(message);
    }
    return message;
  }

  /** The log was written meanwhile: what it still lacks goes behind. */
  #again(from: number, to: number, messages: readonly (InOrder | undefined)[]): void {
    const log = this.#log;
    log.open();
    let next = 0;
    eachRow(this.#cells, from, to, (shape, step, timestamp, cells, at, place) => {
      const message = shape === BESIDE ? messages[next++] : undefined;
      if (isBehind(place, log.logged)) return;
      if (message) addRecord(log, this.#history, message);
      else this.#history.record(shape, step, timestamp, cells, at);
    });
  }
}
