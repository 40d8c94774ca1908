import type { Series } from "../../ports/metric-store.ts";
import type { Pyramid } from "./pyramid.ts";

/** From the points and groups of one run × key to the buckets that are drawn. */

/** Of x, inclusive. */
export interface Range {
  min: number;
  max: number;
}

/** Points of one run × key, before they are put into buckets. */
export class Gathered {
  x = new Float64Array(0);
  value = new Float64Array(0);
  points = 0;

  /** Room for so many more points. */
  makeRoom(points: number): void {
    const needed = this.points + points;
    if (needed <= this.x.length) return;
    const size = Math.max(needed, this.x.length * 2);
    const { x, value } = this;
    this.x = new Float64Array(size);
    this.value = new Float64Array(size);
    this.x.set(x);
    this.value.set(value);
  }
}

/** The buckets of one run × key, filled from points and from whole groups of points. */
export class Buckets {
  /** Points in them. */
  points = 0;
  readonly #run: number;
  readonly #key: string;
  readonly #columns: Columns;
  readonly #low: number;
  readonly #scale: number;
  /** x of `first` and `last`, which are finite values: others widen the bucket only. */
  readonly #firstX: Float64Array;
  readonly #lastX: Float64Array;

  /** `grid`: what the buckets divide evenly. */
  constructor(run: number, key: string, grid: Range, buckets: number) {
    this.#run = run;
    this.#key = key;
    this.#columns = columnsOf(buckets);
    this.#low = grid.min;
    this.#scale = grid.max > grid.min ? buckets / (grid.max - grid.min) : 0;
    this.#firstX = new Float64Array(buckets).fill(Number.POSITIVE_INFINITY);
    this.#lastX = new Float64Array(buckets).fill(Number.NEGATIVE_INFINITY);
    this.#columns.xFirst.fill(Number.POSITIVE_INFINITY);
    this.#columns.xLast.fill(Number.NEGATIVE_INFINITY);
  }

  add({ x, value, points }: Gathered): void {
    const { xFirst, xLast, min, max, mean, first, last, count, nonFinite } = this.#columns;
    this.points += points;
    const firstX = this.#firstX;
    const lastX = this.#lastX;
    const low = this.#low;
    const scale = this.#scale;
    const top = count.length - 1;
    for (let i = 0; i < points; i++) {
      const here = x[i] as number;
      const one = value[i] as number;
      let at = ((here - low) * scale) | 0;
      if (at > top) at = top;
      if (here < (xFirst[at] as number)) xFirst[at] = here;
      if (here > (xLast[at] as number)) xLast[at] = here;
      // Finite values only: Infinity - Infinity and NaN - NaN are NaN.
      if (one - one !== 0) {
        nonFinite[at] = (nonFinite[at] as number) + 1;
        continue;
      }
      const before = count[at] as number;
      if (before === 0 || one < (min[at] as number)) min[at] = one;
      if (before === 0 || one > (max[at] as number)) max[at] = one;
      if (here < (firstX[at] as number)) {
        firstX[at] = here;
        first[at] = one;
      }
      if (here >= (lastX[at] as number)) {
        lastX[at] = here;
        last[at] = one;
      }
      count[at] = before + 1;
      mean[at] = (mean[at] as number) + one;
    }
  }

  /**
   * A group goes whole into the bucket of its first x, so the edges move by less than a group; the answer says its x.
   * `sum`, `first` … are over the finite values, of which there are `count`.
   */
  addGroup(from: number, to: number, pyramid: Pyramid, group: number): void {
    const columns = this.#columns;
    const finite = pyramid.count[group] as number;
    const others = pyramid.nonFinite[group] as number;
    const top = columns.count.length - 1;
    let at = ((from - this.#low) * this.#scale) | 0;
    if (at > top) at = top;
    if (at < 0) at = 0;
    this.points += finite + others;
    if (from < (columns.xFirst[at] as number)) columns.xFirst[at] = from;
    if (to > (columns.xLast[at] as number)) columns.xLast[at] = to;
    if (others > 0) columns.nonFinite[at] = (columns.nonFinite[at] as number) + others;
    if (finite === 0) return;
    const before = columns.count[at] as number;
    const min = pyramid.min[group] as number;
    const max = pyramid.max[group] as number;
    if (before === 0 || min < (columns.min[at] as number)) columns.min[at] = min;
    if (before === 0 || max > (columns.max[at] as number)) columns.max[at] = max;
    if (from < (this.#firstX[at] as number)) {
      this.#firstX[at] = from;
      columns.first[at] = pyramid.first[group] as number;
    }
    if (to >= (this.#lastX[at] as number)) {
      this.#lastX[at] = to;
      columns.last[at] = pyramid.last[group] as number;
    }
    columns.count[at] = before + finite;
    columns.mean[at] = (columns.mean[at] as number) + (pyramid.sum[group] as number);
  }

  /** Without the empty ones. `mean` holds sums until here. */
  series(): Series {
    const columns = this.#columns;
    const { count, nonFinite, mean, min, max, first, last } = columns;
    const all = COLUMNS.map((name) => columns[name]);
    let kept = 0;
    for (let at = 0; at < count.length; at++) {
      const finite = count[at] as number;
      if (finite === 0) {
        if (nonFinite[at] === 0) continue;
        min[at] = Number.NaN;
        max[at] = Number.NaN;
        first[at] = Number.NaN;
        last[at] = Number.NaN;
      }
      mean[at] = (mean[at] as number) / finite;
      if (kept !== at) for (const column of all) column[kept] = column[at] as number;
      kept++;
    }
    if (kept < count.length) for (const name of COLUMNS) columns[name] = columns[name].slice(0, kept);
    return { run: this.#run, key: this.#key, exact: false, points: this.points, ...columns };
  }
}

/** Every point a bucket of its own, in order of x. */
export function exactSeries(run: number, key: string, { x, value, points }: Gathered): Series {
  const order = Array.from(x.subarray(0, points).keys()).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0));
  const series: Series = { run, key, exact: true, points, ...columnsOf(points) };
  for (const [to, from] of order.entries()) {
    const at = x[from] ?? 0;
    const logged = value[from] ?? 0;
    const finite = Number.isFinite(logged);
    const shown = finite ? logged : Number.NaN;
    series.xFirst[to] = at;
    series.xLast[to] = at;
    series.min[to] = shown;
    series.max[to] = shown;
    series.mean[to] = shown;
    series.first[to] = shown;
    series.last[to] = logged;
    series.count[to] = finite ? 1 : 0;
    series.nonFinite[to] = finite ? 0 : 1;
  }
  return series;
}

type Columns = Pick<Series, (typeof COLUMNS)[number]>;

const COLUMNS = ["xFirst", "xLast", "min", "max", "mean", "first", "last", "count", "nonFinite"] as const;

function columnsOf(length: number): Columns {
  const column = () => new Float64Array(length);
  return {
    xFirst: column(),
    xLast: column(),
    min: column(),
    max: column(),
    mean: column(),
    first: column(),
    last: column(),
    count: column(),
    nonFinite: column(),
  };
}
