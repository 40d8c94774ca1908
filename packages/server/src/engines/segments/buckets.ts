import type { Series } from "../../ports/metric-store.ts";

/** From the points and groups of one run × key to the buckets that are drawn. */

/** Of x, inclusive. */
export interface Range {
  min: number;
  max: number;
}

/** Points and groups of points of one run × key, before they are put into buckets. */
export class Gathered {
  x = new Float64Array(0);
  value = new Float64Array(0);
  /** Of them filled. */
  single = 0;
  // Of groups, side by side.
  readonly xFirst: number[] = [];
  readonly xLast: number[] = [];
  readonly min: number[] = [];
  readonly max: number[] = [];
  readonly sum: number[] = [];
  readonly first: number[] = [];
  readonly last: number[] = [];
  readonly count: number[] = [];
  readonly nonFinite: number[] = [];
  points = 0;

  /** Room for so many more points. */
  makeRoom(points: number): void {
    const needed = this.single + points;
    if (needed <= this.x.length) return;
    const size = Math.max(needed, this.x.length * 2);
    const { x, value } = this;
    this.x = new Float64Array(size);
    this.value = new Float64Array(size);
    this.x.set(x);
    this.value.set(value);
  }

  group(
    xFirst: number,
    xLast: number,
    min: number,
    max: number,
    sum: number,
    first: number,
    last: number,
    count: number,
    nonFinite: number,
  ): void {
    this.xFirst.push(xFirst);
    this.xLast.push(xLast);
    this.min.push(min);
    this.max.push(max);
    this.sum.push(sum);
    this.first.push(first);
    this.last.push(last);
    this.count.push(count);
    this.nonFinite.push(nonFinite);
    this.points += count + nonFinite;
  }
}

/** `grid`: what the buckets divide evenly. */
export function toSeries(run: number, key: string, gathered: Gathered, grid: Range, buckets: number): Series {
  const { points } = gathered;
  if (gathered.xFirst.length === 0 && points <= buckets) return exactSeries(run, key, gathered);
  const { x, value, single, xFirst, xLast } = gathered;
  const filling = new Buckets(emptySeries(run, key, false, points, buckets), grid.min, grid.max);
  filling.addPoints(x, value, single);
  for (let i = 0; i < xFirst.length; i++) {
    filling.add(
      xFirst[i] ?? 0,
      xLast[i] ?? 0,
      gathered.min[i] ?? 0,
      gathered.max[i] ?? 0,
      gathered.sum[i] ?? 0,
      gathered.first[i] ?? 0,
      gathered.last[i] ?? 0,
      gathered.count[i] ?? 0,
      gathered.nonFinite[i] ?? 0,
    );
  }
  return withoutEmpty(filling.series);
}

class Buckets {
  readonly series: Series;
  readonly #low: number;
  readonly #scale: number;
  readonly #firstX: Float64Array;
  readonly #lastX: Float64Array;

  constructor(series: Series, low: number, high: number) {
    const buckets = series.count.length;
    this.series = series;
    this.#low = low;
    this.#scale = high > low ? buckets / (high - low) : 0;
    this.#firstX = new Float64Array(buckets).fill(Number.POSITIVE_INFINITY);
    this.#lastX = new Float64Array(buckets).fill(Number.NEGATIVE_INFINITY);
    series.xFirst.fill(Number.POSITIVE_INFINITY);
    series.xLast.fill(Number.NEGATIVE_INFINITY);
  }

  /** As `add` of each, without a call a point. */
  addPoints(x: Float64Array, value: Float64Array, points: number): void {
    const { xFirst, xLast, min, max, mean, first, last, count, nonFinite } = this.series;
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

  /** A group goes whole into the bucket of its first x, so the edges move by less than a group; the answer says its x. */
  add(
    from: number,
    to: number,
    min: number,
    max: number,
    sum: number,
    first: number,
    last: number,
    count: number,
    nonFinite: number,
  ): void {
    const made = this.series;
    const at = Math.min(made.count.length - 1, Math.max(0, Math.floor((from - this.#low) * this.#scale)));
    if (from < (made.xFirst[at] ?? 0)) made.xFirst[at] = from;
    if (to > (made.xLast[at] ?? 0)) made.xLast[at] = to;
    made.nonFinite[at] = (made.nonFinite[at] ?? 0) + nonFinite;
    if (count === 0) return;
    const before = made.count[at] ?? 0;
    if (before === 0 || min < (made.min[at] ?? 0)) made.min[at] = min;
    if (before === 0 || max > (made.max[at] ?? 0)) made.max[at] = max;
    if (from < (this.#firstX[at] ?? 0)) {
      this.#firstX[at] = from;
      made.first[at] = first;
    }
    if (to >= (this.#lastX[at] ?? 0)) {
      this.#lastX[at] = to;
      made.last[at] = last;
    }
    made.count[at] = before + count;
    made.mean[at] = (made.mean[at] ?? 0) + sum;
  }
}

/** `mean` holds sums until here. */
function withoutEmpty(made: Series): Series {
  const kept: number[] = [];
  for (let at = 0; at < made.count.length; at++) {
    if ((made.count[at] ?? 0) + (made.nonFinite[at] ?? 0) > 0) kept.push(at);
  }
  const series = emptySeries(made.run, made.key, false, made.points, kept.length);
  for (const [to, at] of kept.entries()) {
    const count = made.count[at] ?? 0;
    const gap = count === 0;
    series.xFirst[to] = made.xFirst[at] ?? 0;
    series.xLast[to] = made.xLast[at] ?? 0;
    series.min[to] = gap ? Number.NaN : (made.min[at] ?? 0);
    series.max[to] = gap ? Number.NaN : (made.max[at] ?? 0);
    series.mean[to] = gap ? Number.NaN : (made.mean[at] ?? 0) / count;
    series.first[to] = gap ? Number.NaN : (made.first[at] ?? 0);
    series.last[to] = gap ? Number.NaN : (made.last[at] ?? 0);
    series.count[to] = count;
    series.nonFinite[to] = made.nonFinite[at] ?? 0;
  }
  return series;
}

function exactSeries(run: number, key: string, { x, value, points }: Gathered): Series {
  const order = Array.from(x.subarray(0, points).keys()).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0));
  const series = emptySeries(run, key, true, points, points);
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

function emptySeries(run: number, key: string, exact: boolean, points: number, length: number): Series {
  const column = () => new Float64Array(length);
  return {
    run,
    key,
    exact,
    points,
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
