import { SteelyardError } from "../../errors.ts";
import type { Series, SeriesQuestion, XAxis } from "../../ports/metric-store.ts";
import { rowsOfColumn } from "./block.ts";
import { LEVEL } from "./database.ts";
import { decodePyramid, GROUP_ROWS } from "./pyramid.ts";
import { deadRows, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * The question of every chart. Hot: a long run is answered from its pyramid; chunks are opened only for the journal's
 * rows, for the groups that the range cuts, and when there are so few points that groups would be too coarse.
 */

/** Points and groups of points of one run × key, before they are put into buckets. A point is a group of one. */
class Gathered {
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
  grouped = false;

  point(x: number, value: number): void {
    const finite = Number.isFinite(value);
    const shown = finite ? value : Number.NaN;
    this.group(x, x, shown, shown, finite ? value : 0, shown, shown, finite ? 1 : 0, finite ? 0 : 1);
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
    if (count + nonFinite > 1) this.grouped = true;
  }
}

interface Range {
  min: number;
  max: number;
}

/** `damaged` gets a line for each block that could not be read: its points are missing, the rest is answered. */
export function answerSeries(stored: StoredBlocks, question: SeriesQuestion, damaged: string[]): Series[] {
  const { runs, keys, stream, x, buckets } = question;
  const range = {
    min: question.min ?? Number.NEGATIVE_INFINITY,
    max: question.max ?? Number.POSITIVE_INFINITY,
  };
  const xKey = keyOfAxis(x);
  const answers: Series[] = [];
  for (const run of runs) {
    const streams = stored.streams(run, stream).map(({ id }) => ({
      id,
      blocks: xKey === undefined ? stored.blocksBySteps(id, range.min, range.max) : stored.blocks(id),
      xPyramids: xKey === undefined ? undefined : pyramidsByBlock(stored, id, xKey),
    }));
    for (const key of keys) {
      const gathered = new Gathered();
      const sources = streams.map((source) => ({
        ...source,
        pyramids: pyramidsByBlock(stored, source.id, key),
      }));
      let most = 0;
      for (const { blocks, pyramids } of sources) {
        for (const block of blocks) most += pointsAtMost(stored, block, key, pyramids, damaged);
      }
      if (most === 0) continue;
      const coarse = most > buckets * GROUP_ROWS;
      for (const { blocks, pyramids, xPyramids } of sources) {
        for (const block of blocks) {
          guarded(damaged, () => {
            const pyramid = coarse && block.dead.length === 0 ? pyramids.get(block.id)?.pyramid : undefined;
            const xPyramid = xPyramids?.get(block.id)?.pyramid;
            if (pyramid && (xKey === undefined || xPyramid)) {
              const rest = gatherGroups(stored, block, pyramid, xPyramid ?? undefined, range, gathered);
              if (rest.size > 0) gatherPoints(stored, block, key, xKey, range, gathered, rest);
            } else {
              gatherPoints(stored, block, key, xKey, range, gathered);
            }
          });
        }
      }
      if (gathered.points > 0) answers.push(toSeries(run, key, gathered, range, buckets));
    }
  }
  return answers;
}

/** undefined = the step. */
function keyOfAxis(x: XAxis): string | undefined {
  switch (x.kind) {
    case "step":
      return undefined;
    case "relative":
      return "_runtime";
    case "wall":
      return "_timestamp";
    case "key":
      return x.key === "_step" ? undefined : x.key;
  }
}

type StoredPyramids = Map<number, { count: number; pyramid: Uint8Array | null }>;

function pyramidsByBlock(stored: StoredBlocks, streamId: number, key: string): StoredPyramids {
  const byBlock: StoredPyramids = new Map();
  for (const { block, count, pyramid } of stored.pyramids(streamId, key))
    byBlock.set(block, { count, pyramid });
  return byBlock;
}

function pointsAtMost(
  stored: StoredBlocks,
  block: StoredBlock,
  key: string,
  pyramids: StoredPyramids,
  damaged: string[],
): number {
  if (block.level !== LEVEL.journal) return pyramids.get(block.id)?.count ?? 0;
  let count = 0;
  guarded(damaged, () => {
    for (const column of stored.head(block).columns) {
      if (column.key === key && column.kind === "number") count += column.count;
    }
  });
  return count;
}

function guarded(damaged: string[], work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!(cause instanceof SteelyardError) || cause.code !== "internal") throw cause;
    if (!damaged.includes(cause.message)) damaged.push(cause.message);
  }
}

/** Takes the groups that lie wholly in the range; returns those that must be opened. */
function gatherGroups(
  stored: StoredBlocks,
  block: StoredBlock,
  pyramidChunk: Uint8Array,
  xChunk: Uint8Array | undefined,
  range: Range,
  gathered: Gathered,
): Set<number> {
  const pyramid = stored.checked(block, "pyramid", () => decodePyramid(pyramidChunk, block.rows));
  const xs = xChunk && stored.checked(block, "pyramid of x", () => decodePyramid(xChunk, block.rows));
  const steps = xs ? undefined : stored.steps(block);
  const rest = new Set<number>();
  for (let group = 0; group < pyramid.groups; group++) {
    const count = pyramid.count[group] ?? 0;
    const nonFinite = pyramid.nonFinite[group] ?? 0;
    if (count + nonFinite === 0) continue;
    let xFirst: number;
    let xLast: number;
    if (steps) {
      xFirst = steps[group * GROUP_ROWS + (pyramid.firstRow[group] ?? 0)] ?? 0;
      xLast = steps[group * GROUP_ROWS + (pyramid.lastRow[group] ?? 0)] ?? 0;
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
    const rows = rowsOfColumn(stored.head(block), id);
    for (let i = 0; i < values.length; i++) {
      const row = rows[i] ?? 0;
      const x = xs[row] ?? Number.NaN;
      // NaN fails both: a point without a finite x has no place on this axis.
      if (!(x >= range.min && x <= range.max) || !Number.isFinite(x)) continue;
      if (groups && !groups.has((row / GROUP_ROWS) | 0)) continue;
      if (dead?.(row)) continue;
      gathered.point(x, values[i] ?? 0);
    }
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

function toSeries(run: number, key: string, gathered: Gathered, range: Range, buckets: number): Series {
  const { points } = gathered;
  if (!gathered.grouped && points <= buckets) return exactSeries(run, key, gathered);
  const { xFirst, xLast } = gathered;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < xFirst.length; i++) {
    low = Math.min(low, xFirst[i] ?? 0);
    high = Math.max(high, xLast[i] ?? 0);
  }
  if (Number.isFinite(range.min)) low = range.min;
  if (Number.isFinite(range.max)) high = range.max;
  const scale = high > low ? buckets / (high - low) : 0;
  const made = emptySeries(run, key, false, points, buckets);
  const firstX = new Float64Array(buckets).fill(Number.POSITIVE_INFINITY);
  const lastX = new Float64Array(buckets).fill(Number.NEGATIVE_INFINITY);
  made.xFirst.fill(Number.POSITIVE_INFINITY);
  made.xLast.fill(Number.NEGATIVE_INFINITY);
  // A group goes whole into the bucket of its first x, so the edges move by less than a group; the answer says its x.
  for (let i = 0; i < xFirst.length; i++) {
    const from = xFirst[i] ?? 0;
    const to = xLast[i] ?? 0;
    const at = Math.min(buckets - 1, Math.max(0, Math.floor((from - low) * scale)));
    if (from < (made.xFirst[at] ?? 0)) made.xFirst[at] = from;
    if (to > (made.xLast[at] ?? 0)) made.xLast[at] = to;
    made.nonFinite[at] = (made.nonFinite[at] ?? 0) + (gathered.nonFinite[i] ?? 0);
    const count = gathered.count[i] ?? 0;
    if (count === 0) continue;
    const min = gathered.min[i] ?? 0;
    const max = gathered.max[i] ?? 0;
    if (made.count[at] === 0 || min < (made.min[at] ?? 0)) made.min[at] = min;
    if (made.count[at] === 0 || max > (made.max[at] ?? 0)) made.max[at] = max;
    if (from < (firstX[at] ?? 0)) {
      firstX[at] = from;
      made.first[at] = gathered.first[i] ?? 0;
    }
    if (to >= (lastX[at] ?? 0)) {
      lastX[at] = to;
      made.last[at] = gathered.last[i] ?? 0;
    }
    made.count[at] = (made.count[at] ?? 0) + count;
    made.mean[at] = (made.mean[at] ?? 0) + (gathered.sum[i] ?? 0);
  }
  return withoutEmpty(made);
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

function exactSeries(run: number, key: string, gathered: Gathered): Series {
  const { xFirst, min, count, nonFinite, points } = gathered;
  const order = Array.from(xFirst.keys()).sort((a, b) => (xFirst[a] ?? 0) - (xFirst[b] ?? 0));
  const series = emptySeries(run, key, true, points, points);
  for (const [to, from] of order.entries()) {
    const value = min[from] ?? 0;
    series.xFirst[to] = xFirst[from] ?? 0;
    series.xLast[to] = xFirst[from] ?? 0;
    series.min[to] = value;
    series.max[to] = value;
    series.mean[to] = value;
    series.first[to] = value;
    series.last[to] = value;
    series.count[to] = count[from] ?? 0;
    series.nonFinite[to] = nonFinite[from] ?? 0;
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
