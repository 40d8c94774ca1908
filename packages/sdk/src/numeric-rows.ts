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
  /** Of a row that is held back; undefined: none is. */
  #heldShape: Shape | undefined;
  #heldValues = new Float64Array(64);
  /** Of one that is being read. */
  #nextValues = new Float64Array(64);
  #holds = 0;
  #heldTimestamp = 0;

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

  /** A row is held back: it is whole when the next step begins. */
  get holds(): boolean {
    return this.#heldShape !== undefined;
  }

  /** As `log`, but the row waits for `handOverHeld` or `takeHeld`; one that is held already goes its way by `flush` first. */
  hold(data: Readonly<Record<string, unknown>>, flush: () => void): boolean {
    const turn = ++this.#holds;
    const { written } = this.ring;
    let shape = this.#shape;
    if (!shape || !this.#readNext(data, shape)) {
      shape = this.#shapeOf(data);
      if (!shape || !this.#readNext(data, shape)) return false;
    }
    // Reading the object logged another row meanwhile (a getter may).
    if (turn !== this.#holds || written !== this.ring.written) return false;
    if (this.#heldShape) flush();
    this.#heldShape = shape;
    [this.#heldValues, this.#nextValues] = [this.#nextValues, this.#heldValues];
    this.#heldTimestamp = Date.now() / 1000;
    return true;
  }

  #readNext(data: Readonly<Record<string, unknown>>, { keys }: Shape): boolean {
    if (keys.length > this.#nextValues.length) this.#nextValues = new Float64Array(keys.length * 2);
    let count = 0;
    for (const key in data) {
      const value = data[key];
      if (typeof value !== "number" || keys[count] !== key) return false;
      this.#nextValues[count] = value;
      count++;
    }
    return count === keys.length;
  }

  /** The row that is held goes its way. False when it cannot as numbers: it is held still. */
  handOverHeld(step: number): boolean {
    const shape = this.#heldShape;
    if (!shape) return false;
    const { ring } = this;
    const { length } = shape.keys;
    const place = ring.place(shape.all.length);
    const { cells } = ring;
    const from = place + PREFIX;
    for (let index = 0; index < length; index++) cells[from + index] = this.#heldValues[index] as number;
    const count = addSteps(shape, cells, from, length);
    if (count < 0) return false;
    if (this.#shape !== shape) {
      this.settle();
      this.#shape = shape;
    }
    if (!ring.publish(place, shape.id, step, this.#heldTimestamp, count)) return false;
    this.#heldShape = undefined;
    this.#tellLast(shape, cells, from, count);
    return true;
  }

  /** The row that is held, back as a row of anything: more is added to it. */
  takeHeld(): { values: [key: string, value: number][]; timestamp: number } {
    const keys = this.#heldShape?.keys ?? [];
    this.#heldShape = undefined;
    this.#holds++;
    return {
      values: keys.map((key, place) => [key, this.#heldValues[place] as number]),
      timestamp: this.#heldTimestamp,
    };
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
    const { keys } = shape;
    const { ring } = this;
    const place = ring.place(shape.all.length);
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
    count = addSteps(shape, cells, from, count);
    if (count < 0) return false;
    // Refused when reading the object logged another row meanwhile (a getter may).
    if (!ring.publish(place, shape.id, step, Date.now() / 1000, count)) return false;
    this.#tellLast(shape, cells, from, count);
    return true;
  }

  #tellLast({ last, steps, ruled }: Shape, cells: Float64Array, from: number, count: number): void {
    for (let index = 0; index < count; index++) last[index] = cells[from + index] as number;
    if (steps) for (const { place, value } of steps.own) value.number = last[place] as number;
    if (ruled) for (const { place, key } of ruled) this.#summary.number(key, last[place] as number);
    this.#unheard = true;
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

/** Behind `count` values of a row those of the step metrics that it leaves out; -1 when one is not a number. */
function addSteps({ steps }: Shape, cells: Float64Array, from: number, count: number): number {
  if (!steps) return count;
  let all = count;
  for (const { number } of steps.added) {
    if (number === undefined) return -1;
    cells[from + all] = number;
    all++;
  }
  return all;
}
