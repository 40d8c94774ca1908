import type { Range } from "./buckets.ts";
import type { StepRule } from "./span.ts";

/** Which rows of a part go into which bucket: those from the end before, or `begin`, to `ends[i]` into `buckets[i]`. */
export interface RowEnds {
  begin: number;
  buckets: Int32Array;
  ends: Int32Array;
}

interface Known extends RowEnds {
  stride: number;
  rows: number;
  range: Range;
}

/** Of so many parts, each up to 4 kB for 500 buckets; a line of rows has a few. */
const MAX_PARTS = 64;

/** Lines of one pace have the same rows in the same buckets: where these end is found out once for all of them. */
export class KnownRowEnds {
  readonly #top: number;
  #low = 0;
  #scale = 0;
  /** By the first x of the rows. */
  readonly #known = new Map<number, Known>();

  constructor(buckets: number) {
    this.#top = buckets - 1;
  }

  /** What the buckets divide: where it begins, and buckets for each unit of x. */
  begin(low: number, scale: number): void {
    if (low === this.#low && scale === this.#scale) return;
    this.#known.clear();
    this.#low = low;
    this.#scale = scale;
  }

  of(rows: number, rule: StepRule, range: Range): RowEnds {
    const { first, stride } = rule;
    const known = this.#known.get(first);
    if (
      known?.stride === stride &&
      known.rows === rows &&
      known.range.min === range.min &&
      known.range.max === range.max
    )
      return known;
    const found = { stride, rows, range, ...this.#find(rows, rule, range) };
    if (this.#known.size >= MAX_PARTS) this.#known.clear();
    this.#known.set(first, found);
    return found;
  }

  #find(rows: number, { first, stride }: StepRule, { min: from, max: to }: Range): RowEnds {
    const low = this.#low;
    const scale = this.#scale;
    const top = this.#top;
    const bucketOf = (row: number) => Math.min(top, ((first + row * stride - low) * scale) | 0);
    let row = Math.max(0, Math.ceil((from - first) / stride));
    while (row > 0 && first + (row - 1) * stride >= from) row--;
    while (row < rows && first + row * stride < from) row++;
    let end = Math.min(rows, Math.floor((to - first) / stride) + 1);
    while (end < rows && first + end * stride <= to) end++;
    while (end > row && first + (end - 1) * stride > to) end--;
    const begin = row;
    const width = 1 / scale;
    const pace = 1 / stride;
    const buckets: number[] = [];
    const ends: number[] = [];
    let at = bucketOf(row);
    while (row < end) {
      // Near enough by arithmetic, exactly by the rule that every point is put by.
      let next = at >= top || scale === 0 ? end : Math.floor(((at + 1) * width + low - first) * pace);
      next = Math.min(end, Math.max(row + 1, next));
      while (next > row + 1 && bucketOf(next - 1) !== at) next--;
      let after = at;
      for (; next < end; next++) {
        after = bucketOf(next);
        if (after !== at) break;
      }
      buckets.push(at);
      ends.push(next);
      row = next;
      at = after;
    }
    return { begin, buckets: Int32Array.from(buckets), ends: Int32Array.from(ends) };
  }
}

/** The same of groups; of every bucket the x of its first and last, ∞ and -∞ where it has none. */
export interface GroupEnds extends RowEnds {
  from: Float64Array;
  to: Float64Array;
}

/** Of so many places; lines of one pace share theirs. */
const MAX_PLACES = 16;

/** Groups go whole into the bucket of their first x; which do is found out once for all lines that have the same places. */
export class KnownGroupEnds {
  readonly #top: number;
  #low = 0;
  #scale = 0;
  readonly #known = new Map<Float64Array, GroupEnds & { start: number; end: number; of: Float64Array }>();

  constructor(buckets: number) {
    this.#top = buckets - 1;
  }

  /** As of rows. */
  begin(low: number, scale: number): void {
    if (low === this.#low && scale === this.#scale) return;
    this.#known.clear();
    this.#low = low;
    this.#scale = scale;
  }

  /** Of groups from `start` to before `end`, group i between `from[i]` and `to[i]`, none before the one before it. */
  of(start: number, end: number, from: Float64Array, to: Float64Array): GroupEnds {
    const known = this.#known.get(from);
    if (known?.of === to && known.start === start && known.end === end) return known;
    const found = { start, end, of: to, ...this.#find(start, end, from, to) };
    if (this.#known.size >= MAX_PLACES) this.#known.clear();
    this.#known.set(from, found);
    return found;
  }

  #find(start: number, end: number, from: Float64Array, to: Float64Array): GroupEnds {
    const top = this.#top;
    const buckets: number[] = [];
    const ends: number[] = [];
    const firsts = new Float64Array(top + 1).fill(Number.POSITIVE_INFINITY);
    const lasts = new Float64Array(top + 1).fill(Number.NEGATIVE_INFINITY);
    let last = -1;
    for (let group = start; group < end; group++) {
      const x = from[group] as number;
      const at = Math.max(0, Math.min(top, ((x - this.#low) * this.#scale) | 0));
      if (at === last) ends[ends.length - 1] = group + 1;
      else {
        buckets.push(at);
        ends.push(group + 1);
        firsts[at] = x;
        last = at;
      }
      lasts[at] = to[group] as number;
    }
    return {
      begin: start,
      buckets: Int32Array.from(buckets),
      ends: Int32Array.from(ends),
      from: firsts,
      to: lasts,
    };
  }
}
