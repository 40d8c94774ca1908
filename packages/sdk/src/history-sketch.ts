/**
 * The course of a run's metrics in small, for the end of the run: kept by the run's thread while rows go by, so that
 * neither `log()` nor the end costs more for a long run.
 */

/** Points kept of a key; when they are full, every second one goes. */
const POINTS = 128;
/** Columns of a drawn line. */
const WIDTH = 40;
const BARS = "▁▂▃▄▅▆▇█";

export interface HistoryGrid {
  /** Keys in order of the alphabet, and the course of each. */
  lines: (readonly [key: string, course: string])[];
  /** Keys that are not among them. */
  more: number;
}

/** Values of keys that are logged together, at evenly spread rows. */
class Sketch {
  readonly #places: readonly number[];
  readonly #rows = new Float64Array(POINTS);
  readonly #columns: readonly Float64Array[];
  #seen = 0;
  #stride = 1;
  #count = 0;

  /** `places` = where its keys stand in a row. */
  constructor(places: readonly number[]) {
    this.#places = places;
    this.#columns = places.map(() => new Float64Array(POINTS));
  }

  /** Hot path: of most rows only a count. */
  take(row: number, values: readonly number[]): void {
    if (this.#seen++ % this.#stride !== 0) return;
    if (this.#count === POINTS) this.#thin();
    const at = this.#count++;
    this.#rows[at] = row;
    for (let index = 0; index < this.#places.length; index++)
      (this.#columns[index] as Float64Array)[at] = values[this.#places[index] as number] as number;
  }

  #thin(): void {
    for (const column of [this.#rows, ...this.#columns])
      for (let at = 1; at < POINTS / 2; at++) column[at] = column[at * 2] as number;
    this.#count = POINTS / 2;
    this.#stride *= 2;
  }

  points(index: number): [row: number, value: number][] {
    return Array.from({ length: this.#count }, (_, at) => [
      this.#rows[at] as number,
      (this.#columns[index] as Float64Array)[at] as number,
    ]);
  }
}

export class HistorySketch {
  readonly #limit: number;
  readonly #keys = new Set<string>();
  readonly #shapes: { keys: readonly string[]; sketch: Sketch }[] = [];
  /** Of keys in rows that were not of numbers alone. */
  readonly #single = new Map<string, Sketch>();
  /** From this key on there are enough before it. */
  #enough: string | undefined;
  #row = 0;

  /** At most so many keys are drawn; with 0 nothing is kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A sketch for rows of these keys; undefined when nothing of them will be drawn. */
  shape(keys: readonly string[]): ((values: readonly number[]) => void) | undefined {
    if (this.#limit === 0) return undefined;
    const named = keys.map((key, place) => ({ key, place })).filter(({ key }) => !key.startsWith("_"));
    for (const { key } of named) this.#keys.add(key);
    // What is drawn of all keys is among the first of each shape.
    const drawn = named.sort((a, b) => inOrder(a.key, b.key)).slice(0, this.#limit);
    if (drawn.length === 0) return undefined;
    const sketch = new Sketch(drawn.map(({ place }) => place));
    this.#shapes.push({ keys: drawn.map(({ key }) => key), sketch });
    return (values) => sketch.take(this.#row++, values);
  }

  /** A value of a row of anything. */
  value(key: string, json: string): void {
    if (this.#limit === 0 || key.startsWith("_")) return;
    const number = Number(json);
    if (Number.isNaN(number) && json !== "NaN") return;
    this.#keys.add(key);
    if (this.#enough !== undefined && key >= this.#enough) return;
    let sketch = this.#single.get(key);
    if (!sketch) {
      sketch = new Sketch([0]);
      this.#single.set(key, sketch);
      if (this.#single.size > this.#limit) {
        this.#enough = [...this.#single.keys()].sort(inOrder).at(-1) as string;
        this.#single.delete(this.#enough);
        if (key === this.#enough) return;
      }
    }
    sketch.take(this.#row++, [number]);
  }

  get grid(): HistoryGrid {
    const all = [...this.#keys].sort(inOrder);
    const lines = all
      .slice(0, this.#limit)
      .map((key) => [key, course(this.#points(key))] as const)
      .filter(([, line]) => line !== "");
    return { lines, more: Math.max(0, all.length - this.#limit) };
  }

  #points(key: string): number[] {
    const parts = this.#shapes.flatMap(({ keys, sketch }) => {
      const index = keys.indexOf(key);
      return index < 0 ? [] : [sketch.points(index)];
    });
    const single = this.#single.get(key);
    if (single) parts.push(single.points(0));
    return parts
      .flat()
      .sort(([a], [b]) => a - b)
      .map(([, value]) => value);
  }
}

const inOrder = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The values as bars, at most `width`; what is not finite leaves a blank, and with nothing finite there is no line. */
export function course(values: readonly number[], width = WIDTH): string {
  const columns = values.length <= width ? values : averaged(values, width);
  const finite = columns.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  if (finite.length === 0) return "";
  // The span may be beyond the largest number.
  const share = (value: number) => (high === low ? 0 : (value / 2 - low / 2) / (high / 2 - low / 2));
  return columns
    .map((value) => (Number.isFinite(value) ? BARS[Math.round(share(value) * (BARS.length - 1))] : " "))
    .join("");
}

function averaged(values: readonly number[], width: number): number[] {
  return Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * values.length) / width);
    const part = values
      .slice(from, Math.floor(((column + 1) * values.length) / width))
      .filter((value) => Number.isFinite(value));
    return part.reduce((sum, value) => sum + value / part.length, 0) / (part.length > 0 ? 1 : 0);
  });
}
