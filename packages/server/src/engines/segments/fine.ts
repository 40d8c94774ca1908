import { type ColumnPlace, rowsOfColumn } from "./block.ts";
import { LEVEL } from "./database.ts";
import { bitsOf, greaterKey, keyOf, lesserKey, NO_LEAST, NO_MOST, numberOf } from "./extremes.ts";
import type { Places, Reading } from "./gather.ts";
import type { Line, Part } from "./lines.ts";
import { buildPyramid, emptySummary, type Numbers, type Summary } from "./pyramid.ts";
import { bounds } from "./sealed-parts.ts";
import type { StoredBlock, StoredBlocks } from "./stored.ts";

/**
 * Groups of 8, 16 and 32 rows, which are made of the rows of a block and lie in memory only: a chart that has so few rows a
 * bucket is asked again for what one of longer runs costs. Why not on disk: docs/decisions/0025-groups-of-few-rows.md.
 */

/** The groups of one part. */
export type Piece = Places & { summary: Summary };

/** Its rows can be summed up here. */
export function isFine(part: Part): boolean {
  return "block" in part && part.block.level !== LEVEL.journal && part.block.dead.length === 0;
}

/** The line with the blocks that meet the range instead of the spans they lie in. */
export function byBlocks(stored: StoredBlocks, line: Line): Line {
  if (line.parts.every((part) => "block" in part)) return line;
  const { min, max } = line.range;
  const parts = line.parts.flatMap((part): Part[] => {
    if ("block" in part) return [part];
    return part.span.blocks.flatMap(({ id }, at) => {
      const steps = part.span.stepsByRule(at);
      if (steps && (steps.max < min || steps.min > max)) return [];
      const block = stored.spanBlock(id);
      if (!block || block.maxStep < min || block.minStep > max) return [];
      return [{ ...bounds(block), points: block.rows, block, hasPyramid: false }];
    });
  });
  return { ...line, parts };
}

/** Undefined where the key has several columns. Throws what damage it meets. */
export function finePiece(
  { stored, line: { key } }: Reading,
  block: StoredBlock,
  groupRows: number,
): Piece | undefined {
  const head = stored.head(block);
  const isOfKey = (column: ColumnPlace) => column.key === key && column.kind === "number";
  const id = head.columns.findIndex(isOfKey);
  if (id < 0) return NOTHING;
  if (head.columns.findLastIndex(isOfKey) !== id) return undefined;
  const values = stored.numbers(block, id);
  const rule = stored.stepRule(block);
  const steps = rule ? undefined : stored.steps(block);
  const xOf = (row: number) => (rule ? rule.first + row * rule.stride : (steps?.[row] as number));
  const isWhole = head.columns[id]?.stats?.finite === block.rows;
  if (isWhole) return wholePiece(values, groupRows, xOf);
  const summary = buildPyramid(block.rows, rowsOfColumn(head, id), values, groupRows);
  const { groups, firstRow, lastRow } = summary;
  const from = new Float64Array(groups);
  const to = new Float64Array(groups);
  for (let group = 0; group < groups; group++) {
    from[group] = xOf(group * groupRows + (firstRow[group] as number));
    to[group] = xOf(group * groupRows + (lastRow[group] as number));
  }
  return { summary, from, to };
}

/** The same of a finite value in every row, in a fraction of the time. */
function wholePiece(values: Numbers, groupRows: number, xOf: (row: number) => number): Piece {
  const groups = Math.ceil(values.length / groupRows);
  const bits = bitsOf(values);
  const summary = emptySummary(groups, bits !== undefined);
  const { min, max, sum, first, last, count } = summary;
  const from = new Float64Array(groups);
  const to = new Float64Array(groups);
  for (let group = 0; group < groups; group++) {
    const start = group * groupRows;
    const end = Math.min(values.length, start + groupRows);
    let total = 0;
    if (bits) {
      let least = NO_LEAST;
      let most = NO_MOST;
      for (let row = start; row < end; row++) {
        const key = keyOf(bits[row] as number);
        least = lesserKey(least, key);
        most = greaterKey(most, key);
        total += values[row] as number;
      }
      min[group] = numberOf(least);
      max[group] = numberOf(most);
    } else {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (let row = start; row < end; row++) {
        const one = values[row] as number;
        if (one < low) low = one;
        if (one > high) high = one;
        total += one;
      }
      min[group] = low;
      max[group] = high;
    }
    sum[group] = total;
    first[group] = values[start] as number;
    last[group] = values[end - 1] as number;
    count[group] = end - start;
    from[group] = xOf(start);
    to[group] = xOf(end - 1);
  }
  return { summary: { ...summary, isWhole: true }, from, to };
}

const NOTHING = {
  summary: buildPyramid(0, new Uint32Array(0), new Float32Array(0)),
  from: new Float64Array(0),
  to: new Float64Array(0),
};
