import type { Series, SeriesQuestion, XAxis } from "../../ports/metric-store.ts";
import { rowsOfColumn } from "./block.ts";
import { Gathered, type Range, toSeries } from "./buckets.ts";
import { LEVEL } from "./database.ts";
import { GROUP_ROWS, type Pyramid } from "./pyramid.ts";
import { runStart } from "./run-start.ts";
import { deadRows, guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * The question of every chart. Hot: a long run is answered from its pyramid; chunks are opened only for the journal's
 * rows, for the groups that the range cuts, and when there are so few points that groups would be too coarse.
 */

/** `damaged` gets a line for each block that could not be read: its points are missing, the rest is answered. */
export function answerSeries(stored: StoredBlocks, question: SeriesQuestion, damaged: string[]): Series[] {
  const { runs, keys, stream, x } = question;
  const buckets = Math.max(1, Math.floor(question.buckets));
  const xKey = keyOfAxis(x);
  const answers: Series[] = [];
  for (const run of runs) {
    // What is read is a clock; the answer counts from when the run first started.
    const start = x.kind === "relative-wall" ? runStart(stored, run, stream, damaged) : 0;
    if (start === undefined) continue;
    const range = {
      min: start + (question.min ?? Number.NEGATIVE_INFINITY),
      max: start + (question.max ?? Number.POSITIVE_INFINITY),
    };
    const streams = stored.streams(run, stream).map(({ id }) => ({
      id,
      blocks: xKey === undefined ? stored.blocksBySteps(id, range.min, range.max) : stored.blocks(id),
    }));
    for (const key of keys) {
      const sources = streams.map((source) => ({
        ...source,
        counts: stored.sealedCounts(source.id, key),
      }));
      let most = 0;
      for (const { blocks, counts } of sources) {
        for (const block of blocks) most += pointsAtMost(stored, block, key, counts, damaged);
      }
      if (most === 0) continue;
      const coarse = most > buckets * GROUP_ROWS;
      const gathered = new Gathered();
      for (const { id, blocks, counts } of sources) {
        // Most of the run: its pyramids in one go. A narrow range asks for those of the blocks it meets.
        const many = coarse && blocks.length * 2 > counts.size;
        const pyramids = many ? stored.pyramids(id, key) : undefined;
        const xPyramids = many && xKey !== undefined ? stored.pyramids(id, xKey) : undefined;
        const pyramidOf = (block: StoredBlock, of: string) => {
          const chunks = of === key ? pyramids : xPyramids;
          const chunk = chunks?.get(block.id);
          if (chunks) return chunk && stored.decodedPyramid(block, of, chunk);
          return stored.pyramid(block, of);
        };
        for (const block of blocks) {
          if (block.level !== LEVEL.journal && !counts.has(block.id)) continue;
          guarded(damaged, () => {
            const summed = coarse && block.level !== LEVEL.journal && block.dead.length === 0;
            const pyramid = summed ? pyramidOf(block, key) : undefined;
            const xs = pyramid && xKey !== undefined ? pyramidOf(block, xKey) : undefined;
            if (!pyramid || (xKey !== undefined && !xs)) {
              gatherPoints(stored, block, key, xKey, range, gathered);
              return;
            }
            const rest = gatherGroups(stored, block, pyramid, xs, range, gathered);
            if (rest.size > 0) gatherPoints(stored, block, key, xKey, range, gathered, rest);
          });
        }
      }
      if (gathered.points === 0) continue;
      const series = toSeries(run, key, gathered, range, buckets);
      if (start !== 0) for (const xs of [series.xFirst, series.xLast]) shift(xs, -start);
      answers.push(series);
    }
  }
  return answers;
}

function shift(values: Float64Array, by: number): void {
  for (let at = 0; at < values.length; at++) values[at] = (values[at] as number) + by;
}

/** undefined = the step. */
function keyOfAxis(x: XAxis): string | undefined {
  switch (x.kind) {
    case "step":
      return undefined;
    case "relative":
      return "_runtime";
    case "wall":
    case "relative-wall":
      return "_timestamp";
    case "key":
      return x.key === "_step" ? undefined : x.key;
  }
}

function pointsAtMost(
  stored: StoredBlocks,
  block: StoredBlock,
  key: string,
  counts: Map<number, number>,
  damaged: string[],
): number {
  if (block.level !== LEVEL.journal) return counts.get(block.id) ?? 0;
  let count = 0;
  guarded(damaged, () => {
    for (const column of stored.head(block).columns) {
      if (column.key === key && column.kind === "number") count += column.count;
    }
  });
  return count;
}

/** Takes the groups that lie wholly in the range; returns those that must be opened. */
function gatherGroups(
  stored: StoredBlocks,
  block: StoredBlock,
  pyramid: Pyramid,
  xs: Pyramid | undefined,
  range: Range,
  gathered: Gathered,
): Set<number> {
  const stepAt = xs ? undefined : stored.stepAt(block);
  const rest = new Set<number>();
  for (let group = 0; group < pyramid.groups; group++) {
    const count = pyramid.count[group] ?? 0;
    const nonFinite = pyramid.nonFinite[group] ?? 0;
    if (count + nonFinite === 0) continue;
    let xFirst: number;
    let xLast: number;
    if (stepAt) {
      xFirst = stepAt(group * GROUP_ROWS + (pyramid.firstRow[group] ?? 0));
      xLast = stepAt(group * GROUP_ROWS + (pyramid.lastRow[group] ?? 0));
    } else if (xs) {
      xFirst = xs.first[group] ?? 0;
      xLast = xs.last[group] ?? 0;
      // The group's x are those of its values only when both are in the same rows, and in order.
      const aligned =
        xs.nonFinite[group] === 0 &&
        xs.count[group] === count + nonFinite &&
        xs.count[group] === Math.min(GROUP_ROWS, block.rows - group * GROUP_ROWS) &&
        xs.min[group] === xFirst &&
        xs.max[group] === xLast;
      if (!aligned) {
        rest.add(group);
        continue;
      }
    } else continue;
    if (xLast < range.min || xFirst > range.max) continue;
    if (xFirst < range.min || xLast > range.max) {
      rest.add(group);
      continue;
    }
    gathered.group(
      xFirst,
      xLast,
      pyramid.min[group] ?? 0,
      pyramid.max[group] ?? 0,
      pyramid.sum[group] ?? 0,
      pyramid.first[group] ?? 0,
      pyramid.last[group] ?? 0,
      count,
      nonFinite,
    );
  }
  return rest;
}

function gatherPoints(
  stored: StoredBlocks,
  block: StoredBlock,
  key: string,
  xKey: string | undefined,
  range: Range,
  gathered: Gathered,
  groups?: Set<number>,
): void {
  const { columns } = stored.head(block);
  if (!columns.some((column) => column.key === key && column.kind === "number")) return;
  const xs = xKey === undefined ? stored.steps(block) : valuesByRow(stored, block, xKey);
  if (!xs) return;
  const dead = deadRows(block, () => stored.lines(block));
  for (const [id, column] of columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    const values = stored.column(block, id) as Float64Array;
    // A column that every row has needs no map of its rows.
    const rows = values.length === block.rows ? undefined : rowsOfColumn(stored.head(block), id);
    gathered.makeRoom(values.length);
    const { x, value } = gathered;
    let at = gathered.single;
    for (let i = 0; i < values.length; i++) {
      const row = rows ? (rows[i] ?? 0) : i;
      const here = xs[row] ?? Number.NaN;
      // NaN fails both: a point without a finite x has no place on this axis.
      if (!(here >= range.min && here <= range.max) || !Number.isFinite(here)) continue;
      if (groups && !groups.has((row / GROUP_ROWS) | 0)) continue;
      if (dead?.(row)) continue;
      x[at] = here;
      value[at] = values[i] ?? 0;
      at++;
    }
    gathered.points += at - gathered.single;
    gathered.single = at;
  }
}

function valuesByRow(stored: StoredBlocks, block: StoredBlock, key: string): Float64Array | undefined {
  let byRow: Float64Array | undefined;
  for (const [id, column] of stored.head(block).columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    byRow ??= new Float64Array(block.rows).fill(Number.NaN);
    const values = stored.column(block, id) as Float64Array;
    const rows = rowsOfColumn(stored.head(block), id);
    for (let i = 0; i < values.length; i++) byRow[rows[i] ?? 0] = values[i] ?? 0;
  }
  return byRow;
}
