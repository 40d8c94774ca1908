import type { Series, SeriesQuestion, XAxis } from "../../ports/metric-store.ts";
import { rowsOfColumn } from "./block.ts";
import { Buckets, exactSeries, Gathered, type Range } from "./buckets.ts";
import { LEVEL } from "./database.ts";
import { GROUP_ROWS, type Pyramid } from "./pyramid.ts";
import { runStart } from "./run-start.ts";
import { deadRows, guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * The question of every chart. Hot: a long run is answered from its pyramid; chunks are opened only for the journal's
 * rows, for the groups that the range cuts, and when there are so few points that groups would be too coarse.
 */

/**
 * `damaged` gets a line for each block that could not be read: its points are missing, the rest is answered. `proceed`
 * is called before each run and throws when the work is to end.
 */
export function answerSeries(
  stored: StoredBlocks,
  question: SeriesQuestion,
  damaged: string[],
  proceed: () => void,
): Series[] {
  const buckets = Math.max(1, Math.floor(question.buckets));
  const xKey = keyOfAxis(question.x);
  const lines = linesOf(stored, question, xKey, damaged, proceed);
  const grids = new Map<string, Grid>();
  for (const [key, ofKey] of Map.groupBy(lines, ({ key }) => key)) {
    if (ofKey.some(({ most }) => most > buckets)) {
      const steps = Math.max(...ofKey.map(({ steps }) => steps));
      grids.set(key, { ...extentOf(stored, ofKey, question, xKey, damaged), steps });
    }
  }
  const answers: Series[] = [];
  for (const line of lines) {
    proceed();
    const { run, key, start } = line;
    const grid = grids.get(key) ?? EVERYTHING;
    // By what a bucket holds of it, however much of the chart's width it has: runs of one pace are read in one way.
    const own = buckets * (line.steps / grid.steps);
    const coarse = line.most > Math.max(buckets, own * GROUP_ROWS);
    const made = () => new Buckets(run, key, { min: grid.min + start, max: grid.max + start }, buckets);
    const groups = coarse ? made() : undefined;
    const gathered = gather(stored, line, xKey, groups, damaged);
    if (gathered.points === 0 && !groups?.points) continue;
    let series: Series;
    if (!groups?.points && gathered.points <= buckets) series = exactSeries(run, key, gathered);
    else {
      const filled = groups ?? made();
      filled.add(gathered);
      series = filled.series();
    }
    if (start !== 0) for (const xs of [series.xFirst, series.xLast]) shift(xs, -start);
    answers.push(series);
  }
  return answers;
}

const NOTHING: Range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
const EVERYTHING: Grid = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY, steps: 1 };

/** What the buckets of a chart divide evenly, and the steps that its longest run takes for that. */
interface Grid extends Range {
  steps: number;
}

/** One run × key that may have points, and where they are stored. */
interface Line {
  run: number;
  key: string;
  /** What is read is a clock; the answer counts from when the run first started. */
  start: number;
  /** Asked for, in what is read. */
  range: Range;
  sources: { id: number; blocks: StoredBlock[]; counts: Map<number, number> }[];
  /** Points, if none is dead or out of range. */
  most: number;
  /** Between the first and the last step of the blocks that have some. */
  steps: number;
}

function linesOf(
  stored: StoredBlocks,
  question: SeriesQuestion,
  xKey: string | undefined,
  damaged: string[],
  proceed: () => void,
): Line[] {
  const { runs, keys, stream, x } = question;
  const lines: Line[] = [];
  for (const run of runs) {
    proceed();
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
      let first = Number.POSITIVE_INFINITY;
      let last = Number.NEGATIVE_INFINITY;
      for (const { blocks, counts } of sources) {
        for (const block of blocks) {
          const points = pointsAtMost(stored, block, key, counts, damaged);
          if (points === 0) continue;
          most += points;
          first = Math.min(first, block.minStep);
          last = Math.max(last, block.maxStep);
        }
      }
      if (most > 0) lines.push({ run, key, start, range, sources, most, steps: last - first + 1 });
    }
  }
  return lines;
}

/**
 * From the first to the last x of all runs: the buckets of one chart are the same for each of its lines, so that equal
 * curves are drawn equal. Only blocks that may reach beyond what is known so far are opened: mostly two.
 */
function extentOf(
  stored: StoredBlocks,
  lines: readonly Line[],
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: SeriesQuestion,
  xKey: string | undefined,
  damaged: string[],
): Range {
  const extent = { ...NOTHING };
  const asked = Number.isFinite(min) && Number.isFinite(max);
  for (const { key, start, range, sources } of asked ? [] : lines) {
    for (const { blocks, counts } of sources) {
      for (const block of fromBothEnds(blocks)) {
        if (block.level !== LEVEL.journal && !counts.has(block.id)) continue;
        guarded(damaged, () => {
          const most = xKey === undefined ? stepsOf(block) : statedRange(stored, block, xKey);
          if (most && most.min - start >= extent.min && most.max - start <= extent.max) return;
          const points = new Gathered();
          gatherPoints(stored, block, key, xKey, range, points);
          for (let at = 0; at < points.points; at++) {
            const here = (points.x[at] as number) - start;
            if (here < extent.min) extent.min = here;
            if (here > extent.max) extent.max = here;
          }
        });
      }
    }
  }
  if (Number.isFinite(min)) extent.min = min;
  if (Number.isFinite(max)) extent.max = max;
  return extent;
}

/** Its ends lie mostly in the first and the last block: what is between has nothing to add. */
function* fromBothEnds<Item>(items: readonly Item[]): Generator<Item> {
  for (let low = 0, high = items.length - 1; low <= high; low++, high--) {
    yield items[low] as Item;
    if (low < high) yield items[high] as Item;
  }
}

function stepsOf({ minStep, maxStep }: StoredBlock): Range {
  return { min: minStep, max: maxStep };
}

/** What the head says of the axis; undefined when it does not. */
function statedRange(stored: StoredBlocks, block: StoredBlock, xKey: string): Range | undefined {
  const range = { ...NOTHING };
  for (const { key, kind, stats } of stored.head(block).columns) {
    if (key !== xKey || kind !== "number") continue;
    if (!stats) return undefined;
    if (stats.finite === 0) continue;
    range.min = Math.min(range.min, stats.min);
    range.max = Math.max(range.max, stats.max);
  }
  return range;
}

/** The points that are taken one by one; with `groups`, whole groups go there. */
function gather(
  stored: StoredBlocks,
  { key, range, sources }: Line,
  xKey: string | undefined,
  groups: Buckets | undefined,
  damaged: string[],
): Gathered {
  const gathered = new Gathered();
  for (const { id, blocks, counts } of sources) {
    // Most of the run: its pyramids in one go. A narrow range asks for those of the blocks it meets.
    const many = groups && blocks.length * 2 > counts.size;
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
        const summed = groups && block.level !== LEVEL.journal && block.dead.length === 0;
        const pyramid = summed ? pyramidOf(block, key) : undefined;
        const xs = pyramid && xKey !== undefined ? pyramidOf(block, xKey) : undefined;
        if (!groups || !pyramid || (xKey !== undefined && !xs)) {
          gatherPoints(stored, block, key, xKey, range, gathered);
          return;
        }
        const rest = addGroups(stored, block, pyramid, xs, range, groups);
        if (rest.size > 0) gatherPoints(stored, block, key, xKey, range, gathered, rest);
      });
    }
  }
  return gathered;
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
function addGroups(
  stored: StoredBlocks,
  block: StoredBlock,
  pyramid: Pyramid,
  xs: Pyramid | undefined,
  range: Range,
  buckets: Buckets,
): Set<number> {
  const stepAt = xs ? undefined : stored.stepAt(block);
  const rest = new Set<number>();
  for (let group = 0; group < pyramid.groups; group++) {
    const count = (pyramid.count[group] as number) + (pyramid.nonFinite[group] as number);
    if (count === 0) continue;
    let xFirst: number;
    let xLast: number;
    if (stepAt) {
      xFirst = stepAt(group * GROUP_ROWS + (pyramid.firstRow[group] as number));
      xLast = stepAt(group * GROUP_ROWS + (pyramid.lastRow[group] as number));
    } else if (xs) {
      xFirst = xs.first[group] ?? 0;
      xLast = xs.last[group] ?? 0;
      // The group's x are those of its values only when both are in the same rows, and in order.
      const aligned =
        xs.nonFinite[group] === 0 &&
        xs.count[group] === count &&
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
    buckets.addGroup(xFirst, xLast, pyramid, group);
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
    let at = gathered.points;
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
    gathered.points = at;
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
