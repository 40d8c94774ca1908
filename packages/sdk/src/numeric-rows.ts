import { PREFIX, RingWriter } from "./ring.ts";
import type { StepMetrics, StepValue } from "./step-metrics.ts";
import type { Summary } from "./summary.ts";

/** Rows that never look alike would fill the table of shapes: beyond this many they go the other way. */
const MAX_SHAPES = 10_000;

interface Shape {
  id: number;
  /** Of the caller's object. */
  keys: string[];
  /** What the rows have: those, and step metrics that the caller leaves out. */
  all: string[];
  /** Step metrics among the keys, by place, and those that are added, in order; undefined when there is none of either. */
  steps: { own: { place: number; value: StepValue }[]; added: StepValue[] } | undefined;
  /** Keys of which the summary keeps more than the last value, by place; undefined when there is none. */
  ruled: { place: number; key: string }[] | undefined;
  /** Values of the last row of this shape, for `summary` on this side. */
  last: Float64Array;
}

/**
 * The caller's side of rows of numbers: each is written from the caller's object into shared memory.
 *
 * Hot path: nothing may be allocated for a row whose keys were seen before.
 */
export class NumericRows {
  readonly ring: RingWriter;
  readonly #tellShape: (id: number, keys: string[]) => void;
  readonly #stepMetrics: StepMetrics;
  readonly #byKeys = new Map<string, Shape>();
  readonly #summary: Summary;
  #shapes = 0;
  #shape: Shape | undefined;
  /** The summary has not heard of this shape's last row. */
  #unheard = false;

  /** `tellShape` posts a shape to the worker, before its first row. */
  constructor(
    ring: RingWriter,
    stepMetrics: StepMetrics,
    summary: Summary,
    tellShape: (id: number, keys: string[]) => void,
  ) {
    this.#summary = summary;
    this.ring = ring;
    this.#stepMetrics = stepMetrics;
    this.#tellShape = tellShape;
  }

  /** A metric was defined: every shape is to be looked at anew. */
  forgetShapes(): void {
    this.settle();
    this.#shape = undefined;
    this.#byKeys.clear();
  }

  /** True when every value is a number and the row is handed over; else nothing was done. */
  log(data: Readonly<Record<string, unknown>>, step: number): boolean {
    const shape = this.#shape;
    if (shape && this.#handOver(data, shape, step)) return true;
    const other = this.#shapeOf(data);
    if (!other) return false;
    this.settle();
    this.#shape = other;
    return this.#handOver(data, other, step);
  }

  /** The summary hears of the last row. */
  settle(): void {
    if (!this.#unheard || !this.#shape) return;
    this.#unheard = false;
    const { all, last } = this.#shape;
    for (let place = 0; place < all.length; place++) {
      const key = all[place] as string;
      // The others heard of every row as it was logged.
      if (!this.#summary.ruled(key)) this.#summary.number(key, last[place] as number);
    }
  }

  #handOver(data: Readonly<Record<string, unknown>>, shape: Shape, step: number): boolean {
    const { keys, all, steps, ruled, last } = shape;
    const { ring } = this;
    const place = ring.place(all.length);
    const { cells } = ring;
    const from = place + PREFIX;
    let count = 0;
    for (const key in data) {
      const value = data[key];
      if (typeof value !== "number" || keys[count] !== key) return false;
      cells[from + count] = value;
      count++;
    }
    if (count !== keys.length) return false;
    if (steps) {
      for (const { number } of steps.added) {
        if (number === undefined) return false;
        cells[from + count] = number;
        count++;
      }
    }
    // Refused when reading the object logged another row meanwhile (a getter may).
    if (!ring.publish(place, shape.id, step, Date.now() / 1000, count)) return false;
    for (let index = 0; index < count; index++) last[index] = cells[from + index] as number;
    if (steps) for (const { place: index, value } of steps.own) value.number = last[index] as number;
    if (ruled) for (const { place: index, key } of ruled) this.#summary.number(key, last[index] as number);
    this.#unheard = true;
    return true;
  }

  #shapeOf(data: Readonly<Record<string, unknown>>): Shape | undefined {
    if (data === null || typeof data !== "object" || Array.isArray(data)) return undefined;
    const keys = Object.keys(data);
    if (keys.length === 0 || keys.length > RingWriter.MAX_VALUES / 2) return undefined;
    for (const key of keys) if (typeof data[key] !== "number" || key.startsWith("_")) return undefined;
    const name = keys.join("\0");
    const known = this.#byKeys.get(name);
    if (known || this.#shapes >= MAX_SHAPES) return known;
    const missing = this.#stepMetrics.missing(keys);
    const all = [...keys, ...missing];
    const own = keys.flatMap((key, place) => {
      const value = this.#stepMetrics.value(key);
      return value ? [{ place, value }] : [];
    });
    const added = missing.flatMap((key) => this.#stepMetrics.value(key) ?? []);
    const ruled = all.flatMap((key, place) => (this.#summary.ruled(key) ? [{ place, key }] : []));
    const shape: Shape = {
      id: this.#shapes++,
      keys,
      all,
      steps: own.length + missing.length > 0 ? { own, added } : undefined,
      ruled: ruled.length > 0 ? ruled : undefined,
      last: new Float64Array(all.length),
    };
    this.#byKeys.set(name, shape);
    this.#tellShape(shape.id, all);
    return shape;
  }
}
