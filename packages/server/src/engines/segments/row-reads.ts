import type { ConsoleLine, RowsQuestion, StreamName } from "../../ports/metric-store.ts";
import { type BlockHead, type ColumnPlace, lastValue } from "./block.ts";
import { type Cell, numberText, rowLiterals, stepColumn, withStep } from "./rows.ts";
import { deadRows, type StoredBlock, type StoredBlocks } from "./stored.ts";

/** Reads of whole rows and of console lines: exact, in order, opening only the blocks that hold what is asked. */

export interface RowAt {
  block: StoredBlock;
  row: number;
  step: number;
  line: number;
  /** Position of the stream among those of the run: inherited rows first. */
  stream: number;
}

export function answerRows(stored: StoredBlocks, question: RowsQuestion): string[] {
  const { run, stream, keys, samples, limit } = question;
  const min = question.minStep ?? Number.NEGATIVE_INFINITY;
  const max = question.maxStep ?? Number.POSITIVE_INFINITY;
  const range = { run, stream, min, max, limit: samples === undefined ? limit : undefined };
  const found = rowsIn(stored, range, undefined, keys && ((head) => rowsWithKeys(head, keys, stream)));
  let wanted = samples === undefined ? found : spread(found, samples);
  if (limit !== undefined) wanted = wanted.slice(0, Math.max(0, limit));
  return textsOf(stored, stream, wanted, keys);
}

/**
 * The rows with min ≤ step < max, in order; with a `limit`, those of enough blocks, and all up to the last of their steps.
 * `isWanted`, `rowsOf`: of these only some.
 */
export function rowsIn(
  stored: StoredBlocks,
  {
    run,
    stream,
    min,
    max,
    limit,
  }: { run: number; stream: StreamName; min: number; max: number; limit: number | undefined },
  isWanted?: (step: number) => boolean,
  rowsOf?: (head: BlockHead) => (row: number) => boolean,
): RowAt[] {
  const found: RowAt[] = [];
  const blocks = stored
    .streams(run, stream)
    .flatMap(({ id }, position) => stored.blocksBySteps(id, min, max).map((block) => ({ block, position })))
    .sort((a, b) => a.block.minStep - b.block.minStep);
  let lastStep = Number.NEGATIVE_INFINITY;
  for (const { block, position } of blocks) {
    // A page is full, and what follows begins after it: a long run is not gone through for each of its pages.
    if (limit !== undefined && found.length >= limit && block.minStep > lastStep) break;
    const steps = stored.steps(block);
    const lines = stored.lines(block);
    const dead = deadRows(block, () => lines);
    const has = rowsOf?.(stored.head(block));
    for (let row = 0; row < block.rows; row++) {
      const step = steps[row] ?? 0;
      if (step < min || step >= max || dead?.(row) || (has && !has(row)) || isWanted?.(step) === false)
        continue;
      if (step > lastStep) lastStep = step;
      found.push({ block, row, step, line: lines[row] ?? 0, stream: position });
    }
  }
  return found.sort((a, b) => a.step - b.step || a.stream - b.stream || a.line - b.line);
}

/** Evenly over the list, first and last included. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  if (most <= 0) return [];
  if (most === 1) return all.slice(-1);
  const step = (all.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => all[Math.round(i * step)] as T);
}

/** `_step` is in every row of history, written by the client or given by the store. */
function isVirtual(key: string, stream: StreamName): boolean {
  return key === "_step" && stream === "history";
}

function rowsWithKeys(
  head: BlockHead,
  keys: readonly string[],
  stream: StreamName,
): (row: number) => boolean {
  const has = head.shapes.map((shape) => {
    const present = new Set(shape.map((id) => head.columns[id]?.key));
    return keys.every((key) => present.has(key) || isVirtual(key, stream));
  });
  return (row) => has[head.shapeOf[row] ?? 0] ?? false;
}

function textsOf(
  stored: StoredBlocks,
  stream: StreamName,
  wanted: readonly RowAt[],
  keys: readonly string[] | undefined,
): string[] {
  const rowsOf = new Map<number, { block: StoredBlock; rows: Set<number> }>();
  for (const { block, row } of wanted) {
    const of = rowsOf.get(block.id) ?? { block, rows: new Set() };
    of.rows.add(row);
    rowsOf.set(block.id, of);
  }
  const readers = new Map<number, RowReader>();
  for (const [id, { block, rows }] of rowsOf) {
    readers.set(id, new RowReader(stored, block, rows, keys && new Set(keys)));
  }
  return wanted.map(({ block, row, step }) => {
    const reader = readers.get(block.id);
    if (!reader) return "{}";
    if (keys) {
      const byKey = new Map(reader.cells(row).map((cell) => [cell.path.join("."), cell.text]));
      return `{${keys
        .map(
          (key) => [key, byKey.get(key) ?? (isVirtual(key, stream) ? numberText(step) : undefined)] as const,
        )
        .filter(([, text]) => text !== undefined)
        .map(([key, text]) => `${JSON.stringify(key)}:${text}`)
        .join()}}`;
    }
    const text = reader.text(row);
    return stream === "history" && !reader.hasStep(row) ? withStep(text, step) : text;
  });
}

/** What all rows of one shape share. */
interface Shape {
  ids: readonly number[];
  /** Around the values of a whole row's text. */
  before: readonly string[];
  end: string;
  /** Where in `ids` the row's own text is, -1 when it has none. */
  line: number;
  hasStep: boolean;
}

/** Rows of one block again, its columns decoded when first needed. */
class RowReader {
  readonly #stored: StoredBlocks;
  readonly #block: StoredBlock;
  readonly #keys: Set<string> | undefined;
  readonly #head: BlockHead;
  readonly #stepColumn: number;
  readonly #shapes: (Shape | undefined)[] = [];
  readonly #columns = new Map<number, Float64Array | string[]>();
  /** Wanted row → for each column of its shape, where in the column its value is. Of rows of one shape: where they are. */
  readonly #places: Map<number, Uint32Array> | undefined;

  constructor(stored: StoredBlocks, block: StoredBlock, wanted: Set<number>, keys: Set<string> | undefined) {
    this.#stored = stored;
    this.#block = block;
    this.#keys = keys;
    this.#head = stored.head(block);
    this.#stepColumn = stepColumn(this.#head);
    if (this.#head.shapes.length <= 1) return;
    this.#places = new Map();
    const next = new Uint32Array(this.#head.columns.length);
    for (let row = 0; row < block.rows; row++) {
      const { ids } = this.#shape(row);
      if (wanted.has(row))
        this.#places.set(
          row,
          Uint32Array.from(ids, (id) => next[id] ?? 0),
        );
      for (const id of ids) next[id] = (next[id] ?? 0) + 1;
    }
  }

  hasStep(row: number): boolean {
    return this.#shape(row).hasStep;
  }

  text(row: number): string {
    const { before, end, line } = this.#shape(row);
    if (line >= 0) return this.#value(line, row);
    let text = "";
    for (let at = 0; at < before.length; at++) text += before[at] + this.#value(at, row);
    return text + end;
  }

  /** Those of the keys that are asked for. */
  cells(row: number): Cell[] {
    const cells: Cell[] = [];
    for (const [at, id] of this.#shape(row).ids.entries()) {
      const column = this.#head.columns[id];
      if (!column || column.kind === "line" || (this.#keys && !this.#keys.has(column.key))) continue;
      cells.push({ path: column.path, text: this.#value(at, row) });
    }
    return cells;
  }

  #shape(row: number): Shape {
    const at = this.#head.shapeOf[row] ?? 0;
    let shape = this.#shapes[at];
    if (!shape) {
      const ids = this.#head.shapes[at] ?? [];
      const columns = ids.flatMap((id) => this.#head.columns[id] ?? []);
      shape = {
        ids,
        ...rowLiterals(columns.map(({ path }) => path)),
        line: columns.findIndex(({ kind }) => kind === "line"),
        hasStep: ids.includes(this.#stepColumn),
      };
      this.#shapes[at] = shape;
    }
    return shape;
  }

  /** `at` is a position in the row's shape. */
  #value(at: number, row: number): string {
    const id = this.#shape(row).ids[at] ?? 0;
    const index = this.#places ? (this.#places.get(row)?.[at] ?? 0) : row;
    const last = lastValue(this.#head, id);
    if (last !== undefined && index === (this.#head.columns[id] as ColumnPlace).count - 1)
      return numberText(last);
    let values = this.#columns.get(id);
    if (!values) {
      values = this.#stored.column(this.#block, id);
      this.#columns.set(id, values);
    }
    const value = values[index];
    return typeof value === "number" ? numberText(value) : (value ?? "null");
  }
}

/** The last n lines by number; of a fork, what it inherited comes before its own. Opens blocks from the end, while it must. */
export function answerTail(stored: StoredBlocks, run: number, stream: StreamName, n: number): string[] {
  const streams = stored.streams(run, stream).map((of, position) => ({ ...of, position }));
  const last = (inherited: boolean, most: number) =>
    lastRows(
      stored,
      streams.filter((of) => of.inherited === inherited),
      most,
    );
  const own = last(false, n);
  return textsOf(stored, stream, [...last(true, n - own.length), ...own], undefined);
}

function lastRows(
  stored: StoredBlocks,
  streams: readonly { id: number; position: number }[],
  most: number,
): RowAt[] {
  let found: RowAt[] = [];
  if (most <= 0) return found;
  for (const { id, position } of streams) {
    for (const block of stored.blocksFromEnd(id)) {
      // The blocks that follow end before this one.
      if (found.length === most && block.lastLine < (found[0]?.line ?? 0)) break;
      const lines = stored.lines(block);
      const steps = stored.steps(block);
      const dead = deadRows(block, () => lines);
      // Mostly lines lie in their order: then only the last rows of a block can be among the last.
      const begin = !dead && stored.linesRise(block) ? Math.max(0, block.rows - most) : 0;
      for (let row = begin; row < block.rows; row++) {
        if (!dead?.(row))
          found.push({ block, row, line: lines[row] ?? 0, step: steps[row] ?? 0, stream: position });
      }
      found.sort((a, b) => a.line - b.line || a.step - b.step || a.stream - b.stream);
      found = found.slice(-most);
    }
  }
  return found;
}

export function answerConsole(stored: StoredBlocks, run: number, from: number, limit: number): ConsoleLine[] {
  const lines: ConsoleLine[] = [];
  for (const { id, writer } of stored.streams(run, "console")) {
    let last = Number.POSITIVE_INFINITY;
    let taken = 0;
    const own: ConsoleLine[] = [];
    for (const block of stored.blocksFromLine(id, from)) {
      if (block.firstLine > last) break;
      eachConsoleLine(stored, block, (number, text) => {
        if (number < from) return;
        own.push({ number, writer, text });
        taken++;
      });
      // Enough lines: only a block that begins before the last of them can still hold one of the first `limit`.
      if (taken >= limit) last = nthNumber(own, limit);
    }
    own.sort((a, b) => a.number - b.number);
    for (const line of own.slice(0, Math.max(0, limit))) lines.push(line);
  }
  lines.sort((a, b) => a.number - b.number || (a.writer < b.writer ? -1 : 1));
  let numbers = 0;
  const end = lines.findIndex(({ number }, at) => number !== lines[at - 1]?.number && ++numbers > limit);
  return end < 0 ? lines : lines.slice(0, end);
}

function nthNumber(lines: readonly ConsoleLine[], n: number): number {
  return (
    lines.map(({ number }) => number).sort((a, b) => a - b)[Math.max(0, n - 1)] ?? Number.POSITIVE_INFINITY
  );
}

function eachConsoleLine(
  stored: StoredBlocks,
  block: StoredBlock,
  visit: (number: number, text: string) => void,
): void {
  const numbers = stored.lines(block);
  const dead = deadRows(block, () => numbers);
  const texts = stored.column(block, 0);
  for (let row = 0; row < block.rows; row++) {
    if (!dead?.(row)) visit(numbers[row] ?? 0, String(texts[row] ?? ""));
  }
}

/** Lines of [from, to) that have the text, and whether there are lines beyond. */
export function answerConsoleSearch(
  stored: StoredBlocks,
  run: number,
  needle: string,
  from: number,
  to: number,
): { numbers: number[]; more: boolean } {
  const wanted = needle.toLowerCase();
  const numbers = new Set<number>();
  let more = false;
  for (const { id } of stored.streams(run, "console")) {
    for (const block of stored.blocksFromLine(id, from)) {
      if (block.firstLine >= to) {
        more = true;
        break;
      }
      eachConsoleLine(stored, block, (number, text) => {
        if (number >= to) more = true;
        else if (number >= from && text.toLowerCase().includes(wanted)) numbers.add(number);
      });
    }
  }
  return { numbers: [...numbers].sort((a, b) => a - b), more };
}

export function answerLastStep(stored: StoredBlocks, run: number): number {
  let last = -1;
  for (const { id } of stored.streams(run, "history")) {
    for (const block of stored.blocksBySteps(id, last, Number.POSITIVE_INFINITY)) {
      const dead = deadRows(block, () => stored.lines(block));
      if (!dead) {
        last = Math.max(last, block.maxStep);
        continue;
      }
      for (const [row, step] of stored.steps(block).entries()) if (step > last && !dead(row)) last = step;
    }
  }
  return last;
}

export function answerLineCounts(stored: StoredBlocks, run: number): Record<StreamName, number> {
  const counts = { history: 0, events: 0, console: 0 };
  for (const stream of Object.keys(counts) as StreamName[]) {
    for (const { id, inherited } of stored.streams(run, stream)) {
      if (!inherited) counts[stream] = Math.max(counts[stream], stored.lineCount(id));
    }
  }
  return counts;
}
