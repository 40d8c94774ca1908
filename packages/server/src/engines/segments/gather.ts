import { rowsOfColumn } from "./block.ts";
import type { Gathered, Range } from "./buckets.ts";
import { DamagedChunk } from "./chunk.ts";
import type { Line, Part } from "./lines.ts";
import { FACTOR, GROUP_ROWS, LEVELS, type Pyramid } from "./pyramid.ts";
import { deadRows, guarded, type SpanColumn, type StoredBlock, type StoredBlocks } from "./stored.ts";
import { StoredSpan } from "./stored-span.ts";

/**
 * The points of a line: one by one from chunks, and whole groups from pyramids, which are opened only where the range
 * cuts them, or where the rows of a value and of its x are not the same. Hot: nothing is allocated per point or group.
 */

/** Where whole groups go: they lie between two x, inclusive. */
export interface GroupSink {
  addGroup(from: number, to: number, pyramid: Pyramid, group: number): void;
}

export interface Reading {
  stored: StoredBlocks;
  line: Line;
  /** undefined = the step. */
  xKey: string | undefined;
  /** Points taken one by one. */
  points: Gathered;
  /** Absent: every point is taken one by one. */
  sink?: GroupSink | undefined;
  /** The coarsest level whose groups are wanted. */
  level: number;
  damaged: string[];
}

export function readPart(reading: Reading, part: Part): void {
  const { damaged, sink, stored, line } = reading;
  if ("block" in part) {
    const { block, hasPyramid } = part;
    guarded(damaged, () => {
      const summed = sink && hasPyramid && block.dead.length === 0;
      const pyramid = summed ? stored.pyramid(block, line.key) : undefined;
      if (sink && pyramid) readGroups(reading, block, pyramid, sink);
      else takePoints(reading, block);
    });
    return;
  }
  const { span, column } = part;
  let read = false;
  if (sink) {
    guarded(damaged, () => {
      readSpan(reading, span, column, sink);
      read = true;
    });
  }
  // Its blocks say the same, more slowly.
  if (!read) for (const { id } of span.blocks) takePointsOf(reading, id);
}

function takePointsOf(reading: Reading, id: number, groups?: Set<number>): void {
  guarded(reading.damaged, () => {
    const block = reading.stored.block(id);
    if (block) takePoints(reading, block, groups);
  });
}

/** The groups of a block that is in no span. */
function readGroups(reading: Reading, block: StoredBlock, pyramid: Pyramid, sink: GroupSink): void {
  const { stored, xKey, line } = reading;
  const xs = xKey === undefined ? undefined : stored.pyramid(block, xKey);
  if (xKey !== undefined && !xs) {
    takePoints(reading, block);
    return;
  }
  const stepAt = xs ? undefined : stored.stepAt(block);
  const { min, max } = line.range;
  const rest = new Set<number>();
  for (let group = 0; group < pyramid.groups; group++) {
    const count = (pyramid.count[group] as number) + (pyramid.nonFinite[group] as number);
    if (count === 0) continue;
    let from: number;
    let to: number;
    if (stepAt) {
      from = stepAt(group * GROUP_ROWS + (pyramid.firstRow[group] as number));
      to = stepAt(group * GROUP_ROWS + (pyramid.lastRow[group] as number));
    } else {
      const rows = Math.min(GROUP_ROWS, block.rows - group * GROUP_ROWS);
      if (!xs || count !== rows || !inOrder(xs, group, rows)) {
        rest.add(group);
        continue;
      }
      from = xs.first[group] as number;
      to = xs.last[group] as number;
    }
    if (to < min || from > max) continue;
    if (from < min || to > max) rest.add(group);
    else sink.addGroup(from, to, pyramid, group);
  }
  if (rest.size > 0) takePoints(reading, block, rest);
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

function readSpan(reading: Reading, span: StoredSpan, column: SpanColumn, sink: GroupSink): void {
  const rest = new Map<number, Set<number>>();
  // All is worked out before a group is given away: a damaged pyramid leaves nothing half done.
  const found = new FoundGroups();
  try {
    findGroups(reading, span, column, reading.level, 0, Number.POSITIVE_INFINITY, found, rest);
  } catch (cause) {
    if (!(cause instanceof DamagedChunk)) throw cause;
    reading.stored.checkedSpan(span, "steps", () => {
      throw cause;
    });
  }
  found.giveTo(sink);
  for (const [id, groups] of rest) takePointsOf(reading, id, groups);
}

/** Groups of one level or several, with their x. */
class FoundGroups {
  readonly #runs: { pyramid: Pyramid; groups: number[]; x: number[] }[] = [];

  startRun(pyramid: Pyramid): { groups: number[]; x: number[] } {
    const run = { pyramid, groups: [], x: [] };
    this.#runs.push(run);
    return run;
  }

  giveTo(sink: GroupSink): void {
    for (const { pyramid, groups, x } of this.#runs) {
      for (let i = 0; i < groups.length; i++) {
        sink.addGroup(x[2 * i] as number, x[2 * i + 1] as number, pyramid, groups[i] as number);
      }
    }
  }
}

function findGroups(
  reading: Reading,
  span: StoredSpan,
  column: SpanColumn,
  level: number,
  first: number,
  end: number,
  found: FoundGroups,
  rest: Map<number, Set<number>>,
): void {
  const { stored, line, xKey } = reading;
  const { min, max } = line.range;
  const pyramid = stored.spanPyramid(span, line.key, level, column);
  if (!pyramid) return;
  const xs = xKey === undefined ? undefined : stored.spanPyramid(span, xKey, level);
  // No row of the span has the axis: none of its points has a place on it.
  if (xKey !== undefined && !xs) return;
  const allRows = span.rowsAt(level);
  const run = found.startRun(pyramid);
  const { rule } = span;
  const size = GROUP_ROWS * FACTOR ** level;
  for (let group = first; group < Math.min(end, pyramid.groups); group++) {
    const count = (pyramid.count[group] as number) + (pyramid.nonFinite[group] as number);
    if (count === 0) continue;
    const firstRow = pyramid.firstRow[group] as number;
    const lastRow = pyramid.lastRow[group] as number;
    let from: number | undefined;
    let to: number | undefined;
    if (xs) {
      const rows = allRows[group] as number;
      if (count === rows && inOrder(xs, group, rows)) {
        from = xs.first[group];
        to = xs.last[group];
      }
    } else if (rule) {
      from = rule.first + (group * size + firstRow) * rule.stride;
      to = rule.first + (group * size + lastRow) * rule.stride;
    } else {
      from = span.stepAt(level, group, firstRow);
      to = span.stepAt(level, group, lastRow);
    }
    if (from !== undefined && to !== undefined) {
      if (to < min || from > max) continue;
      if (from >= min && to <= max) {
        run.groups.push(group);
        run.x.push(from, to);
        continue;
      }
    }
    if (level > 0) {
      findGroups(reading, span, column, level - 1, group * FACTOR, (group + 1) * FACTOR, found, rest);
      continue;
    }
    const place = span.blockOf(group);
    if (!place) continue;
    const groups = rest.get(place.block.id) ?? new Set();
    groups.add(place.group);
    rest.set(place.block.id, groups);
  }
}

/** Of a block, one by one; only those in `groups` when given. */
function takePoints(reading: Reading, block: StoredBlock, groups?: Set<number>): void {
  const { stored, line, xKey, points } = reading;
  const { key, range } = line;
  const stated = statedRange(stored, block, xKey);
  if (stated && (stated.max < range.min || stated.min > range.max)) return;
  const { columns } = stored.head(block);
  if (!columns.some((column) => column.key === key && column.kind === "number")) return;
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
      if (dead?.(row)) continue;
      x[at] = here;
      value[at] = values[i] ?? 0;
      at++;
    }
    points.points = at;
  }
}

function valuesByRow(stored: StoredBlocks, block: StoredBlock, key: string): Float64Array | undefined {
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
