import { PREFIX, type RingMemory, RingWriter } from "./ring.ts";
import type { StepMetrics, StepValue } from "./step-metrics.ts";

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
  /** Values of the last row of this shape, for `summary` on this side. */
  last: Float64Array;
  /** Which row that was, so that the latest of several shapes wins. */
  row: number;
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
  readonly #shapes: Shape[] = [];
  #shape: Shape | undefined;

  /** `tellShape` posts a shape to the worker, before its first row. */
  constructor(memory: RingMemory, stepMetrics: StepMetrics, tellShape: (id: number, keys: string[]) => void) {
    this.ring = new RingWriter(memory);
    this.#stepMetrics = stepMetrics;
    this.#tellShape = tellShape;
  }

  /** Step metrics were defined: every shape is to be looked at anew. */
  forgetShapes(): void {
    this.#shape = undefined;
    this.#byKeys.clear();
  }

  /** True when every value is a number and the row is handed over; else nothing was done. `row` counts up. */
  log(data: Readonly<Record<string, unknown>>, step: number, row: number): boolean {
    const shape = this.#shape;
    if (shape && this.#handOver(data, shape, step, row)) return true;
    const other = this.#shapeOf(data);
    if (!other || !this.#handOver(data, other, step, row)) return false;
    this.#shape = other;
    return true;
  }

  #handOver(data: Readonly<Record<string, unknown>>, shape: Shape, step: number, row: number): boolean {
    const { keys, all, steps, last } = shape;
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
    shape.row = row;
    return true;
  }

  #shapeOf(data: Readonly<Record<string, unknown>>): Shape | undefined {
    if (data === null || typeof data !== "object" || Array.isArray(data)) return undefined;
    const keys = Object.keys(data);
    if (keys.length === 0 || keys.length > RingWriter.MAX_VALUES / 2) return undefined;
    for (const key of keys) if (typeof data[key] !== "number" || key.startsWith("_")) return undefined;
    const name = keys.join("\0");
    const known = this.#byKeys.get(name);
    if (known || this.#shapes.length >= MAX_SHAPES) return known;
    const missing = this.#stepMetrics.missing(keys);
    const all = [...keys, ...missing];
    const own = keys.flatMap((key, place) => {
      const value = this.#stepMetrics.value(key);
      return value ? [{ place, value }] : [];
    });
    const added = missing.flatMap((key) => this.#stepMetrics.value(key) ?? []);
    const shape: Shape = {
      id: this.#shapes.length,
      keys,
      all,
      steps: own.length + missing.length > 0 ? { own, added } : undefined,
      last: new Float64Array(all.length),
      row: 0,
    };
    this.#shapes.push(shape);
    this.#byKeys.set(name, shape);
    this.#tellShape(shape.id, all);
    return shape;
  }

  /** Last number of each key of each shape, and which row it was. */
  latest(): { key: string; value: number; row: number }[] {
    return this.#shapes.flatMap(({ all, last, row }) =>
      row === 0 ? [] : all.map((key, index) => ({ key, value: last[index] as number, row })),
    );
  }
}
