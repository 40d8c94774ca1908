import { decodeNumbers, encodeNumbers, ruleOf } from "./chunk.ts";
import {
  coarserPyramid,
  encodePyramid,
  FACTOR,
  GROUP_ROWS,
  hasValues,
  joinPyramids,
  type Pyramid,
} from "./pyramid.ts";

/**
 * A span: the pyramids of full blocks that follow each other, end to end in one blob a key and level, so that a chart
 * of a long run reads few pages, and of a very long one a coarser level. Its blocks keep their rows; their own pyramids
 * move here. Groups are those of the blocks: the last of a block may have fewer than 64 rows.
 */

/** A span is closed at so many groups: 16 blocks of 4,096 rows. */
export const SPAN_GROUPS = 1024;
/** Groups × keys of one span: bounds what its commit writes to 12 MB. */
export const MAX_SPAN_CELLS = 262_144;

export interface SpanBlock {
  id: number;
  rows: number;
}

/** `x = first + row × stride` for every row of the span. */
export interface StepRule {
  first: number;
  stride: number;
}

/** A span as it is written. */
export interface BuiltSpan {
  blocks: SpanBlock[];
  rows: number;
  minStep: number;
  maxStep: number;
  rule: StepRule | undefined;
  /** `encodeStepGroups` when there is no rule, else empty. */
  steps: Uint8Array;
  columns: { key: string; count: number; levels: Uint8Array[] }[];
}

export interface SpanSource extends SpanBlock {
  minStep: number;
  maxStep: number;
  /** Chunk of the step of each row. */
  steps: Uint8Array;
}

/** `pyramids`: of a key, one for each block; undefined where the block has no value of it. */
export function buildSpan(
  blocks: readonly SpanSource[],
  pyramids: Iterable<[key: string, (Pyramid | undefined)[]]>,
): BuiltSpan {
  const rowsOfGroups = groupRows(blocks);
  const middleRows = coarserRows(rowsOfGroups);
  const groups = blocks.map(({ rows }) => groupsOf(rows));
  const columns: BuiltSpan["columns"] = [];
  for (const [key, ofBlocks] of pyramids) {
    const fine = joinPyramids(ofBlocks, groups);
    if (!hasValues(fine)) continue;
    const middle = coarserPyramid(fine, rowsOfGroups);
    const coarse = coarserPyramid(middle, middleRows);
    let count = 0;
    for (let at = 0; at < coarse.groups; at++) {
      count += (coarse.count[at] as number) + (coarse.nonFinite[at] as number);
    }
    columns.push({
      key,
      count,
      levels: [fine, middle, coarse].map((level) => aligned(encodePyramid(level))),
    });
  }
  const rule = ruleOfBlocks(blocks);
  return {
    blocks: blocks.map(({ id, rows }) => ({ id, rows })),
    rows: blocks.reduce((sum, { rows }) => sum + rows, 0),
    minStep: blocks[0]?.minStep ?? 0,
    maxStep: blocks.at(-1)?.maxStep ?? 0,
    rule,
    steps: rule ? new Uint8Array(0) : encodeStepGroups(blocks, rowsOfGroups),
    columns,
  };
}

export function groupsOf(rows: number): number {
  return Math.ceil(rows / GROUP_ROWS);
}

/** Rows of each group of the finest level. */
export function groupRows(blocks: readonly { rows: number }[]): Uint16Array {
  const rows: number[] = [];
  for (const block of blocks) {
    for (let left = block.rows; left > 0; left -= GROUP_ROWS) rows.push(Math.min(GROUP_ROWS, left));
  }
  return Uint16Array.from(rows);
}

export function coarserRows(fine: Uint16Array): Uint16Array {
  const coarse = new Uint16Array(Math.ceil(fine.length / FACTOR));
  for (const [at, rows] of fine.entries()) {
    const to = Math.floor(at / FACTOR);
    coarse[to] = (coarse[to] as number) + rows;
  }
  return coarse;
}

function ruleOfBlocks(blocks: readonly SpanSource[]): StepRule | undefined {
  let rule: StepRule | undefined;
  let rows = 0;
  for (const block of blocks) {
    const own = ruleOf(block.steps);
    if (!own) return undefined;
    rule ??= own;
    if (own.stride !== rule.stride || own.first !== rule.first + rows * rule.stride) return undefined;
    rows += block.rows;
  }
  return rule;
}

/** Steps of the first and the last row of each group, and the stride between its rows, NaN where there is none. */
export interface StepGroups {
  first: Float64Array;
  last: Float64Array;
  stride: Float64Array;
}

function encodeStepGroups(blocks: readonly SpanSource[], rowsOfGroups: Uint16Array): Uint8Array {
  const groups = rowsOfGroups.length;
  const all = new Float64Array(groups * 3);
  let group = 0;
  for (const block of blocks) {
    const steps = decodeNumbers(block.steps);
    for (let from = 0; from < block.rows; from += GROUP_ROWS, group++) {
      const to = Math.min(block.rows, from + GROUP_ROWS) - 1;
      all[group] = steps[from] as number;
      all[groups + group] = steps[to] as number;
      all[2 * groups + group] = strideOf(steps, from, to);
    }
  }
  return encodeNumbers(all);
}

export function decodeStepGroups(chunk: Uint8Array, groups: number): StepGroups {
  const all = decodeNumbers(chunk);
  return {
    first: all.subarray(0, groups),
    last: all.subarray(groups, 2 * groups),
    stride: all.subarray(2 * groups, 3 * groups),
  };
}

function strideOf(steps: Float64Array, from: number, to: number): number {
  const first = steps[from] as number;
  if (from === to) return 0;
  const stride = (steps[from + 1] as number) - first;
  // Whole numbers only: so that no rounding can differ.
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(stride)) return Number.NaN;
  for (let at = from; at <= to; at++) if (steps[at] !== first + (at - from) * stride) return Number.NaN;
  return stride;
}

/** Four bytes ahead of a chunk put its numbers where they can be read in place. */
export function aligned(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ALIGNMENT + chunk.length);
  bytes.set(chunk, ALIGNMENT);
  return bytes;
}
export const ALIGNMENT = 4;

/** The first blocks in the order of steps that make a span; undefined while there are too few. */
export function nextSpan<Block extends SpanSource>(
  loose: readonly Block[],
  keysOf: (block: Block) => number | undefined,
): Block[] | undefined {
  let blocks: Block[] = [];
  let groups = 0;
  let keys = 0;
  for (const block of [...loose].sort((a, b) => a.minStep - b.minStep || a.id - b.id)) {
    const own = keysOf(block);
    const follows =
      own !== undefined && block.minStep >= (blocks.at(-1)?.maxStep ?? Number.NEGATIVE_INFINITY);
    if (!follows) {
      blocks = [];
      groups = 0;
      keys = 0;
    }
    if (own === undefined) continue;
    blocks.push(block);
    groups += groupsOf(block.rows);
    keys = Math.max(keys, own);
    if (blocks.length > 1 && (groups >= SPAN_GROUPS || groups * keys >= MAX_SPAN_CELLS)) return blocks;
  }
  return undefined;
}

/** Columns of the table with the pyramid of each level. */
export const LEVEL_COLUMNS = ["fine", "middle", "coarse"] as const;

export function spanBlocks(json: string): SpanBlock[] {
  return (JSON.parse(json) as [number, number][]).map(([id, rows]) => ({ id, rows }));
}
