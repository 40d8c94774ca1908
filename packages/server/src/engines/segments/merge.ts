import { BlockBuilder, type BlockHead, decodeColumn } from "./block.ts";
import { GROUP_ROWS } from "./pyramid.ts";

/** A block with every column decoded: what the sealer works on. */
export interface OpenBlock {
  head: BlockHead;
  lines: Float64Array;
  steps: Float64Array;
  columns: (Float64Array | string[])[];
}

/** A sealed block is closed at the first of these. Rows: 64 groups of 64. Values and bytes: 8 MB of each in memory. */
export const SEALED_ROWS = 4096;
export const SEALED_VALUES = 1_000_000;
export const SEALED_TEXT_BYTES = 8 * 1024 * 1024;

export function openBlock(
  head: BlockHead,
  lines: Float64Array,
  steps: Float64Array,
  part: (index: number) => Uint8Array,
): OpenBlock {
  return { head, lines, steps, columns: head.columns.map((place) => decodeColumn(place, part(place.part))) };
}

/**
 * The living rows of all sources as blocks in ascending step (then line). `dead` says of a source which rows were
 * replaced or rewound; undefined where none was.
 */
export function mergeBlocks(
  sources: readonly OpenBlock[],
  dead: readonly (((row: number) => boolean) | undefined)[],
): BlockBuilder[] {
  const alike = dead.some((rows) => rows !== undefined) ? undefined : mergeAlike(sources);
  if (alike) return alike;
  const places = sources.map(placesOf);
  const order: { source: number; row: number; step: number; line: number }[] = [];
  for (const [source, { head, lines, steps }] of sources.entries()) {
    const isDead = dead[source];
    for (let row = 0; row < head.rows; row++) {
      if (!isDead?.(row)) {
        order.push({ source, row, step: steps[row] ?? 0, line: lines[row] ?? 0 });
      }
    }
  }
  if (order.some((at, i) => i > 0 && before(at, order[i - 1] ?? at))) order.sort(compare);

  let values = 0;
  for (const { source, row } of order) {
    const head = sources[source]?.head;
    values += head?.shapes[head.shapeOf[row] ?? 0]?.length ?? 0;
  }
  const blockRows = evenRows(order.length, values);
  const blocks: BlockBuilder[] = [];
  let block: BlockBuilder | undefined;
  let targets: Target[] = [];
  for (const { source, row, step, line } of order) {
    if (!block || isFull(block, blockRows)) {
      block = new BlockBuilder();
      blocks.push(block);
      targets = sources.map(() => ({ columns: new Map(), shapes: new Map() }));
    }
    const from = sources[source];
    const target = targets[source];
    if (from && target) copyRow(block, from, target, places[source] ?? [], row, line, step);
  }
  return blocks;
}

/**
 * What a program that logs the same numbers in every row leaves: columns are put end to end, and no row is looked at.
 * undefined when the sources are not so.
 */
function mergeAlike(unordered: readonly OpenBlock[]): BlockBuilder[] | undefined {
  // What was sealed while rows came has a higher number than they have, and lies before them.
  const sources = [...unordered].sort((a, b) => compare(firstOf(a), firstOf(b)));
  const [first] = sources;
  const ids = first?.head.shapes[0];
  if (!first || !ids || ids.length === 0) return undefined;
  let before: At = { step: Number.NEGATIVE_INFINITY, line: -1 };
  for (const { head, lines, steps } of sources) {
    if (head.shapes.length !== 1 || !hasSameColumns(head, first.head)) return undefined;
    for (let row = 0; row < head.rows; row++) {
      const at = { step: steps[row] ?? 0, line: lines[row] ?? 0 };
      if (compare(at, before) < 0) return undefined;
      before = at;
    }
  }
  const total = sources.reduce((rows, { head }) => rows + head.rows, 0);
  const blockRows = evenRows(total, total * ids.length);
  const blocks: BlockBuilder[] = [];
  for (let from = 0; from < total; from += blockRows) {
    const block = new BlockBuilder();
    for (const { kind, path } of first.head.columns) block.column(kind, path);
    for (const column of block.columns) column.packed = new Float64Array(Math.min(blockRows, total - from));
    blocks.push(block);
  }
  let at = 0;
  for (const { head, lines, steps, columns } of sources) {
    for (let from = 0; from < head.rows; ) {
      const block = blocks[Math.floor(at / blockRows)] as BlockBuilder;
      const to = Math.min(head.rows, from + blockRows - block.rows);
      for (const [id, values] of columns.entries())
        block.columns[id]?.packed?.set((values as Float64Array).subarray(from, to), block.rows);
      const shape = block.shape(ids);
      for (let row = from; row < to; row++) block.endRow(lines[row] ?? 0, steps[row] ?? 0, shape);
      at += to - from;
      from = to;
    }
  }
  return blocks;
}

function firstOf({ steps, lines }: OpenBlock): At {
  return { step: steps[0] ?? 0, line: lines[0] ?? 0 };
}

/** Rows a block that leave no small rest, which would have to be merged, and compressed, another time. */
function evenRows(rows: number, values: number): number {
  const most = Math.min(SEALED_ROWS, Math.ceil((SEALED_VALUES * rows) / Math.max(values, 1)));
  const even = Math.ceil(rows / Math.ceil(rows / most));
  return Math.min(most, Math.ceil(even / GROUP_ROWS) * GROUP_ROWS);
}

/** The same columns of numbers, all in every row. */
function hasSameColumns(head: BlockHead, like: BlockHead): boolean {
  const [ids = []] = head.shapes;
  const [likeIds = []] = like.shapes;
  return (
    head.columns.length === like.columns.length &&
    ids.length === head.columns.length &&
    ids.every((id, at) => id === likeIds[at]) &&
    head.columns.every(
      ({ kind, path, count }, id) =>
        kind === "number" &&
        count === head.rows &&
        path.length === like.columns[id]?.path.length &&
        path.every((label, level) => label === like.columns[id]?.path[level]),
    )
  );
}

/** Ids of a source in the block being made. */
interface Target {
  columns: Map<number, number>;
  shapes: Map<number, number>;
}

function copyRow(
  block: BlockBuilder,
  { head, columns }: OpenBlock,
  target: Target,
  places: readonly Int32Array[],
  row: number,
  line: number,
  step: number,
): void {
  const shapeId = head.shapeOf[row] ?? 0;
  const ids = head.shapes[shapeId] ?? [];
  let shape = target.shapes.get(shapeId);
  if (shape === undefined) {
    for (const id of ids) {
      const place = head.columns[id];
      if (place && !target.columns.has(id)) target.columns.set(id, block.column(place.kind, place.path));
    }
    shape = block.shape(ids.map((id) => target.columns.get(id) ?? 0));
    target.shapes.set(shapeId, shape);
  }
  for (const id of ids) {
    const column = block.columns[target.columns.get(id) ?? 0];
    const values = columns[id];
    const at = places[id]?.[row] ?? 0;
    if (!column || !values) continue;
    if (values instanceof Float64Array) {
      column.numbers.push(values[at] ?? 0);
    } else {
      const text = values[at] ?? "";
      column.texts.push(text);
      block.textBytes += text.length;
    }
  }
  block.endRow(line, step, shape);
}

function isFull(block: BlockBuilder, rows: number): boolean {
  return block.rows >= rows || block.values >= SEALED_VALUES || block.textBytes >= SEALED_TEXT_BYTES;
}

type At = { step: number; line: number };
function compare(a: At, b: At): number {
  return a.step - b.step || a.line - b.line;
}
function before(a: At, b: At): boolean {
  return compare(a, b) < 0;
}

/** Per column, row → index of its value in the column. */
function placesOf({ head }: OpenBlock): Int32Array[] {
  const places = head.columns.map(() => new Int32Array(head.rows));
  const next = new Int32Array(head.columns.length);
  for (let row = 0; row < head.rows; row++) {
    for (const id of head.shapes[head.shapeOf[row] ?? 0] ?? []) {
      const column = places[id];
      if (column) column[row] = next[id] ?? 0;
      next[id] = (next[id] ?? 0) + 1;
    }
  }
  return places;
}
