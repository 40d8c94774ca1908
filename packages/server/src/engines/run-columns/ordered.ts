import type { RunCursor, RunOrder } from "../../ports/run-question/run-order.ts";
import type { Column } from "./column.ts";
import type { Mask } from "./filtered.ts";
import type { ProjectRuns } from "./project-runs.ts";

/** A page of a list is found among its hits with a heap of this many at most; beyond, by dividing. */
const HEAP_UP_TO = 2_000;

/** A run's place, and what it was ordered by. */
export interface Found {
  place: number;
  num: number | null;
  txt: string | null;
}

/**
 * The runs from `offset` to `offset + limit` of those in `mask`, in order: numbers first, then texts, then those with
 * neither by their creation; ties by number of the run. As `query/run-list.ts` orders them.
 */
export function ordered(
  runs: ProjectRuns,
  mask: Mask,
  order: RunOrder,
  after: RunCursor | undefined,
  offset: number,
  limit: number,
): Found[] {
  const found: Found[] = [];
  const way = order.descending ? -1 : 1;
  let skip = offset;
  for (const { keys, past, describe } of stagesOf(runs, order, after)) {
    const left = limit - found.length;
    if (left <= 0) break;
    const hits = hitsOf(runs, mask, keys, past, way);
    for (const place of between(hits, keys, way, skip, skip + left)) found.push(describe(place));
    skip = Math.max(0, skip - hits.length);
  }
  return found;
}

/** Runs that are ordered by one thing; those before it in the list come from the stages before. */
interface Stage {
  /** What they are ordered by; NaN: not of this stage. */
  keys: Float64Array;
  /** The last run of the page before, when that was of this stage. */
  past: { key: number; id: number } | undefined;
  describe(place: number): Found;
}

function* stagesOf(runs: ProjectRuns, order: RunOrder, after: RunCursor | undefined): Generator<Stage> {
  const { field } = order;
  if (field.kind === "tag") {
    const { num } = runs.column({ kind: "tag", tag: field.tag });
    const keys = new Float64Array(runs.count);
    if (num) for (let at = 0; at < keys.length; at++) keys[at] = num[at] === 1 ? 1 : 0;
    yield numbers(keys, after);
    return;
  }
  const column = runs.column(field);
  // The page before ended among numbers, among texts or after both.
  const ended = after === undefined ? "before" : typeof after.value;
  if (column.num && (ended === "before" || ended === "number")) yield numbers(column.num, after);
  if (column.codes && ended !== "object") yield texts(column, runs.count, after);
  yield neither(runs, column, after);
}

function numbers(keys: Float64Array, after: RunCursor | undefined): Stage {
  return {
    keys,
    past: typeof after?.value === "number" ? { key: after.value, id: after.id } : undefined,
    describe: (place) => ({ place, num: keys[place] as number, txt: null }),
  };
}

function texts({ codes, texts: known }: Column, count: number, after: RunCursor | undefined): Stage {
  const ranks = known.ranks();
  const keys = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const code = codes?.[at] ?? -1;
    keys[at] = code < 0 ? Number.NaN : (ranks[code] as number);
  }
  const text = typeof after?.value === "string" ? after.value : undefined;
  const key =
    text === undefined ? 0 : known.find(text) === undefined ? known.rankOf(text) - 0.5 : known.rankOf(text);
  return {
    keys,
    past: text === undefined || !after ? undefined : { key, id: after.id },
    describe: (place) => ({ place, num: null, txt: known.text(codes?.[place] ?? -1) }),
  };
}

function neither(runs: ProjectRuns, { num, codes }: Column, after: RunCursor | undefined): Stage {
  const keys = runs.created.slice(0, runs.count);
  for (let at = 0; at < keys.length; at++) {
    if ((num && !Number.isNaN(num[at])) || (codes && (codes[at] as number) >= 0)) keys[at] = Number.NaN;
  }
  return {
    keys,
    past: after && after.value === null ? { key: after.createdAt, id: after.id } : undefined,
    describe: (place) => ({ place, num: null, txt: null }),
  };
}

/**
 * Places of the runs of a stage; the last made first when the order goes down: what grew with the runs is found in order
 * then, which is the cheapest for a heap, not the dearest.
 */
function hitsOf(
  runs: ProjectRuns,
  mask: Mask,
  keys: Float64Array,
  past: Stage["past"],
  way: number,
): Uint32Array {
  const { ids, count } = runs;
  const hits = new Uint32Array(count);
  let length = 0;
  for (let i = 0; i < count; i++) {
    const at = way < 0 ? count - 1 - i : i;
    if (mask[at] === 0) continue;
    const key = keys[at] as number;
    if (Number.isNaN(key)) continue;
    if (past !== undefined) {
      const beyond = (key - past.key) * way;
      if (beyond < 0 || (beyond === 0 && ((ids[at] as number) - past.id) * way <= 0)) continue;
    }
    hits[length++] = at;
  }
  return hits.subarray(0, length);
}

/** Those that would stand from `from` to `to` if all hits were sorted. Moves the hits about. */
function between(hits: Uint32Array, keys: Float64Array, way: number, from: number, to: number): Uint32Array {
  const end = Math.min(to, hits.length);
  if (from >= end) return hits.subarray(0, 0);
  const compare = (a: number, b: number) => ((keys[a] as number) - (keys[b] as number) || a - b) * way;
  if (end <= HEAP_UP_TO) return smallest(hits, end, compare).sort(compare).subarray(from);
  divide(hits, from, compare);
  divide(hits.subarray(from), end - from - 1, compare);
  return hits.subarray(from, end).sort(compare);
}

/** The `size` first of all, in no order: a heap whose root is the last of them. */
function smallest(hits: Uint32Array, size: number, compare: (a: number, b: number) => number): Uint32Array {
  const heap = hits.slice(0, size);
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(heap, at, compare);
  for (let at = size; at < hits.length; at++) {
    const hit = hits[at] as number;
    if (compare(hit, heap[0] as number) >= 0) continue;
    heap[0] = hit;
    sink(heap, 0, compare);
  }
  return heap;
}

function sink(heap: Uint32Array, from: number, compare: (a: number, b: number) => number): void {
  const item = heap[from] as number;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && compare(heap[child + 1] as number, heap[child] as number) > 0) child++;
    if (compare(heap[child] as number, item) <= 0) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = item;
}

/** Hoare's selection: afterwards what stands at `nth` is what sorting would put there, nothing before it is larger. */
function divide(items: Uint32Array, nth: number, compare: (a: number, b: number) => number): void {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const pivot = items[(low + high) >>> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while (compare(items[left] as number, pivot) < 0) left++;
      while (compare(items[right] as number, pivot) > 0) right--;
      if (left > right) break;
      const moved = items[left] as number;
      items[left++] = items[right] as number;
      items[right--] = moved;
    }
    if (nth <= right) high = right;
    else if (nth >= left) low = left;
    else return;
  }
}
