import type { Column } from "./column.ts";
import { sortByKeys } from "./radix-sort.ts";

/** The runs of a list by what they are ordered by: those with a number come first, then those with a text, then the rest. */
export type Stage = 0 | 1 | 2;
const STAGES: readonly Stage[] = [0, 1, 2];

/** Beyond this share of the runs moved, sorting anew is cheaper than putting each in its place. */
const ANEW_FROM = 0.02;

/**
 * The places of all runs, sorted by one column: within a stage by number, by text or by creation, ties by place. A page is
 * read from it, at whatever depth. Made when the column first orders a list; afterwards only runs whose value changed move.
 */
export class ColumnOrder {
  readonly #column: Column;
  /** Sorted; room for more behind. */
  #places: Uint32Array;
  /** Where each stage ends among the places. */
  readonly #ends: [number, number, number] = [0, 0, 0];
  readonly #moved = new Set<number>();

  constructor(column: Column, room: number) {
    this.#column = column;
    this.#places = new Uint32Array(room);
  }

  /** Of a column whose values came in order: `places` begins with those of the runs with a number, then of those with a text. */
  static ofSorted(
    column: Column,
    places: Uint32Array,
    numbers: number,
    texts: number,
    count: number,
    created: Float64Array,
  ): ColumnOrder {
    const order = new ColumnOrder(column, 0);
    order.#places = places;
    order.#ends[0] = numbers;
    order.#ends[1] = numbers + texts;
    order.#sortStage(2, numbers + texts, count, created);
    return order;
  }

  /** Of some runs alone, for a page of few: not kept, and nothing moves in it. */
  static ofFew(column: Column, few: Uint32Array, created: Float64Array): ColumnOrder {
    const order = new ColumnOrder(column, few.length);
    let from = 0;
    for (const stage of STAGES) {
      const places = few.filter((place) => column.stageOf(place) === stage);
      sortByKeys(places, order.keysOf(stage, created));
      order.#places.set(places, from);
      from += places.length;
      order.#ends[stage] = from;
    }
    return order;
  }

  get places(): Uint32Array {
    return this.#places;
  }

  get bytes(): number {
    return this.#places.byteLength;
  }

  /** The stretch of a stage among the places. */
  stretch(stage: Stage): { from: number; to: number } {
    const [numbers, texts, all] = this.#ends;
    if (stage === 0) return { from: 0, to: numbers };
    return stage === 1 ? { from: numbers, to: texts } : { from: texts, to: all };
  }

  /** The value of the run at `place` is another one now. */
  moved(place: number): void {
    this.#moved.add(place);
  }

  grow(room: number): void {
    const places = new Uint32Array(room);
    places.set(this.#places);
    this.#places = places;
  }

  /** Take in what moved, and runs that are new: `count` are there, `created` when. */
  update(count: number, created: Float64Array): void {
    const known = this.#ends[2];
    for (let place = known; place < count; place++) this.#moved.add(place);
    if (this.#moved.size === 0) return;
    if (known === 0 || this.#moved.size > Math.max(100, count * ANEW_FROM)) this.#sortAll(count, created);
    else {
      this.#takeOut(this.#moved, known);
      this.#putIn(this.#moved, created);
    }
    this.#moved.clear();
  }

  keysOf(stage: Stage, created: Float64Array): (place: number) => number {
    const { codes, texts } = this.#column;
    if (stage === 0) return (place) => this.#column.numberOf(place);
    if (stage === 2) return (place) => created[place] as number;
    const ranks = texts.ranks();
    return (place) => ranks[codes?.[place] ?? -1] as number;
  }

  #sortAll(count: number, created: Float64Array): void {
    let from = 0;
    for (const stage of STAGES) from = this.#sortStage(stage, from, count, created);
  }

  /** Answers where it ends. */
  #sortStage(stage: Stage, from: number, count: number, created: Float64Array): number {
    const places = this.#places;
    let end = from;
    for (let place = 0; place < count && end < count; place++) {
      if (this.#column.stageOf(place) === stage) places[end++] = place;
    }
    this.#ends[stage] = end;
    if (end === from) return end;
    sortByKeys(places.subarray(from, end), this.keysOf(stage, created));
    return end;
  }

  #takeOut(moved: ReadonlySet<number>, known: number): void {
    const places = this.#places;
    const leaves = new Uint8Array(known);
    for (const place of moved) if (place < known) leaves[place] = 1;
    let kept = 0;
    let from = 0;
    for (const stage of STAGES) {
      const to = this.#ends[stage];
      for (let at = from; at < to; at++) {
        const place = places[at] as number;
        places[kept] = place;
        kept += 1 - (leaves[place] as number);
      }
      this.#ends[stage] = kept;
      from = to;
    }
  }

  /** Each where it belongs, from the last on: what stands behind it is moved once. */
  #putIn(moved: ReadonlySet<number>, created: Float64Array): void {
    const places = this.#places;
    let free = this.#ends[2] + moved.size;
    for (const stage of [2, 1, 0] as const) {
      const keyOf = this.keysOf(stage, created);
      const coming = [...moved]
        .filter((place) => this.#column.stageOf(place) === stage)
        .sort((a, b) => keyOf(b) - keyOf(a) || b - a);
      const { from, to } = this.stretch(stage);
      let end = to;
      this.#ends[stage] = free;
      for (const place of coming) {
        const key = keyOf(place);
        const at = firstNotBefore(places, from, end, (other) => keyOf(other) - key || other - place);
        free -= end - at;
        places.copyWithin(free, at, end);
        places[--free] = place;
        end = at;
      }
      free -= end - from;
      places.copyWithin(free, from, end);
    }
  }
}

/** Among sorted places the first, from `from` to `to`, that does not stand before what is looked for. */
export function firstNotBefore(
  places: Uint32Array,
  from: number,
  to: number,
  compare: (place: number) => number,
): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(places[middle] as number) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
