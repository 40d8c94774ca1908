import type { RunCursor, RunOrder } from "../../ports/run-question/run-order.ts";
import type { Column } from "./column.ts";
import { ColumnOrder, firstNotBefore, type Stage } from "./column-order.ts";
import type { Selected } from "./kept-filters.ts";
import type { ProjectRuns } from "./project-runs.ts";

const BLOCK = 256;
/** With no more hits for each run of the page than this, sorting them beats looking for them among all of many runs. */
const FEW = 4;
const FEW_UP_TO = 5_000;
const MANY_FROM = 4_000;

/** A run's place, and what it was ordered by. */
export interface Found {
  place: number;
  num: number | null;
  txt: string | null;
}

/**
 * The runs from `offset` to `offset + limit` of those selected, in order: numbers first, then texts, then those with
 * neither by their creation; ties by number of the run. As `query/run-list.ts` orders them. Read from the kept order of a
 * column: from either end of a stage, or from where the page before ended.
 */
export function ordered(
  runs: ProjectRuns,
  { mask, total }: Selected,
  { field, descending }: RunOrder,
  after: RunCursor | undefined,
  offset: number,
  limit: number,
): Found[] {
  const column = runs.column(field);
  const { count, created } = runs;
  const few = count >= MANY_FROM && total <= FEW_UP_TO && total < FEW * (offset + limit);
  const order = few
    ? ColumnOrder.ofFew(column, placesOf(mask, total, count), created)
    : column.order(count, created);
  const { places } = order;
  const all = few || total === count;
  const began = stageOf(after);
  const found: Found[] = [];
  let skip = offset;
  for (const stage of [0, 1, 2] as const) {
    if (stage < began) continue;
    const stretch = order.stretch(stage);
    const past = after && stage === began ? after : undefined;
    const { from, to } = past ? beyond(runs, column, order, stage, past, descending) : stretch;
    const way = descending ? -1 : 1;
    let at = descending ? to - 1 : from;
    let left = to - from;
    const passed = all
      ? { runs: Math.min(skip, left), hits: Math.min(skip, left) }
      : over(places, mask, at, left, way, skip);
    skip -= passed.hits;
    left -= passed.runs;
    for (at += way * passed.runs; left > 0; left--, at += way) {
      const place = places[at] as number;
      if (mask[place] === 0) continue;
      if (skip > 0) skip--;
      else if (found.push(describe(column, stage, place)) === limit) return found;
    }
  }
  return found;
}

/** Of the `total` runs selected among `count`. */
function placesOf(mask: Uint8Array, total: number, count: number): Uint32Array {
  const places = new Uint32Array(total);
  let found = 0;
  for (let at = mask.indexOf(1); at >= 0 && at < count; at = mask.indexOf(1, at + 1)) places[found++] = at;
  return places;
}

/** Steps over runs as long as no more than `skip` of them were selected: blocks, counted without asking of each. */
function over(
  places: Uint32Array,
  mask: Uint8Array,
  from: number,
  length: number,
  way: number,
  skip: number,
): { runs: number; hits: number } {
  let runs = 0;
  let hits = 0;
  while (hits < skip && runs + BLOCK <= length) {
    const first = from + way * runs;
    let more = 0;
    for (let step = 0; step < BLOCK; step++) more += mask[places[first + way * step] as number] as number;
    if (hits + more > skip) break;
    hits += more;
    runs += BLOCK;
  }
  return { runs, hits };
}

function stageOf(after: RunCursor | undefined): Stage {
  if (after === undefined || typeof after.value === "number") return 0;
  return typeof after.value === "string" ? 1 : 2;
}

/** What of a stage comes after the last run of the page before. */
function beyond(
  runs: ProjectRuns,
  column: Column,
  order: ColumnOrder,
  stage: Stage,
  { value, createdAt, id }: RunCursor,
  descending: boolean,
): { from: number; to: number } {
  const { from, to } = order.stretch(stage);
  const keyOf = order.keysOf(stage, runs.created);
  // A text that is not there any more stood behind all runs with the last text before it.
  const { rank, found } = typeof value === "string" ? column.texts.rankOf(value) : { rank: 0, found: true };
  const key = stage === 0 ? (value as number) : stage === 1 ? rank : createdAt;
  const last = found ? id : Number.POSITIVE_INFINITY;
  // Descending, the list goes on before that run; ascending, behind it.
  const compare = (place: number) => {
    const other = keyOf(place);
    if (other !== key) return other - key;
    const run = runs.ids[place] as number;
    return run === last && !descending ? -1 : run - last;
  };
  const at = firstNotBefore(order.places, from, to, compare);
  return descending ? { from, to: at } : { from: at, to };
}

function describe(column: Column, stage: Stage, place: number): Found {
  return {
    place,
    num: stage === 0 ? column.numberOf(place) : null,
    txt: stage === 1 ? column.texts.text(column.codes?.[place] ?? -1) : null,
  };
}
