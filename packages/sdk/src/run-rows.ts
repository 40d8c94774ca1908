import type { MetricFields } from "@steelyard/protocol/records";
import type { Dropped } from "./drops.ts";
import type { Entry, InOrder } from "./messages.ts";
import { NumericRows } from "./numeric-rows.ts";
import type { RingWriter } from "./ring.ts";
import { StepMetrics } from "./step-metrics.ts";
import { Summary } from "./summary.ts";
import { isPlainObject, numberJson, toJson } from "./values.ts";

/** What `log` may be told beside the row. */
export interface LogOptions {
  /**
   * Step of this row, a whole number from 0. Rows of one step are merged; a row below the current step is not recorded,
   * unless `lateSteps` is `send`.
   *
   * @default one more than the last row's
   */
  step?: number;
  /**
   * `false`: merge into the open row and wait for more.
   *
   * @default `true`, or `false` when `step` is given
   */
  commit?: boolean;
}

/** Where the rows of a run go, and what is said of them. */
export interface RowsTo {
  ring: RingWriter;
  /** Before the first row of the shape. */
  tellShape: (id: number, keys: string[]) => void;
  /** A row that is not all numbers, in its place among the others. */
  post: (row: Extract<InOrder, { kind: "row" }>) => void;
  drop: (dropped: Dropped) => void;
  warn: (text: string) => void;
  /** A row came when the run took none any more. */
  refuse: () => void;
}

/**
 * The rows of one run, as they are logged: their steps, the row that is open until more of it comes, and what the summary
 * keeps of them on this side.
 *
 * Hot path: `log` of a row of numbers.
 */
export class RunRows {
  // What `log` reads each time stands together.
  readonly #numbers: NumericRows;
  /** No row is open and the run goes on: rows of numbers need no thought. */
  #plain = true;
  /** So many were logged. */
  count = 0;
  #step: number;
  /** What `summary` shows. */
  readonly kept = new Summary();
  readonly #to: RowsTo;
  readonly #stepMetrics = new StepMetrics();
  readonly #sendsLate: boolean;
  readonly #shared: boolean;
  #open: Map<string, string> | undefined;
  #openTimestamp = 0;
  #warnedStep = false;
  #over = false;

  /** `step` = of the first row; `shared` = the server numbers the rows; `sendsLate` = rows of past steps are recorded. */
  constructor(
    to: RowsTo,
    { step, shared, sendsLate }: { step: number; shared: boolean; sendsLate: boolean },
  ) {
    this.#to = to;
    this.#step = step;
    this.#shared = shared;
    this.#sendsLate = sendsLate;
    this.#numbers = new NumericRows(to.ring, this.#stepMetrics, this.kept, to.tellShape);
  }

  /** Of the next row. */
  get step(): number {
    return this.#step;
  }

  /** From here on each is refused. */
  end(): void {
    this.#over = true;
    this.#plain = false;
  }

  /** `kept` hears of all that was logged. */
  settle(): void {
    this.#numbers.settle();
  }

  /** `stepMetric` = what the rows of this metric get beside it; "": nothing. */
  define(metric: MetricFields, stepMetric: string): void {
    this.#openHeld();
    this.#stepMetrics.define(metric.name, stepMetric);
    this.#numbers.forgetShapes();
    this.kept.define(metric);
  }

  log(data: Readonly<Record<string, unknown>>, options?: LogOptions | number, commit?: boolean): void {
    // Checks are few here on purpose: this is the hot path.
    if (options === undefined && commit === undefined && this.#plain && this.#numbers.log(data, this.#step)) {
      this.#step++;
      this.count++;
    } else if (
      commit === undefined &&
      this.#holdNumbers(data, typeof options === "object" ? options : { step: options })
    )
      return;
    else if (typeof options === "object") this.#logAny(data, options);
    else
      this.#logAny(data, {
        ...(options === undefined ? {} : { step: options }),
        ...(commit === undefined ? {} : { commit }),
      });
  }

  /** A row of numbers for a step that begins: it waits for the next one. False: nothing was done with it. */
  #holdNumbers(data: Readonly<Record<string, unknown>>, { step, commit }: LogOptions): boolean {
    if (commit !== undefined || this.#shared || !Number.isSafeInteger(step)) return false;
    const begun = step as number;
    const { holds } = this.#numbers;
    if (holds ? begun <= this.#step : !this.#plain || begun < this.#step) return false;
    if (!this.#numbers.hold(data, this.#flush)) return false;
    this.#step = begun;
    this.#plain = false;
    return true;
  }

  /** What was held as numbers is an open row of anything. */
  #openHeld(): void {
    if (!this.#numbers.holds) return;
    const { values, timestamp } = this.#numbers.takeHeld();
    this.#open = new Map(values.map(([key, value]) => [key, numberJson(value)]));
    this.#openTimestamp = timestamp;
  }

  #logAny(data: Readonly<Record<string, unknown>>, options: LogOptions = {}): void {
    if (this.#over) {
      this.#to.refuse();
      return;
    }
    if (!isPlainObject(data)) throw new TypeError("log takes an object of keys and values");
    this.#openHeld();
    const { step, commit = step === undefined } = this.#shared ? this.#unnumbered(options) : options;
    if (step !== undefined && (!Number.isSafeInteger(step) || step < 0))
      throw new TypeError(`step must be a whole number from 0, not ${step}`);
    const entries: Entry[] = [];
    let timestamp = Date.now() / 1000;
    for (const [key, value] of Object.entries(data)) {
      if (key === "_step" || value === undefined) continue;
      if (key === "_timestamp" && typeof value === "number") timestamp = value;
      else entries.push([key, toJson(value, key, { forRow: true })]);
    }
    if (step !== undefined && step < this.#step) {
      if (this.#sendsLate) this.#writeLate(entries, step, timestamp);
      else
        this.#to.drop({
          kind: "late-step",
          step,
          kept: false,
          message: `a row for step ${step} was not recorded: the run is at step ${this.#step}. Steps must not go back; use lateSteps: "send" to record such rows, or defineMetric for another x axis`,
        });
      return;
    }
    if (step !== undefined && step > this.#step) {
      this.flush();
      this.#step = step;
    }
    if (commit && this.#open === undefined) {
      this.#write(entries, timestamp);
      this.#step++;
      return;
    }
    const open = this.#open ?? new Map<string, string>();
    for (const [key, json] of entries) open.set(key, json);
    this.#open = open;
    this.#plain = false;
    this.#openTimestamp = timestamp;
    if (commit) {
      this.flush();
      this.#step++;
    }
  }

  /** What is said of steps in shared mode is ignored, with a warning the first time. */
  #unnumbered({ step, commit }: LogOptions): LogOptions {
    if (step !== undefined && !this.#warnedStep)
      this.#to.warn(
        "steps are not given by hand in shared mode: the server numbers the rows; use defineMetric for another x axis",
      );
    this.#warnedStep ||= step !== undefined;
    return commit === undefined ? {} : { commit };
  }

  readonly #flush = () => this.flush();

  /** The row that waits for more goes its way as it is. */
  flush(): void {
    if (this.#numbers.handOverHeld(this.#step)) this.count++;
    else this.#openHeld();
    const open = this.#open;
    this.#open = undefined;
    this.#plain = !this.#over;
    if (open && open.size > 0) this.#write([...open], this.#openTimestamp);
  }

  #write(entries: Entry[], timestamp: number): void {
    this.#stepMetrics.fill(entries);
    this.#numbers.settle();
    this.#to.post({ kind: "row", step: this.#step, timestamp, entries });
    for (const [key, json] of entries) this.kept.logged(key, json);
    this.count++;
  }

  /** A row of a step that is past goes to its place; it is whole as it comes. */
  #writeLate(entries: Entry[], step: number, timestamp: number): void {
    this.#numbers.settle();
    this.#to.post({ kind: "row", step, timestamp, entries });
    for (const [key, json] of entries) this.kept.late(key, json, step);
    this.count++;
  }
}
