import { type ColumnPlace, rowsOfColumn } from "./block.ts";
import type { Gathered, Range } from "./buckets.ts";
import { finestOf, type Grouped, GroupedBlock } from "./grouped.ts";
import { kindsOf } from "./kinds.ts";
import type { Line, Part } from "./lines.ts";
import {
  FACTOR,
  GROUP_ROWS,
  type Kinds,
  LEVELS,
  type Numbers,
  type Pyramid,
  type Summary,
} from "./pyramid.ts";
import type { StepRule } from "./span.ts";
import { deadRows, guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";
import { StoredSpan } from "./stored-span.ts";

/**
 * The points of a line: one by one from chunks, and whole groups from pyramids, which are opened only where the range
 * cuts them, or where the rows of a value and of its x are not the same. Hot: nothing is allocated per point or group.
 */

/** Where whole groups go. */
export interface GroupSink {
  /**
   * Those from `start` to before `end` that have a value; group i lies between `from[i]` and `to[i]`, inclusive. `kinds`:
   * when they are asked for and there are any.
   */
  addGroups(
    groups: Summary,
    start: number,
    end: number,
    from: Float64Array,
    to: Float64Array,
    kinds?: Kinds,
  ): void;
  /** Whether it asks which values are infinite: where groups do not say it, their rows are read. */
  readonly kinds?: boolean;
  /**
   * Row i of the values has the x that the rule says, its stride above 0. `finite`: all of them are. Absent: such rows are
   * points like others.
   */
  addRows?(values: Numbers, finite: boolean, rule: StepRule, range: Range): void;
}

export interface Reading {
  stored: StoredBlocks;
  line: Line;
  /** undefined = the step. */
  xKey: string | undefined;
  /** Points taken one by one. */
  points: Gathered;
  /** The coarsest level whose groups are wanted; below 0, every point is taken one by one. */
  level: number;
  /** Absent: all points go to `points`. */
  sink?: GroupSink | undefined;
  damaged: string[];
}

export function readPart(reading: Reading, part: Part): void {
  const { level, sink, line, xKey } = reading;
  if (sink && level >= 0 && isSummed(part)) {
    readGroups(reading, sink, part, 0, Number.POSITIVE_INFINITY);
  } else if ("block" in part) {
    takePointsOf(reading, part, part.block.id);
  } else {
    const { min, max } = line.range;
    for (const [at, { id }] of part.span.blocks.entries()) {
      const steps = xKey === undefined ? part.span.stepsByRule(at) : undefined;
      if (!steps || (steps.max >= min && steps.min <= max)) takePointsOf(reading, part, id);
    }
  }
}

/** Its pyramids say what its rows do. */
export function isSummed(part: Part): boolean {
  return "span" in part || (part.hasPyramid && part.block.dead.length === 0);
}

function readGroups(reading: Reading, sink: GroupSink, part: Part, first: number, end: number): void {
  withGrouped(reading, part, (summed) => findGroups(reading, sink, summed, reading.level, first, end));
}

/** Of a part that is summed up, groups of the level from `first` to before `end`, which an edge of the range cuts. */
export function readCut(reading: Reading, sink: GroupSink, part: Part, first: number, end: number): void {
  const rows = { first: first * FINE_ROWS, end: end * FINE_ROWS };
  if (reading.level < 0) {
    if ("block" in part)
      takePointsOf(reading, part, part.block.id, new Set([Math.floor(rows.first / GROUP_ROWS)]), rows);
    return;
  }
  // One of the finest: of it there are only the rows to look at.
  if (reading.level === 0 && end - first === 1)
    withGrouped(reading, part, (summed) => restOf(summed, 0, first));
  else readGroups(reading, sink, part, first, end);
}

function withGrouped(reading: Reading, part: Part, work: (summed: Summed) => void): void {
  const rest: Summed["rest"] = new Map();
  let grouped: Grouped | undefined;
  guarded(reading.damaged, () => {
    grouped = groupedOf(reading.stored, part);
  });
  // Its steps are damaged: without them no point has a place.
  if (!grouped) return;
  work({ part, grouped, rest });
  for (const [id, groups] of rest) takePointsOf(reading, part, id, groups);
}

/** Of the line that the part is of. `keep`: for the next question. Throws what damage it meets. */
export function pyramidOf(
  { stored, line: { key } }: Reading,
  part: Part,
  level: number,
  keep = true,
): Pyramid | undefined {
  return "span" in part
    ? stored.spanPyramid(part.span, key, level, part.column, keep)
    : stored.pyramid(part.block, key, level, keep);
}

function axisOf(stored: StoredBlocks, part: Part, xKey: string, level: number): Pyramid | undefined {
  return "span" in part
    ? stored.spanPyramid(part.span, xKey, level)
    : stored.pyramid(part.block, xKey, level);
}

export function groupedOf(stored: StoredBlocks, part: Part): Grouped {
  if ("span" in part) return part.span;
  const { block } = part;
  return new GroupedBlock(block, stored.stepRule(block), () => stored.steps(block));
}

/** Of rows without a rule; throws what damage it meets. */
export function checkSteps(stored: StoredBlocks, grouped: Grouped): void {
  if (grouped instanceof StoredSpan) stored.checkedSpan(grouped, "_step", () => grouped.readSteps());
  else grouped.readSteps();
}

interface Rows {
  first: number;
  end: number;
}

function takePointsOf(reading: Reading, part: Part, id: number, groups?: Set<number>, only?: Rows): void {
  guarded(reading.damaged, () => {
    const block = "block" in part ? part.block : reading.stored.spanBlock(id);
    if (block) takePoints(reading, block, groups, only);
  });
}

/** The group's x are those of its values only when both are in the same rows, and in order. */
function inOrder(xs: Pyramid, group: number, rows: number): boolean {
  return (
    xs.nonFinite[group] === 0 &&
    xs.count[group] === rows &&
    xs.min[group] === xs.first[group] &&
    xs.max[group] === xs.last[group]
  );
}

interface Summed {
  part: Part;
  grouped: Grouped;
  /** Block → groups of it that must be taken point by point. */
  rest: Map<number, Set<number>>;
}

/** Gives the groups from `first` to before `end` of the level away; those that do not fit are looked at more finely. */
function findGroups(
  reading: Reading,
  sink: GroupSink,
  summed: Summed,
  level: number,
  first: number,
  end: number,
): void {
  const { stored, line, xKey, damaged } = reading;
  const { part, grouped } = summed;
  const allRows = grouped.rowsAt(level);
  const last = Math.min(end, allRows.length);
  let isRead = false;
  let pyramid: Pyramid | undefined;
  let xs: Pyramid | undefined;
  guarded(damaged, () => {
    pyramid = pyramidOf(reading, part, level);
    xs = xKey === undefined ? undefined : axisOf(stored, part, xKey, level);
    // Steps that cannot be read are found out here, before a group is given away.
    if (xKey === undefined && !grouped.rule) checkSteps(stored, grouped);
    isRead = true;
  });
  // No pyramid any more, nothing of the axis that groups could be put by, or damage: the rows say the same, more slowly.
  if (!isRead || !pyramid || (xKey !== undefined && !xs)) {
    for (let group = first; group < last; group++) restOf(summed, level, group);
    return;
  }
  const { count, nonFinite } = pyramid;
  const { min, max } = line.range;
  const { from, to } = placesOf(grouped, level, pyramid, xs, first, last);
  const kinds =
    pyramid.kinds ??
    (sink.kinds ? kindsOf(reading, part, nonFinite, finestOf(level), first, last) : undefined);
  let start = first;
  for (let group = first; group < last; group++) {
    const low = from[group] as number;
    const high = to[group] as number;
    // NaN where no place is known fails both.
    if (low >= min && high <= max) continue;
    if ((count[group] as number) + (nonFinite[group] as number) === 0) continue;
    sink.addGroups(pyramid, start, group, from, to, kinds);
    start = group + 1;
    if (high < min || low > max) continue;
    if (level > 0) findGroups(reading, sink, summed, level - 1, group * FACTOR, (group + 1) * FACTOR);
    else restOf(summed, 0, group);
  }
  sink.addGroups(pyramid, start, last, from, to, kinds);
}

export interface Places {
  from: Float64Array;
  to: Float64Array;
}

/** Used by one level at a time. */
const scratch: Places[] = [];

/**
 * x of the first and the last value of each group; NaN where groups do not know it. `merged`: groups of the level that one
 * of the pyramid is made of. Good until asked again.
 */
export function placesOf(
  grouped: Grouped,
  level: number,
  pyramid: Pyramid,
  xs: Pyramid | undefined,
  first: number,
  last: number,
  merged = 1,
): Places {
  const { count, nonFinite, firstRow, lastRow } = pyramid;
  let places = scratch[level];
  if (!places || places.from.length < last) {
    places = { from: new Float64Array(last), to: new Float64Array(last) };
    scratch[level] = places;
  }
  const { from, to } = places;
  if (xs) {
    const rows = grouped.rowsAt(level);
    for (let group = first; group < last; group++) {
      const all = rows[group] as number;
      const fits = (count[group] as number) + (nonFinite[group] as number) === all && inOrder(xs, group, all);
      from[group] = fits ? (xs.first[group] as number) : Number.NaN;
      to[group] = fits ? (xs.last[group] as number) : Number.NaN;
    }
  } else if (grouped.rule) {
    const { first: x, stride } = grouped.rule;
    const starts = grouped.startsAt(level);
    for (let group = first; group < last; group++) {
      const row = starts[group * merged] as number;
      from[group] = x + (row + (firstRow[group] as number)) * stride;
      to[group] = x + (row + (lastRow[group] as number)) * stride;
    }
  } else {
    for (let group = first; group < last; group++) {
      from[group] = grouped.stepAt(level, group * merged, firstRow[group] as number) ?? Number.NaN;
      to[group] = grouped.stepAt(level, group * merged, lastRow[group] as number) ?? Number.NaN;
    }
  }
  return places;
}

function restOf({ grouped, rest }: Summed, level: number, group: number): void {
  const fine = finestOf(level);
  for (let at = group * fine; at < (group + 1) * fine; at++) {
    const place = grouped.blockOf(at);
    if (!place) return;
    const groups = rest.get(place.id) ?? new Set();
    groups.add(place.group);
    rest.set(place.id, groups);
  }
}

/** Of a block, one by one; only those in `groups` when given, and of these only rows from the first to before the end. */
function takePoints(reading: Reading, block: StoredBlock, groups?: Set<number>, only?: Rows): void {
  const { stored, line, xKey, points } = reading;
  const { key, range } = line;
  const stated = statedRange(stored, block, xKey);
  if (stated && (stated.max < range.min || stated.min > range.max)) return;
  const { columns } = stored.head(block);
  if (!columns.some((column) => column.key === key && column.kind === "number")) return;
  if (reading.sink?.addRows && xKey === undefined && !groups && block.dead.length === 0) {
    if (addRows(reading, block)) return;
  }
  if (groups && xKey === undefined && block.dead.length === 0 && takeGroups(reading, block, groups, only))
    return;
  const xs = xKey === undefined ? stored.steps(block) : valuesByRow(stored, block, xKey);
  if (!xs) return;
  const dead = deadRows(block, () => stored.lines(block));
  for (const [id, column] of columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    const values = stored.numbers(block, id);
    // A column that every row has needs no map of its rows.
    const rows = values.length === block.rows ? undefined : rowsOfColumn(stored.head(block), id);
    points.makeRoom(values.length);
    const { x, value } = points;
    let at = points.points;
    for (let i = 0; i < values.length; i++) {
      const row = rows ? (rows[i] ?? 0) : i;
      const here = xs[row] ?? Number.NaN;
      // NaN fails both: a point without a finite x has no place on this axis.
      if (!(here >= range.min && here <= range.max) || !Number.isFinite(here)) continue;
      if (groups && !groups.has((row / GROUP_ROWS) | 0)) continue;
      if (only && (row < only.first || row >= only.end)) continue;
      if (dead?.(row)) continue;
      x[at] = here;
      value[at] = values[i] ?? 0;
      at++;
    }
    points.points = at;
  }
}

/** The usual case, a value in every row and steps by a rule: no x is made of any point. */
function addRows({ stored, line, sink }: Reading, block: StoredBlock): boolean {
  const rule = stored.stepRule(block);
  const id = denseColumn(stored, block, line.key);
  if (!rule || rule.stride <= 0 || id === undefined) return false;
  const finite = stored.head(block).columns[id]?.stats?.finite === block.rows;
  sink?.addRows?.(stored.numbers(block, id), finite, rule, line.range);
  return true;
}

/** Of a group of the level below the finest. */
const FINE_ROWS = GROUP_ROWS / FACTOR;

/** A range has two; where there are more, whole pyramids are missing and the column is needed whole. */
const MAX_EDGES = 2;

/**
 * What the edges of a range cut, in the same usual case: no more is kept of the block than these rows, so that the edges of
 * a thousand lines leave room for their middles.
 */
function takeGroups(
  { stored, line, points }: Reading,
  block: StoredBlock,
  groups: Set<number>,
  only?: Rows,
): boolean {
  const rule = stored.stepRule(block);
  const id = denseColumn(stored, block, line.key);
  if (groups.size > MAX_EDGES || !rule || id === undefined) return false;
  const { min, max } = line.range;
  points.makeRoom(groups.size * GROUP_ROWS);
  const { x, value } = points;
  let at = points.points;
  for (const group of groups) {
    const values = stored.groupNumbers(block, id, group);
    for (let i = 0; i < values.length; i++) {
      const row = group * GROUP_ROWS + i;
      if (only && (row < only.first || row >= only.end)) continue;
      const here = rule.first + row * rule.stride;
      if (!(here >= min && here <= max)) continue;
      x[at] = here;
      value[at] = values[i] as number;
      at++;
    }
  }
  points.points = at;
  return true;
}

/** The one column of the key, when it has a value in every row. */
function denseColumn(stored: StoredBlocks, block: StoredBlock, key: string): number | undefined {
  const { columns } = stored.head(block);
  const isOfKey = (column: ColumnPlace) => column.key === key && column.kind === "number";
  const id = columns.findIndex(isOfKey);
  return columns[id]?.count === block.rows && columns.findLastIndex(isOfKey) === id ? id : undefined;
}

function valuesByRow(stored: StoredBlocks, block: StoredBlock, key: string): Numbers | undefined {
  let byRow: Float64Array | undefined;
  for (const [id, column] of stored.head(block).columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    const values = stored.numbers(block, id);
    if (values.length === block.rows) return values;
    byRow ??= new Float64Array(block.rows).fill(Number.NaN);
    const rows = rowsOfColumn(stored.head(block), id);
    for (let i = 0; i < values.length; i++) byRow[rows[i] ?? 0] = values[i] ?? 0;
  }
  return byRow;
}

/** From the first to the last x, as far as its row or head says. */
export function statedRange(
  stored: StoredBlocks,
  of: StoredBlock | StoredSpan,
  xKey: string | undefined,
): Range | undefined {
  if (xKey === undefined) return { min: of.minStep, max: of.maxStep };
  const range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  if (of instanceof StoredSpan) {
    const xs = stored.spanPyramid(of, xKey, LEVELS - 1);
    for (let group = 0; xs && group < xs.groups; group++) {
      if ((xs.min[group] as number) < range.min) range.min = xs.min[group] as number;
      if ((xs.max[group] as number) > range.max) range.max = xs.max[group] as number;
    }
    return range;
  }
  for (const { key, kind, stats } of stored.head(of).columns) {
    if (key !== xKey || kind !== "number") continue;
    if (!stats) return undefined;
    if (stats.finite === 0) continue;
    range.min = Math.min(range.min, stats.min);
    range.max = Math.max(range.max, stats.max);
  }
  return range;
}
