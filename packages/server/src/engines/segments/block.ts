import { crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import {
  DamagedChunk,
  decodeNumbers,
  decodeTexts,
  encodeNumbers,
  encodeTexts,
  ONE_NUMBER_BYTES,
  writeOneNumber,
} from "./chunk.ts";

/**
 * A block: some rows of one stream, by column. A column holds one leaf of the rows that have it, densely; which rows
 * have it follows from the row's *shape*, the ordered list of its columns, so the order of keys is kept as well.
 *
 * Kinds of column: `number`; `json` (any other value, as JSON text); `line` (the whole row as text: console lines, and
 * rows that columns alone would not give back exactly, such as integers beyond 2^53).
 */
export type ColumnKind = "number" | "json" | "line";

export interface Column {
  kind: ColumnKind;
  /** Labels from the top of the row; [] for `line`. */
  path: readonly string[];
  numbers: number[];
  texts: string[];
  /** All numbers in one piece; once it is there, none are added. See `numbersOf`. */
  packed?: Float64Array;
}

export function numbersOf(column: Column): Float64Array {
  column.packed ??= new Float64Array(column.numbers);
  return column.packed;
}

/** What is written beside a sealed column, so that the key catalogue opens no chunk. Over finite numbers. */
export interface ColumnStats {
  min: number;
  max: number;
  first: number;
  last: number;
  finite: number;
  monotonic: boolean;
  /** Of a json column: type name → values. */
  types?: Record<string, number>;
}

/** Where an encoded column lies: `part` 0 is the block's own blob, others are rows of `parts`. */
export interface ColumnPlace {
  kind: ColumnKind;
  path: readonly string[];
  key: string;
  count: number;
  part: number;
  offset: number;
  length: number;
  stats?: ColumnStats;
}

export interface BlockHead {
  rows: number;
  shapes: readonly (readonly number[])[];
  /** Row → index into `shapes`. */
  shapeOf: Float64Array;
  columns: readonly ColumnPlace[];
}

export interface EncodedBlock {
  head: Uint8Array<ArrayBuffer>;
  parts: Uint8Array<ArrayBuffer>[];
}

export const HEAD_VERSION = 1;
/** A part is closed at this size: a chart of one key of 10,000 reads one part, not the block. */
const PART_BYTES = 256 * 1024;
const MIN_COMPRESSED_HEAD = 512;
/** Column ids spent on remembering other orders of the same set of keys (some clients shuffle them in every row). */
const ORDER_BUDGET = 4096;

/** Rows in, columns out. The caller pushes values into the columns it lists in `endRow`. */
export class BlockBuilder {
  readonly columns: Column[] = [];
  readonly shapes: number[][] = [];
  readonly lines: number[] = [];
  readonly steps: number[] = [];
  readonly #shapeOf: number[] = [];
  readonly #byLabel = new Map<string, number>();
  readonly #byOrder = new Map<string, number>();
  readonly #bySet = new Map<string, number>();
  #orderSpent = 0;
  #lastShape = 0;
  values = 0;
  textBytes = 0;

  get rows(): number {
    return this.lines.length;
  }

  column(kind: ColumnKind, path: readonly string[]): number {
    const label = `${kind}${JSON.stringify(path)}`;
    let id = this.#byLabel.get(label);
    if (id === undefined) {
      id = this.addColumn(kind, path);
      this.#byLabel.set(label, id);
    }
    return id;
  }

  /** The caller knows that there is none, and that none will be asked of `column`. */
  addColumn(kind: ColumnKind, path: readonly string[]): number {
    return this.columns.push({ kind, path, numbers: [], texts: [] }) - 1;
  }

  /** The shape with these columns in this order, or, when orders abound, one of the same set. */
  shape(ids: readonly number[]): number {
    if (sameIds(this.shapes[this.#lastShape], ids)) return this.#lastShape;
    this.#lastShape = this.#findShape(ids);
    return this.#lastShape;
  }

  #findShape(ids: readonly number[]): number {
    const order = ids.join();
    const known = this.#byOrder.get(order);
    if (known !== undefined) return known;
    const set = [...ids].sort((a, b) => a - b).join();
    const like = this.#bySet.get(set);
    if (like !== undefined) {
      if (this.#orderSpent + ids.length > ORDER_BUDGET) return like;
      this.#orderSpent += ids.length;
    }
    const made = this.shapes.length;
    this.shapes.push([...ids]);
    this.#byOrder.set(order, made);
    if (like === undefined) this.#bySet.set(set, made);
    return made;
  }

  endRow(line: number, step: number, shape: number): void {
    this.lines.push(line);
    this.steps.push(step);
    this.#shapeOf.push(shape);
    this.values += this.shapes[shape]?.length ?? 0;
  }

  /** `fast` for a journal row: no compression, no statistics. */
  encode(fast: boolean): EncodedBlock {
    const parts: (Uint8Array | number)[][] = [[]];
    let partBytes = 0;
    const places = this.columns.map((column) => {
      const { kind, path, numbers, texts } = column;
      const only = fast && kind === "number" && numbers.length === 1 ? numbers[0] : undefined;
      const values = kind === "number" && only === undefined ? numbersOf(column) : undefined;
      const chunk = only ?? (values ? encodeNumbers(values, fast) : encodeTexts(texts, fast));
      const bytes = typeof chunk === "number" ? ONE_NUMBER_BYTES : chunk.length;
      if (partBytes > 0 && partBytes + bytes > PART_BYTES) {
        parts.push([]);
        partBytes = 0;
      }
      parts.at(-1)?.push(chunk);
      const place = [
        kind,
        path,
        only === undefined ? (values?.length ?? texts.length) : 1,
        parts.length - 1,
        partBytes,
        bytes,
        fast || kind === "line" ? null : values ? numberStats(values) : textStats(texts),
      ];
      partBytes += bytes;
      return place;
    });
    const head = { rows: this.rows, shapes: this.shapes, columns: places };
    // Without statistics there is no NaN in it.
    const json = Buffer.from(fast ? JSON.stringify(head) : stringifyExtendedJson(head), "utf8");
    return {
      head: encodeHead(json, encodeNumbers(new Float64Array(this.#shapeOf), fast), fast),
      parts: parts.map(joined),
    };
  }
}

/** In memory of its own, so that it can be handed to another thread without a copy. A number: the chunk of just that. */
function joined(chunks: readonly (Uint8Array | number)[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const chunk of chunks) length += typeof chunk === "number" ? ONE_NUMBER_BYTES : chunk.length;
  const bytes = new Uint8Array(length);
  const fields = new DataView(bytes.buffer);
  let at = 0;
  for (const chunk of chunks) {
    if (typeof chunk === "number") {
      writeOneNumber(bytes, fields, at, chunk);
      at += ONE_NUMBER_BYTES;
    } else {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return bytes;
}

/** `u8 version, u8 packed, u16 zero, u32 length of the JSON as stored, u32 crc32 of it, the JSON, the chunk of shapes`. */
function encodeHead(json: Buffer, shapeOf: Uint8Array, fast: boolean): Uint8Array<ArrayBuffer> {
  const packed = !fast && json.length >= MIN_COMPRESSED_HEAD;
  const stored = packed ? zstdCompressSync(json) : json;
  const head = new Uint8Array(12 + stored.length + shapeOf.length);
  const fields = new DataView(head.buffer);
  head[0] = HEAD_VERSION;
  head[1] = packed ? 1 : 0;
  fields.setUint32(4, stored.length, true);
  fields.setUint32(8, crc32(stored), true);
  head.set(stored, 12);
  head.set(shapeOf, 12 + stored.length);
  return head;
}

type StoredPlace = [ColumnKind, string[], number, number, number, number, ColumnStats | null];

export function decodeHead(bytes: Uint8Array): BlockHead {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.length < 12) throw new DamagedChunk("the head is cut short");
  if (head[0] !== HEAD_VERSION) throw new DamagedChunk(`head version ${head[0]} is unknown`);
  const length = head.readUInt32LE(4);
  const stored = head.subarray(12, 12 + length);
  if (crc32(stored) !== head.readUInt32LE(8))
    throw new DamagedChunk("the checksum of the head does not match");
  const json = (head[1] === 1 ? zstdDecompressSync(stored) : stored).toString("utf8");
  const { rows, shapes, columns } = parseExtendedJson(json) as {
    rows: number;
    shapes: number[][];
    columns: StoredPlace[];
  };
  return {
    rows,
    shapes,
    shapeOf: decodeNumbers(head.subarray(12 + length)),
    columns: columns.map(([kind, path, count, part, offset, size, stats]) => ({
      kind,
      path,
      key: path.join("."),
      count,
      part,
      offset,
      length: size,
      ...(stats ? { stats } : undefined),
    })),
  };
}

export function decodeColumn(place: ColumnPlace, part: Uint8Array): Float64Array | string[] {
  const chunk = part.subarray(place.offset, place.offset + place.length);
  const values = place.kind === "number" ? decodeNumbers(chunk) : decodeTexts(chunk);
  if (values.length !== place.count) throw new DamagedChunk("the chunk has another count than the head says");
  return values;
}

/** For each value of the column, the row it belongs to. */
export function rowsOfColumn(head: BlockHead, column: number): Uint32Array {
  const has = head.shapes.map((shape) => shape.includes(column));
  const rows = new Uint32Array(head.columns[column]?.count ?? 0);
  let at = 0;
  for (let row = 0; row < head.rows; row++) if (has[head.shapeOf[row] ?? 0]) rows[at++] = row;
  return rows;
}

/** The same for all columns in one pass: for a block of 10,000 keys the one above, asked for each, is quadratic. */
export function rowsOfColumns(head: BlockHead): Uint32Array[] {
  const rows = head.columns.map(({ count }) => new Uint32Array(count));
  const next = new Uint32Array(head.columns.length);
  for (let row = 0; row < head.rows; row++) {
    for (const id of head.shapes[head.shapeOf[row] ?? 0] ?? []) {
      const column = rows[id];
      const at = next[id] ?? 0;
      if (column) column[at] = row;
      next[id] = at + 1;
    }
  }
  return rows;
}

export function numberStats(values: Float64Array): ColumnStats {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let finite = 0;
  let monotonic = true;
  let before = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value)) continue;
    finite++;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value < before) monotonic = false;
    before = value;
  }
  const first = values.find(Number.isFinite) ?? Number.NaN;
  return { min, max, first, last: values.at(-1) ?? Number.NaN, finite, monotonic };
}

/** The last number of a column in the order of rows, where it is known without opening the column. */
export function lastValue({ columns }: BlockHead, column: number): number | undefined {
  const { kind, stats } = columns[column] ?? {};
  // JSON, in which it is written, has one zero only.
  return kind === "number" && stats && stats.last !== 0 ? stats.last : undefined;
}

export function textStats(texts: readonly string[]): ColumnStats {
  const types: Record<string, number> = {};
  for (const text of texts) {
    const type = typeOfJson(text);
    types[type] = (types[type] ?? 0) + 1;
  }
  const none = Number.NaN;
  return { min: none, max: none, first: none, last: none, finite: 0, monotonic: false, types };
}

function sameIds(a: readonly number[] | undefined, b: readonly number[]): boolean {
  if (a === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function typeOfJson(text: string): string {
  switch (text[0]) {
    case '"':
      return "string";
    case "t":
    case "f":
      return "boolean";
    case "n":
      return "null";
    case "[":
      return "list";
    case "{": {
      const { _type } = parseExtendedJson(text) as { _type?: unknown };
      return typeof _type === "string" ? _type : "map";
    }
  }
  return "number";
}
