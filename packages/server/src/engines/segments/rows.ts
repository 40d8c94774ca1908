import { isKeyGroup, MAX_KEY_DEPTH, parseRow, stringifyExtendedJson } from "@steelyard/protocol/history";
import type { RejectedLine } from "../../ports/metric-store.ts";
import { BlockBuilder, type BlockHead } from "./block.ts";

/**
 * JSON lines to columns, and back. Hot: the only place where a logged value is parsed; numbers go straight from the
 * parsed row into their column.
 */

/** 16 digits in a row that are not a fraction: perhaps an integer that float64 cannot hold. In strings too: harmless. */
const LONG_INTEGER = /(?<![\d.])\d{16}/;
/** Keys of a group wider than this are not worth a place in the lookup of the row before. */
const KEYED_BY_STEP = "_step";

export interface ParsedRows {
  block: BlockBuilder;
  rejected: RejectedLine[];
}

/** Rows of history or events. A row without a numeric `_step` gets NaN: the writer of the store numbers it. */
export function parseRows(lines: readonly string[], offset: number): ParsedRows {
  const block = new BlockBuilder();
  const rejected: RejectedLine[] = [];
  const labels = new LabelTree(block, []);
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i] ?? "";
    let row: Record<string, unknown>;
    try {
      row = parseRow(text);
    } catch (cause) {
      rejected.push({ line: offset + i, reason: (cause as Error).message });
      continue;
    }
    addRow(block, labels, row, text, offset + i);
  }
  return { block, rejected };
}

/** Console lines: text by number, nothing parsed. */
export function textRows(lines: readonly string[], offset: number): BlockBuilder {
  const block = new BlockBuilder();
  const column = block.column("line", []);
  const shape = block.shape([column]);
  const texts = block.columns[column]?.texts ?? [];
  for (let i = 0; i < lines.length; i++) {
    texts.push(lines[i] ?? "");
    block.endRow(offset + i, offset + i, shape);
  }
  return block;
}

function addRow(
  block: BlockBuilder,
  labels: LabelTree,
  row: Record<string, unknown>,
  text: string,
  line: number,
): void {
  const ids: number[] = [];
  const found = { exact: true, json: false };
  labels.add(row, ids, found);
  if (!found.exact || (found.json && LONG_INTEGER.test(text))) {
    const id = block.column("line", []);
    block.columns[id]?.texts.push(text.trim());
    ids.push(id);
  }
  const step = row[KEYED_BY_STEP];
  block.endRow(line, typeof step === "number" && Number.isFinite(step) ? step : Number.NaN, block.shape(ids));
}

/** The labels of one level of nesting: which column, or which level below, a key leads to. */
class LabelTree {
  readonly #block: BlockBuilder;
  readonly #path: readonly string[];
  readonly #numbers = new Map<string, number>();
  readonly #groups = new Map<string, LabelTree>();

  constructor(block: BlockBuilder, path: readonly string[]) {
    this.#block = block;
    this.#path = path;
  }

  add(row: Record<string, unknown>, ids: number[], found: { exact: boolean; json: boolean }): void {
    const { columns } = this.#block;
    for (const key in row) {
      const value = row[key];
      if (typeof value === "number") {
        let id = this.#numbers.get(key);
        if (id === undefined) {
          id = this.#block.addColumn("number", [...this.#path, key]);
          this.#numbers.set(key, id);
        }
        const column = columns[id];
        // A first push makes room for 16 more, which most columns of a row of many keys never have.
        if (column?.numbers.length === 0) column.numbers = [value];
        else column?.numbers.push(value);
        ids.push(id);
        if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) found.exact = false;
      } else if (this.#path.length < MAX_KEY_DEPTH && isKeyGroup(value)) {
        let group = this.#groups.get(key);
        if (!group) {
          group = new LabelTree(this.#block, [...this.#path, key]);
          this.#groups.set(key, group);
        }
        group.add(value, ids, found);
      } else {
        const id = this.#block.column("json", [...this.#path, key]);
        columns[id]?.texts.push(jsonOf(value, found));
        ids.push(id);
        found.json = true;
      }
    }
  }
}

function jsonOf(value: unknown, found: { exact: boolean }): string {
  try {
    return stringifyExtendedJson(value);
  } catch {
    // Nested too deep to walk: the row's own text keeps it.
    found.exact = false;
    return "null";
  }
}

/** Values of the columns of one row, in the order of its shape. */
export type Cell = { path: readonly string[]; text: string };

/** What stands before each value of a row's text, and after the last; groups open and close as the paths say. */
export function rowLiterals(paths: readonly (readonly string[])[]): { before: string[]; end: string } {
  let open: readonly string[] = [];
  const before = paths.map((path, at) => {
    let shared = 0;
    while (shared < open.length && shared < path.length - 1 && open[shared] === path[shared]) shared++;
    let text = at === 0 ? "{" : `${"}".repeat(open.length - shared)},`;
    for (let level = shared; level < path.length - 1; level++) text += `${JSON.stringify(path[level])}:{`;
    open = path.slice(0, -1);
    return `${text}${JSON.stringify(path.at(-1))}:`;
  });
  return { before, end: before.length === 0 ? "{}" : `${"}".repeat(open.length)}}` };
}

/** Adds `"_step": n` to the text of an object that has none: rows of shared mode are numbered by the server. */
export function withStep(text: string, step: number): string {
  const end = text.lastIndexOf("}");
  const inside = text.slice(text.indexOf("{") + 1, end).trim();
  return `${text.slice(0, end)}${inside === "" ? "" : ","}"${KEYED_BY_STEP}":${step}}`;
}

export function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Column id of the row's own number of the step, -1 when the rows of this block carry none. */
export function stepColumn(head: BlockHead): number {
  return head.columns.findIndex(
    ({ kind, path }) => kind === "number" && path.length === 1 && path[0] === KEYED_BY_STEP,
  );
}
