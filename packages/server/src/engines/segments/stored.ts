import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SteelyardError } from "../../errors.ts";
import { type BlockHead, decodeColumn, decodeHead } from "./block.ts";
import { decodeNumbers, ruleOf } from "./chunk.ts";
import { inRanges, openForReading, parseRanges, type Ranges } from "./database.ts";
import { decodePyramid, type Pyramid } from "./pyramid.ts";

/** One block as its row says, nothing decoded. */
export interface StoredBlock {
  id: number;
  streamId: number;
  level: number;
  rows: number;
  firstLine: number;
  lastLine: number;
  minStep: number;
  maxStep: number;
  dead: Ranges;
  deadText: string | null;
  lines: Uint8Array;
  steps: Uint8Array;
}

export interface StoredStream {
  id: number;
  run: number;
  stream: string;
  inherited: boolean;
  writer: string;
}

const COLUMNS =
  "id, stream_id AS streamId, level, rows, first_line AS firstLine, last_line AS lastLine, min_step AS minStep, max_step AS maxStep, dead AS deadText, lines, steps";
/** Heads kept decoded: they never change. Bounded in shapes and columns, which is what their memory goes by. */
const MAX_HEAD_UNITS = 400_000;

/** Questions to the file, on a connection that only reads. Every read of one call sees one state (`snapshot`). */
export class StoredBlocks {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #heads = new Map<number, BlockHead>();
  #headUnits = 0;
  /** Neighbouring columns lie in one part: it is fetched once for all of them. */
  #lastPart: { block: number; index: number; body: Uint8Array } | undefined;
  readonly #sql;

  constructor(path: string) {
    this.#path = path;
    this.database = openForReading(path);
    const prepare = (text: string): StatementSync => this.database.prepare(text);
    this.#sql = {
      streams: prepare(
        "SELECT id, run, stream, inherited, writer FROM streams WHERE run = ? AND stream = ? ORDER BY inherited DESC, id",
      ),
      all: prepare(`SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? ORDER BY id`),
      bySteps: prepare(
        `SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? AND max_step >= ? AND min_step <= ? ORDER BY id`,
      ),
      byLine: prepare(
        `SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? AND last_line >= ? ORDER BY first_line`,
      ),
      fromEnd: prepare(`SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? ORDER BY last_line DESC, id DESC`),
      head: prepare("SELECT head FROM blocks WHERE id = ?"),
      body: prepare("SELECT body FROM blocks WHERE id = ?"),
      part: prepare("SELECT body FROM parts WHERE block_id = ? AND part = ?"),
      counts: prepare("SELECT block_id AS block, count FROM columns WHERE stream_id = ? AND key = ?"),
      pyramids: prepare(
        "SELECT block_id AS block, body FROM columns JOIN pyramids ON id = pyramid_id WHERE stream_id = ? AND key = ?",
      ),
      pyramid: prepare(
        "SELECT body AS pyramid FROM columns JOIN pyramids ON id = pyramid_id WHERE stream_id = ? AND key = ? AND block_id = ?",
      ),
      journalOf: prepare(`SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? AND level = 0 ORDER BY id`),
      lastLine: prepare("SELECT max(last_line) AS line FROM blocks WHERE stream_id = ?"),
      journal: prepare("SELECT count(*) AS rows FROM blocks WHERE level = 0"),
      total: prepare("SELECT count(*) AS rows FROM blocks"),
      keyNames: prepare("SELECT DISTINCT key FROM columns WHERE stream_id = ?"),
    };
  }

  /** One consistent state for all reads of `work`, whatever is written meanwhile. */
  snapshot<T>(work: () => T): T {
    this.database.exec("BEGIN");
    try {
      return work();
    } finally {
      this.database.exec("COMMIT");
    }
  }

  streams(run: number, stream: string): StoredStream[] {
    return this.#sql.streams
      .all(run, stream)
      .map((row) => ({ ...row, inherited: row.inherited === 1 }) as unknown as StoredStream);
  }

  blocks(streamId: number): StoredBlock[] {
    return this.#sql.all.all(streamId).map(storedBlock);
  }

  blocksBySteps(streamId: number, min: number, max: number): StoredBlock[] {
    return this.#sql.bySteps.all(streamId, min, max).map(storedBlock);
  }

  journal(streamId: number): StoredBlock[] {
    return this.#sql.journalOf.all(streamId).map(storedBlock);
  }

  blocksFromLine(streamId: number, line: number): StoredBlock[] {
    return this.#sql.byLine.all(streamId, line).map(storedBlock);
  }

  /** The block with the highest line first; read as they are taken. */
  *blocksFromEnd(streamId: number): Generator<StoredBlock> {
    for (const row of this.#sql.fromEnd.iterate(streamId)) yield storedBlock(row);
  }

  /** Sealed block → values of the key in it. */
  sealedCounts(streamId: number, key: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const row of this.#sql.counts.all(streamId, key)) counts.set(Number(row.block), Number(row.count));
    return counts;
  }

  pyramid(block: StoredBlock, key: string): Pyramid | undefined {
    const chunk = this.#sql.pyramid.get(block.streamId, key, block.id)?.pyramid;
    return chunk ? this.decodedPyramid(block, key, chunk as Uint8Array) : undefined;
  }

  /** All of a key in one question. Not yet decoded. */
  pyramids(streamId: number, key: string): Map<number, Uint8Array> {
    const chunks = new Map<number, Uint8Array>();
    for (const { block, body } of this.#sql.pyramids.iterate(streamId, key)) {
      chunks.set(Number(block), body as Uint8Array);
    }
    return chunks;
  }

  decodedPyramid(block: StoredBlock, key: string, chunk: Uint8Array): Pyramid {
    return this.checked(block, `pyramid of key ${key}`, () => decodePyramid(chunk, block.rows));
  }

  /** Step of a row, without the array of all where a rule gives it. */
  stepAt(block: StoredBlock): (row: number) => number {
    const rule = this.checked(block, "steps", () => ruleOf(block.steps));
    if (rule) return (row) => rule.first + row * rule.stride;
    const steps = this.steps(block);
    return (row) => steps[row] ?? 0;
  }

  /** 1 + the highest line number. */
  lineCount(streamId: number): number {
    const line = this.#sql.lastLine.get(streamId)?.line;
    return typeof line === "number" ? line + 1 : 0;
  }

  counts(): { journalRows: number; sealedChunks: number } {
    const journalRows = Number(this.#sql.journal.get()?.rows);
    return { journalRows, sealedChunks: Number(this.#sql.total.get()?.rows) - journalRows };
  }

  sealedKeys(streamId: number): string[] {
    return this.#sql.keyNames.all(streamId).map((row) => String(row.key));
  }

  head(block: StoredBlock): BlockHead {
    const known = this.#heads.get(block.id);
    if (known) return known;
    const row = this.#sql.head.get(block.id);
    const head = this.checked(block, "head", () => decodeHead(row?.head as Uint8Array));
    const units = head.columns.length + head.shapes.reduce((sum, shape) => sum + shape.length, 0);
    if (this.#headUnits + units > MAX_HEAD_UNITS) {
      this.#heads.clear();
      this.#headUnits = 0;
    }
    if (units < MAX_HEAD_UNITS / 10) {
      this.#heads.set(block.id, head);
      this.#headUnits += units;
    }
    return head;
  }

  part(block: StoredBlock, index: number): Uint8Array {
    const last = this.#lastPart;
    if (last?.block === block.id && last.index === index) return last.body;
    const row = index === 0 ? this.#sql.body.get(block.id) : this.#sql.part.get(block.id, index);
    if (!row) throw this.#damage(block, `part ${index}`, new Error("it is missing"));
    const body = row.body as Uint8Array;
    this.#lastPart = { block: block.id, index, body };
    return body;
  }

  steps(block: StoredBlock): Float64Array {
    return this.checked(block, "steps", () => decodeNumbers(block.steps));
  }

  lines(block: StoredBlock): Float64Array {
    return this.checked(block, "lines", () => decodeNumbers(block.lines));
  }

  column(block: StoredBlock, index: number): Float64Array | string[] {
    const place = this.head(block).columns[index];
    if (!place) throw new RangeError(`block ${block.id} has no column ${index}`);
    return this.checked(block, `key ${place.key}`, () => decodeColumn(place, this.part(block, place.part)));
  }

  /** Runs a decoder; what it finds damaged is named: the block, the part of it, the lines it holds. */
  checked<T>(block: StoredBlock, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw cause instanceof SteelyardError ? cause : this.#damage(block, what, cause);
    }
  }

  #damage(block: StoredBlock, what: string, cause: unknown): SteelyardError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new SteelyardError(
      "internal",
      `stored data is damaged: block ${block.id} (${what}, lines ${block.firstLine} to ${block.lastLine}) of ${this.#path}: ${why}; restore it from a backup, the rest is readable`,
      { cause },
    );
  }
}

function storedBlock(row: Record<string, unknown>): StoredBlock {
  return { ...row, dead: parseRanges(row.deadText as string | null) } as unknown as StoredBlock;
}

/** Row → was it replaced or rewound. Free for a block without such rows. */
export function deadRows(
  block: StoredBlock,
  lines: () => Float64Array,
): ((row: number) => boolean) | undefined {
  if (block.dead.length === 0) return undefined;
  const numbers = lines();
  return (row) => inRanges(block.dead, numbers[row] ?? -1);
}

/** Runs `work`; a block that cannot be read is a line in `damaged`. */
export function guarded(damaged: string[], work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!(cause instanceof SteelyardError) || cause.code !== "internal") throw cause;
    if (!damaged.includes(cause.message)) damaged.push(cause.message);
  }
}
