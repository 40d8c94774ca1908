import type { Series, SeriesQuestion } from "../../ports/metric-store.ts";
import { Buckets, exactSeries, Gathered, type Range } from "./buckets.ts";
import { type GroupSink, type Reading, readPart, statedRange } from "./gather.ts";
import { readParts } from "./joined.ts";
import { keyOfAxis, type Line } from "./lines.ts";
import { FINEST_SIZE, LEVELS, levelOfSize, rowsOfSize, SIZES, type Summary } from "./pyramid.ts";
import type { Room } from "./room.ts";
import type { StoredBlocks } from "./stored.ts";

/**
 * The question of every chart. Hot: a long run is answered from the level of its pyramid that has about a group a
 * bucket; chunks are opened only for rows of the journal, for the groups that the range cuts, and when there are so few
 * points that groups would be too coarse.
 */

/** What the buckets of a chart divide evenly, and the steps that its longest run takes for that. */
export interface Grid extends Range {
  steps: number;
}

/** Key → its grid. A key of which every run has few points has none. */
export type Grids = ReadonlyMap<string, Grid>;

const EVERYTHING: Grid = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY, steps: 1 };

/** Of these runs; those of others may be wider. */
export function gridsOf(
  stored: StoredBlocks,
  question: SeriesQuestion,
  lines: readonly Line[],
  damaged: string[],
): Grids {
  const buckets = bucketsOf(question);
  const grids = new Map<string, Grid>();
  for (const [key, ofKey] of Map.groupBy(lines, (line) => line.key)) {
    if (ofKey.some(({ most }) => most > buckets)) {
      const steps = ofKey.reduce((most, line) => Math.max(most, line.steps), 0);
      grids.set(key, { ...extentOf(stored, ofKey, question, damaged), steps });
    }
  }
  return grids;
}

/** Of several readers, each of other runs. */
export function joinGrids(all: readonly Grids[]): Grids {
  const joined = new Map<string, Grid>();
  for (const [key, grid] of all.flatMap((grids) => [...grids])) {
    const known = joined.get(key) ?? grid;
    joined.set(key, {
      min: Math.min(known.min, grid.min),
      max: Math.max(known.max, grid.max),
      steps: Math.max(known.steps, grid.steps),
    });
  }
  return joined;
}

/**
 * `damaged` gets a line for each block that could not be read: its points are missing, the rest is answered. `proceed`
 * is called before each line and throws when the work is to end.
 */
export function answerSeries(
  stored: StoredBlocks,
  question: SeriesQuestion,
  lines: readonly Line[],
  grids: Grids,
  room: Room,
  damaged: string[],
  proceed: () => void,
): Series[] {
  const buckets = bucketsOf(question);
  const filled = new Buckets(buckets, room.wanted);
  const points = new Gathered();
  const answers: Series[] = [];
  for (const line of lines) {
    proceed();
    const grid = grids.get(line.key) ?? EVERYTHING;
    const { run, key, start } = line;
    const reading = { stored, line, xKey: keyOfAxis(question.x), points, damaged };
    let size = sizeOfGroups(line.most, line.rows, line, grid, buckets);
    for (;;) {
      filled.begin({ min: grid.min + start, max: grid.max + start });
      points.points = 0;
      const { level } = levelOfSize(size);
      readParts({ ...reading, level, sink: size === EXACT ? undefined : filled }, size);
      // Fewer than the parts have in all, because the range is one of another axis than the step: a finer look is due.
      const found = filled.points + points.points;
      const due = sizeOfGroups(found, (line.rows * found) / line.most, line, grid, buckets);
      // By another axis than the step there are no sizes between levels, nor below the finest.
      const isSame = levelOfSize(due).level === level || Math.max(size, due) < 0;
      if (due >= size || (reading.xKey !== undefined && due !== EXACT && isSame)) break;
      size = due;
    }
    if (points.points + filled.points === 0) continue;
    let series: Series;
    if (filled.points === 0 && points.points <= buckets) series = exactSeries(run, key, points, room);
    else {
      filled.add(points);
      series = filled.series(run, key, room);
    }
    if (start !== 0) for (const xs of [series.xFirst, series.xLast]) shift(xs, -start);
    answers.push(series);
  }
  return answers;
}

function bucketsOf({ buckets }: SeriesQuestion): number {
  return Math.max(1, Math.floor(buckets));
}

/** A bucket for each point, and no bucket of several of them. */
const EXACT = FINEST_SIZE - 2;

/** The largest groups of which there is one for each bucket; below `FINEST_SIZE` = none, point by point. */
function sizeOfGroups(points: number, rows: number, line: Line, grid: Grid, buckets: number): number {
  if (points <= buckets) return EXACT;
  // By what a bucket holds of it, however much of the chart's width it has: runs of one pace are read in one way.
  const own = Math.max(1, buckets * (line.steps / grid.steps));
  let size = SIZES - 1;
  // What has few points where others have rows is not to lie in few groups.
  while (size >= FINEST_SIZE && (size < 0 ? points : rows) <= own * rowsOfSize(size)) size--;
  return size;
}

/**
 * From the first to the last x of all runs: the buckets of one chart are the same for each of its lines, so that equal
 * curves are drawn equal. Only what may reach beyond what is known so far is opened: mostly two parts.
 */
function extentOf(
  stored: StoredBlocks,
  lines: readonly Line[],
  { x, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: SeriesQuestion,
  damaged: string[],
): Range {
  const xKey = keyOfAxis(x);
  const extent = new Extent();
  const asked = Number.isFinite(min) && Number.isFinite(max);
  const points = new Gathered();
  for (const line of asked ? [] : lines) {
    const { start } = line;
    // By the step a line's reach is known: most lines of a chart have nothing to add.
    if (xKey === undefined && line.first >= extent.min && line.last <= extent.max) continue;
    const reading: Reading = { stored, line, xKey, points, sink: extent, level: LEVELS - 1, damaged };
    for (const part of fromBothEnds(line.parts.toSorted((a, b) => a.minStep - b.minStep))) {
      const most = statedRange(stored, "span" in part ? part.span : part.block, xKey);
      extent.start = start;
      if (most && most.min - start >= extent.min && most.max - start <= extent.max) continue;
      points.points = 0;
      readPart(reading, part);
      for (let at = 0; at < points.points; at++) extent.add(points.x[at] as number, points.x[at] as number);
    }
  }
  return {
    min: Number.isFinite(min) ? min : extent.min,
    max: Number.isFinite(max) ? max : extent.max,
  };
}

class Extent implements GroupSink {
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** What the x of the line count from. */
  start = 0;

  add(from: number, to: number): void {
    if (from - this.start < this.min) this.min = from - this.start;
    if (to - this.start > this.max) this.max = to - this.start;
  }

  addGroups(groups: Summary, start: number, end: number, from: Float64Array, to: Float64Array): void {
    for (let group = start; group < end; group++) {
      const points = (groups.count[group] as number) + (groups.nonFinite[group] as number);
      if (points > 0) this.add(from[group] as number, to[group] as number);
    }
  }
}

/** Its ends lie mostly in the first and the last part: what is between has nothing to add. */
function* fromBothEnds<Item>(items: readonly Item[]): Generator<Item> {
  for (let low = 0, high = items.length - 1; low <= high; low++, high--) {
    yield items[low] as Item;
    if (low < high) yield items[high] as Item;
  }
}

function shift(values: Float64Array, by: number): void {
  for (let at = 0; at < values.length; at++) values[at] = (values[at] as number) + by;
}
