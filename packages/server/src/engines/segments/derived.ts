import { type Expression, evaluator, parseExpression } from "@steelyard/protocol/expressions";
import { SteelyardError } from "../../errors.ts";
import type { Series, SeriesQuestion, XAxis } from "../../ports/metric-store.ts";
import { rowsOfColumn } from "./block.ts";
import { Buckets, exactSeries, Gathered, type Range } from "./buckets.ts";
import type { Room } from "./room.ts";
import { runStart } from "./run-start.ts";
import { deadRows, guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * Series of expressions over keys. Always from the rows themselves, a block at a time: what is least and greatest in a
 * bucket is that of the expression, which extremes of its keys would not give. A row counts when it has all the keys.
 */

/** Points kept from the first pass over a question's runs; beyond it a run is read a second time into its buckets. */
const MAX_KEPT = 4_000_000;
/** Values of rows that must be put in order before anything that runs along them. */
const MAX_SORTED = 32_000_000;

interface Line {
  run: number;
  /** As in a question for keys: the answer counts x from here. */
  start: number;
  extent: Range;
  points: number;
  /** Undefined when they were too many. */
  gathered: Gathered | undefined;
}

/** `proceed` is called before each run and throws when the work is to end. */
export function answerDerived(
  stored: StoredBlocks,
  question: SeriesQuestion,
  room: Room,
  damaged: string[],
  proceed: () => void,
): Series[] {
  const answers: Series[] = [];
  for (const text of question.expressions ?? []) {
    const expression = parseExpression(text);
    const buckets = Math.max(1, Math.floor(question.buckets));
    const lines: Line[] = [];
    let kept = 0;
    for (const run of question.runs) {
      proceed();
      const line = firstPass(stored, question, expression, run, MAX_KEPT - kept, damaged);
      if (!line) continue;
      kept += line.gathered?.points ?? 0;
      lines.push(line);
    }
    const grid = gridOf(lines, question);
    const filled = new Buckets(buckets, room.wanted);
    for (const { run, start, points, gathered } of lines) {
      proceed();
      if (gathered && points <= buckets) {
        answers.push({ ...exactSeries(run, text, gathered, room), expression: true });
        continue;
      }
      filled.begin(grid);
      if (gathered) filled.add(gathered);
      else eachPart(stored, question, expression, run, start, damaged, (part) => filled.add(part));
      answers.push({ ...filled.series(run, text, room), expression: true });
    }
  }
  return answers;
}

/** The same for all lines of a chart, as for keys. */
function gridOf(lines: readonly Line[], { min, max }: SeriesQuestion): Range {
  const grid = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  for (const { extent } of lines) widen(grid, extent);
  if (min !== undefined && Number.isFinite(min)) grid.min = min;
  if (max !== undefined && Number.isFinite(max)) grid.max = max;
  return grid;
}

function widen(range: Range, by: Range): void {
  if (by.min < range.min) range.min = by.min;
  if (by.max > range.max) range.max = by.max;
}

function firstPass(
  stored: StoredBlocks,
  question: SeriesQuestion,
  expression: Expression,
  run: number,
  room: number,
  damaged: string[],
): Line | undefined {
  const start = question.x.kind === "relative-wall" ? runStart(stored, run, question.stream, damaged) : 0;
  if (start === undefined) return undefined;
  const extent = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  let gathered: Gathered | undefined = new Gathered();
  let points = 0;
  eachPart(stored, question, expression, run, start, damaged, (part) => {
    for (let at = 0; at < part.points; at++) {
      const here = part.x[at] as number;
      if (here < extent.min) extent.min = here;
      if (here > extent.max) extent.max = here;
    }
    points += part.points;
    if (points > room) gathered = undefined;
    gathered?.makeRoom(part.points);
    gathered?.x.set(part.x.subarray(0, part.points), gathered.points);
    gathered?.value.set(part.value.subarray(0, part.points), gathered.points);
    if (gathered) gathered.points = points;
  });
  return points === 0 ? undefined : { run, start, extent, points, gathered };
}

/** Rows that have all keys: x, and the values of each key. */
interface Rows {
  steps: Float64Array;
  x: Float64Array;
  columns: Float64Array[];
}

function eachPart(
  stored: StoredBlocks,
  question: SeriesQuestion,
  expression: Expression,
  run: number,
  start: number,
  damaged: string[],
  visit: (part: Gathered) => void,
): void {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, stream, x } = question;
  // What runs along the rows needs those before the range; a step outside of it needs none.
  const everything = expression.running || x.kind !== "step";
  const blocks = stored
    .streams(run, stream)
    .flatMap(({ id }) => (everything ? stored.blocks(id) : stored.blocksBySteps(id, min, max)))
    .sort((a, b) => a.minStep - b.minStep || a.id - b.id);
  const evaluate = evaluator(expression);
  for (const rows of inOrder(stored, blocks, expression, x, damaged)) {
    const values = evaluate(rows.columns, rows.x.length);
    const part = new Gathered();
    part.makeRoom(values.length);
    for (let row = 0; row < values.length; row++) {
      const here = (rows.x[row] as number) - start;
      // NaN fails both: a point without a finite x has no place on this axis.
      if (!(here >= min && here <= max) || !Number.isFinite(here)) continue;
      part.x[part.points] = here;
      part.value[part.points] = values[row] as number;
      part.points++;
    }
    if (part.points > 0) visit(part);
  }
}

/** A part per block; when something runs along the rows and the blocks overlap in steps, all rows as one sorted part. */
function* inOrder(
  stored: StoredBlocks,
  blocks: readonly StoredBlock[],
  { keys, running }: Expression,
  x: XAxis,
  damaged: string[],
): Generator<Rows> {
  const sorted =
    running && blocks.some(({ minStep }, at) => at > 0 && minStep <= (blocks[at - 1]?.maxStep ?? 0));
  const all: Rows[] = [];
  let values = 0;
  for (const block of blocks) {
    let found: Rows | undefined;
    guarded(damaged, () => {
      found = rowsWithAll(stored, block, keys, x);
    });
    if (!found) continue;
    const rows = running && !isAscending(found.steps) ? bySteps([found]) : found;
    if (!sorted) {
      yield rows;
      continue;
    }
    values += rows.x.length * (keys.length + 2);
    if (values > MAX_SORTED)
      throw new SteelyardError(
        "bad-request",
        "the rows of a run came out of order, and are too many to be sorted for a moving average: leave it out",
      );
    all.push(rows);
  }
  if (all.length > 0) yield bySteps(all);
}

function isAscending(values: Float64Array): boolean {
  for (let at = 1; at < values.length; at++)
    if ((values[at] as number) < (values[at - 1] as number)) return false;
  return true;
}

function bySteps(parts: readonly Rows[]): Rows {
  const joined = (of: (rows: Rows) => Float64Array) => {
    const out = new Float64Array(parts.reduce((sum, { x }) => sum + x.length, 0));
    let at = 0;
    for (const rows of parts) {
      out.set(of(rows), at);
      at += rows.x.length;
    }
    return out;
  };
  const steps = joined((rows) => rows.steps);
  // Stable: rows of one step stay in the order they came in.
  const order = Uint32Array.from(steps.keys()).sort(
    (a, b) => (steps[a] as number) - (steps[b] as number) || a - b,
  );
  const sorted = (values: Float64Array) => Float64Array.from(order, (at) => values[at] as number);
  return {
    steps: sorted(steps),
    x: sorted(joined((rows) => rows.x)),
    columns: (parts[0]?.columns ?? []).map((_, key) =>
      sorted(joined((rows) => rows.columns[key] as Float64Array)),
    ),
  };
}

function rowsWithAll(
  stored: StoredBlocks,
  block: StoredBlock,
  keys: readonly string[],
  x: XAxis,
): Rows | undefined {
  const columns: Column[] = [];
  for (const key of keys) {
    const column = columnOf(stored, block, key);
    if (!column) return undefined;
    columns.push(column);
  }
  const steps = stored.steps(block);
  const xs = xOf(stored, block, x, steps);
  if (!xs) return undefined;
  const dead = deadRows(block, () => stored.lines(block));
  const sparse = columns.flatMap(({ has }) => has ?? []);
  const values = columns.map((column) => column.values);
  if (sparse.length === 0 && !dead) return { steps, x: xs, columns: values };
  const rows: number[] = [];
  for (let row = 0; row < block.rows; row++)
    if (sparse.every((has) => has[row] === 1) && !dead?.(row)) rows.push(row);
  if (rows.length === 0) return undefined;
  const picked = (of: Float64Array) => Float64Array.from(rows, (row) => of[row] as number);
  return { steps: picked(steps), x: picked(xs), columns: values.map(picked) };
}

function xOf(
  stored: StoredBlocks,
  block: StoredBlock,
  x: XAxis,
  steps: Float64Array,
): Float64Array | undefined {
  switch (x.kind) {
    case "step":
      return steps;
    case "relative":
      return valuesByRow(stored, block, "_runtime");
    case "wall":
    case "relative-wall":
      return valuesByRow(stored, block, "_timestamp");
    case "key":
      return x.key === "_step" ? steps : valuesByRow(stored, block, x.key);
  }
}

/** A key by row: NaN where a row has none. */
interface Column {
  values: Float64Array;
  /** 1 where a row has it; undefined when all have. */
  has: Uint8Array | undefined;
}

function columnOf(stored: StoredBlocks, block: StoredBlock, key: string): Column | undefined {
  if (key === "_step") return { values: stored.steps(block), has: undefined };
  let found: { values: Float64Array; has: Uint8Array } | undefined;
  for (const [id, column] of stored.head(block).columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    const values = stored.column(block, id) as Float64Array;
    if (values.length === block.rows) return { values, has: undefined };
    found ??= { values: new Float64Array(block.rows).fill(Number.NaN), has: new Uint8Array(block.rows) };
    const rows = rowsOfColumn(stored.head(block), id);
    for (let at = 0; at < values.length; at++) {
      const row = rows[at] as number;
      found.values[row] = values[at] as number;
      found.has[row] = 1;
    }
  }
  return found;
}

function valuesByRow(stored: StoredBlocks, block: StoredBlock, key: string): Float64Array | undefined {
  return columnOf(stored, block, key)?.values;
}
