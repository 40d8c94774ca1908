import { PREFIX, type RingMemory, RingWriter } from "./ring.ts";

/** Rows that never look alike would fill the table of shapes: beyond this many they go the other way. */
const MAX_SHAPES = 10_000;

interface Shape {
  id: number;
  keys: string[];
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
  readonly #byKeys = new Map<string, Shape>();
  #shape: Shape | undefined;

  /** `tellShape` posts a shape to the worker, before its first row. */
  constructor(memory: RingMemory, tellShape: (id: number, keys: string[]) => void) {
    this.ring = new RingWriter(memory);
    this.#tellShape = tellShape;
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
    const { keys, last } = shape;
    const { ring } = this;
    const place = ring.place(keys.length);
    const { cells } = ring;
    let count = 0;
    for (const key in data) {
      const value = data[key];
      if (typeof value !== "number" || keys[count] !== key) return false;
      cells[place + PREFIX + count] = value;
      count++;
    }
    // Refused when reading the object logged another row meanwhile (a getter may).
    if (count !== keys.length || !ring.publish(place, shape.id, step, Date.now() / 1000, count)) return false;
    for (let index = 0; index < count; index++) last[index] = cells[place + PREFIX + index] as number;
    shape.row = row;
    return true;
  }

  #shapeOf(data: Readonly<Record<string, unknown>>): Shape | undefined {
    if (data === null || typeof data !== "object" || Array.isArray(data)) return undefined;
    const keys = Object.keys(data);
    if (keys.length === 0 || keys.length > RingWriter.MAX_VALUES) return undefined;
    for (const key of keys) if (typeof data[key] !== "number" || key.startsWith("_")) return undefined;
    const name = keys.join("\0");
    let shape = this.#byKeys.get(name);
    if (!shape && this.#byKeys.size < MAX_SHAPES) {
      shape = { id: this.#byKeys.size, keys, last: new Float64Array(keys.length), row: 0 };
      this.#byKeys.set(name, shape);
      this.#tellShape(shape.id, keys);
    }
    return shape;
  }

  /** Last number of each key of each shape, and which row it was. */
  latest(): { key: string; value: number; row: number }[] {
    return [...this.#byKeys.values()].flatMap(({ keys, last, row }) =>
      row === 0 ? [] : keys.map((key, index) => ({ key, value: last[index] as number, row })),
    );
  }
}
