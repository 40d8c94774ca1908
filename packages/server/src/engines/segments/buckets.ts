import type { SeriesColumn } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";
import { bitsOf, greaterKey, keyOf, lesserKey, NO_LEAST, NO_MOST, numberOf } from "./extremes.ts";
import type { GroupSink } from "./gather.ts";
import { addKind, type Kinds, type Numbers, type Summary } from "./pyramid.ts";
import type { Columns, Room } from "./room.ts";
import { type GroupEnds, KnownGroupEnds, KnownRowEnds, type RowEnds } from "./row-ends.ts";
import type { StepRule } from "./span.ts";

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

/** The buckets of one run × key after the other, filled from points and from whole groups of points. */
export class Buckets implements GroupSink {
  /** Points in them. */
  points = 0;
  readonly #columns: Columns;
  #low = 0;
  #scale = 0;
  /** x of `first` and `last`, which are finite values: others widen the bucket only. */
  readonly #firstX: Float64Array;
  readonly #lastX: Float64Array;
  readonly #ends: KnownRowEnds;
  readonly #groupEnds: KnownGroupEnds;
  readonly #wanted: readonly SeriesColumn[];
  readonly #means: boolean;
  readonly #firsts: boolean;
  readonly #lasts: boolean;
  readonly kinds: boolean;

  /** What is not in `wanted` is not worked out, as far as it costs anything. */
  constructor(buckets: number, wanted: readonly SeriesColumn[]) {
    this.#columns = columnsOf(buckets);
    this.#ends = new KnownRowEnds(buckets);
    this.#groupEnds = new KnownGroupEnds(buckets);
    this.#firstX = new Float64Array(buckets);
    this.#lastX = new Float64Array(buckets);
    this.#wanted = wanted;
    this.#means = wanted.includes("mean");
    this.#firsts = wanted.includes("first");
    this.#lasts = wanted.includes("last");
    this.kinds = wanted.includes("infinite") || wanted.includes("negativeInfinite");
  }

  /** Empty again. `grid`: what the buckets divide evenly. */
  begin(grid: Range): void {
    const { xFirst, xLast, mean, count, nonFinite, infinite, negativeInfinite } = this.#columns;
    const scale = grid.max > grid.min ? count.length / (grid.max - grid.min) : 0;
    this.#ends.begin(grid.min, scale);
    this.#groupEnds.begin(grid.min, scale);
    this.points = 0;
    this.#low = grid.min;
    this.#scale = scale;
    for (const column of [this.#firstX, xFirst]) column.fill(Number.POSITIVE_INFINITY);
    for (const column of [this.#lastX, xLast]) column.fill(Number.NEGATIVE_INFINITY);
    for (const column of [mean, count, nonFinite]) column.fill(0);
    if (this.kinds) for (const column of [infinite, negativeInfinite]) column.fill(0);
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
        addKind(this.#columns, at, one);
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

  /** Rows of one bucket after those of another: what a bucket is of is kept in registers. */
  addRows(values: Numbers, finite: boolean, rule: StepRule, range: Range): void {
    const ends = this.#ends.of(values.length, rule, range);
    if (finite) this.#addFinite(values, rule, ends);
    else this.#addAny(values, rule, ends);
  }

  /** The same of values that are all finite, as of most columns. */
  #addFinite(values: Numbers, { first, stride }: StepRule, { begin, buckets, ends }: RowEnds): void {
    const { xFirst, xLast, min, max, mean, first: firsts, last: lasts, count } = this.#columns;
    const firstX = this.#firstX;
    const lastX = this.#lastX;
    const means = this.#means;
    const bits = bitsOf(values);
    let start = begin;
    for (let i = 0; i < ends.length; i++) {
      const at = buckets[i] as number;
      const end = ends[i] as number;
      const before = count[at] as number;
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      if (bits) {
        let least = NO_LEAST;
        let most = NO_MOST;
        for (let row = start; row < end; row++) {
          const key = keyOf(bits[row] as number);
          least = lesserKey(least, key);
          most = greaterKey(most, key);
        }
        low = numberOf(least);
        high = numberOf(most);
      } else {
        for (let row = start; row < end; row++) {
          const one = values[row] as number;
          if (one < low) low = one;
          if (one > high) high = one;
        }
      }
      min[at] = before > 0 ? Math.min(low, min[at] as number) : low;
      max[at] = before > 0 ? Math.max(high, max[at] as number) : high;
      if (means) {
        let sum = mean[at] as number;
        for (let row = start; row < end; row++) sum += values[row] as number;
        mean[at] = sum;
      }
      count[at] = before + end - start;
      const from = first + start * stride;
      const to = first + (end - 1) * stride;
      if (from < (xFirst[at] as number)) xFirst[at] = from;
      if (to > (xLast[at] as number)) xLast[at] = to;
      if (from < (firstX[at] as number)) {
        firstX[at] = from;
        firsts[at] = values[start] as number;
      }
      if (to >= (lastX[at] as number)) {
        lastX[at] = to;
        lasts[at] = values[end - 1] as number;
      }
      start = end;
    }
    this.points += start - begin;
  }

  #addAny(values: Numbers, { first, stride }: StepRule, { begin, buckets, ends }: RowEnds): void {
    let start = begin;
    for (let i = 0; i < ends.length; i++) {
      this.#addToOne(buckets[i] as number, values, start, ends[i] as number, first, stride);
      start = ends[i] as number;
    }
  }

  #addToOne(at: number, values: Numbers, start: number, end: number, first: number, stride: number): void {
    const columns = this.#columns;
    const before = columns.count[at] as number;
    let low = before > 0 ? (columns.min[at] as number) : Number.POSITIVE_INFINITY;
    let high = before > 0 ? (columns.max[at] as number) : Number.NEGATIVE_INFINITY;
    let sum = columns.mean[at] as number;
    let others = 0;
    let firstRow = -1;
    let lastRow = -1;
    for (let row = start; row < end; row++) {
      const one = values[row] as number;
      if (one - one !== 0) {
        others++;
        addKind(this.#columns, at, one);
        continue;
      }
      if (firstRow < 0) firstRow = row;
      lastRow = row;
      if (one < low) low = one;
      if (one > high) high = one;
      sum += one;
    }
    this.points += end - start;
    const from = first + start * stride;
    const to = first + (end - 1) * stride;
    if (from < (columns.xFirst[at] as number)) columns.xFirst[at] = from;
    if (to > (columns.xLast[at] as number)) columns.xLast[at] = to;
    columns.nonFinite[at] = (columns.nonFinite[at] as number) + others;
    if (firstRow < 0) return;
    columns.min[at] = low;
    columns.max[at] = high;
    columns.mean[at] = sum;
    columns.count[at] = before + end - start - others;
    const firstX = first + firstRow * stride;
    if (firstX < (this.#firstX[at] as number)) {
      this.#firstX[at] = firstX;
      columns.first[at] = values[firstRow] as number;
    }
    const lastX = first + lastRow * stride;
    if (lastX >= (this.#lastX[at] as number)) {
      this.#lastX[at] = lastX;
      columns.last[at] = values[lastRow] as number;
    }
  }

  /** A group goes whole into the bucket of its first x, so the edges move by less than a group; the answer says its x. */
  addGroups(
    groups: Summary,
    start: number,
    end: number,
    from: Float64Array,
    to: Float64Array,
    kinds?: Kinds,
  ): void {
    if (groups.isWhole) {
      this.#addWhole(groups, this.#groupEnds.of(start, end, from, to));
      return;
    }
    const { xFirst, xLast, min, max, mean, first, last, count, nonFinite } = this.#columns;
    const firstX = this.#firstX;
    const lastX = this.#lastX;
    const low = this.#low;
    const scale = this.#scale;
    const top = count.length - 1;
    const {
      count: finites,
      nonFinite: others,
      min: mins,
      max: maxs,
      sum,
      first: firsts,
      last: lasts,
    } = groups;
    const means = this.#means;
    const wantsFirst = this.#firsts;
    const wantsLast = this.#lasts;
    let points = 0;
    for (let group = start; group < end; group++) {
      const finite = finites[group] as number;
      const other = others[group] as number;
      if (finite + other === 0) continue;
      points += finite + other;
      const x = from[group] as number;
      const xEnd = to[group] as number;
      let at = ((x - low) * scale) | 0;
      if (at > top) at = top;
      if (at < 0) at = 0;
      if (x < (xFirst[at] as number)) xFirst[at] = x;
      if (xEnd > (xLast[at] as number)) xLast[at] = xEnd;
      if (other > 0) {
        nonFinite[at] = (nonFinite[at] as number) + other;
        if (kinds) this.#addKinds(at, kinds, group);
      }
      if (finite === 0) continue;
      const before = count[at] as number;
      const least = mins[group] as number;
      const most = maxs[group] as number;
      if (before === 0 || least < (min[at] as number)) min[at] = least;
      if (before === 0 || most > (max[at] as number)) max[at] = most;
      if (wantsFirst && x < (firstX[at] as number)) {
        firstX[at] = x;
        first[at] = firsts[group] as number;
      }
      if (wantsLast && xEnd >= (lastX[at] as number)) {
        lastX[at] = xEnd;
        last[at] = lasts[group] as number;
      }
      count[at] = before + finite;
      if (means) mean[at] = (mean[at] as number) + (sum[group] as number);
    }
    this.points += points;
  }

  /** The same where every group has finite values and no others: a bucket's groups one after the other. */
  #addWhole(groups: Summary, { begin, buckets, ends, from, to }: GroupEnds): void {
    const { xFirst, xLast, min, max, mean, first, last, count } = this.#columns;
    const firstX = this.#firstX;
    const lastX = this.#lastX;
    const { min: mins, max: maxs, count: counts, sum, first: firsts, last: lasts } = groups;
    const means = this.#means;
    const wantsFirst = this.#firsts;
    const wantsLast = this.#lasts;
    const minBits = bitsOf(mins);
    const maxBits = bitsOf(maxs);
    // Mostly it is the first that comes into these buckets: there is nothing to compare with.
    const isFirst = this.points === 0;
    if (isFirst) {
      xFirst.set(from);
      xLast.set(to);
      firstX.set(from);
      lastX.set(to);
    }
    let points = 0;
    let start = begin;
    for (let i = 0; i < ends.length; i++) {
      const at = buckets[i] as number;
      const end = ends[i] as number;
      let finite = 0;
      let least: number;
      let most: number;
      if (minBits && maxBits) {
        let leastKey = NO_LEAST;
        let mostKey = NO_MOST;
        for (let group = start; group < end; group++) {
          leastKey = lesserKey(leastKey, keyOf(minBits[group] as number));
          mostKey = greaterKey(mostKey, keyOf(maxBits[group] as number));
          finite += counts[group] as number;
        }
        least = numberOf(leastKey);
        most = numberOf(mostKey);
      } else {
        least = Number.POSITIVE_INFINITY;
        most = Number.NEGATIVE_INFINITY;
        for (let group = start; group < end; group++) {
          if ((mins[group] as number) < least) least = mins[group] as number;
          if ((maxs[group] as number) > most) most = maxs[group] as number;
          finite += counts[group] as number;
        }
      }
      points += finite;
      if (means) {
        let total = mean[at] as number;
        for (let group = start; group < end; group++) total += sum[group] as number;
        mean[at] = total;
      }
      if (isFirst) {
        min[at] = least;
        max[at] = most;
        count[at] = finite;
        if (wantsFirst) first[at] = firsts[start] as number;
        if (wantsLast) last[at] = lasts[end - 1] as number;
      } else {
        const before = count[at] as number;
        min[at] = before > 0 ? Math.min(least, min[at] as number) : least;
        max[at] = before > 0 ? Math.max(most, max[at] as number) : most;
        count[at] = before + finite;
        const x = from[at] as number;
        const xEnd = to[at] as number;
        if (x < (xFirst[at] as number)) xFirst[at] = x;
        if (xEnd > (xLast[at] as number)) xLast[at] = xEnd;
        if (wantsFirst && x < (firstX[at] as number)) {
          firstX[at] = x;
          first[at] = firsts[start] as number;
        }
        if (wantsLast && xEnd >= (lastX[at] as number)) {
          lastX[at] = xEnd;
          last[at] = lasts[end - 1] as number;
        }
      }
      start = end;
    }
    this.points += points;
  }

  #addKinds(at: number, kinds: Kinds, group: number): void {
    const { infinite, negativeInfinite } = this.#columns;
    infinite[at] = (infinite[at] as number) + (kinds.infinite[group] as number);
    negativeInfinite[at] = (negativeInfinite[at] as number) + (kinds.negativeInfinite[group] as number);
  }

  /** Without the empty ones; to be begun again after it. `mean` holds sums until here. */
  series(run: number, key: string, room: Room): Series {
    const columns = this.#columns;
    const { count, nonFinite, mean, min, max, first, last } = columns;
    const moved = this.#wanted.map((name) => columns[name]);
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
      if (this.#means) mean[at] = (mean[at] as number) / finite;
      if (kept !== at) for (const column of moved) column[kept] = column[at] as number;
      kept++;
    }
    const series: Series = { run, key, exact: false, points: this.points, ...room.columns(kept) };
    for (const name of this.#wanted) series[name].set(columns[name].subarray(0, kept));
    return series;
  }
}

/** Every point a bucket of its own, in order of x. */
export function exactSeries(run: number, key: string, gathered: Gathered, room: Room): Series {
  const { x, value, points } = gathered;
  const order = orderOf(x.subarray(0, points));
  const series: Series = { run, key, exact: true, points, ...room.columns(points) };
  for (const name of room.wanted) {
    const column = series[name];
    for (let to = 0; to < points; to++) {
      const from = order ? (order[to] as number) : to;
      const logged = value[from] as number;
      column[to] = exactValue(name, x[from] as number, logged);
    }
  }
  return series;
}

function exactValue(name: SeriesColumn, x: number, logged: number): number {
  const finite = Number.isFinite(logged);
  switch (name) {
    case "xFirst":
    case "xLast":
      return x;
    case "last":
      return logged;
    case "count":
      return finite ? 1 : 0;
    case "nonFinite":
      return finite ? 0 : 1;
    case "infinite":
      return logged === Number.POSITIVE_INFINITY ? 1 : 0;
    case "negativeInfinite":
      return logged === Number.NEGATIVE_INFINITY ? 1 : 0;
    default:
      return finite ? logged : Number.NaN;
  }
}

/** Ascending; undefined when they are. */
function orderOf(x: Float64Array): number[] | undefined {
  let ascending = true;
  for (let i = 1; i < x.length && ascending; i++) ascending = (x[i - 1] as number) <= (x[i] as number);
  return ascending ? undefined : Array.from(x.keys()).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0));
}

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
    infinite: column(),
    negativeInfinite: column(),
  };
}
