import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SteelyardError } from "../../errors.ts";
import { type BlockHead, decodeColumn } from "./block.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { decodeNumbers, ruleOf } from "./chunk.ts";
import { inRanges, LEVEL, openForReading, parseRanges, type Ranges } from "./database.ts";
import { layoutOf } from "./grouped.ts";
import type { Joined, JoinedKinds } from "./joined.ts";
import { KnownHeads } from "./known-heads.ts";
import {
  coarserPyramid,
  decodePyramid,
  FINEST_SIZE,
  GROUP_ROWS,
  type Kinds,
  LEVELS,
  type Numbers,
  narrowed,
  type Pyramid,
  SIZES,
  sizeOf,
} from "./pyramid.ts";
import { type SealedPart, SealedParts } from "./sealed-parts.ts";
import { ALIGNMENT, groupsOf, LEVEL_COLUMNS } from "./span.ts";
import { type SpanRow, StoredSpan } from "./stored-span.ts";

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
  /** Encoded, without `lines` and `steps`. */
  bytes: number;
  dead: Ranges;
  deadText: string | null;
  lines: Uint8Array;
  steps: Uint8Array;
}

export interface BlockColumn {
  block: number;
  count: number;
  pyramid: number | null;
}

export interface SpanColumn {
  span: number;
  count: number;
  /** Ids of the pyramid of each level. */
  fine: number;
  middle: number;
  coarse: number;
}

export interface StoredStream {
  id: number;
  run: number;
  stream: string;
  inherited: boolean;
  writer: string;
}

const COLUMNS =
  "id, stream_id AS streamId, level, rows, first_line AS firstLine, last_line AS lastLine, min_step AS minStep, max_step AS maxStep, bytes, dead AS deadText, lines, steps";
/** Parts kept as read: the keys of a chart lie in the same ones. */
const MAX_PART_BYTES = 12 * 1024 * 1024;
/** Rows of the blocks of spans. */
const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
/** About what one takes beside its chunks. */
const BLOCK_BYTES = 400;
const MAX_KNOWN_SPANS = 20_000;

/** Questions to the file, on a connection that only reads. Every read of one call sees one state (`snapshot`). */
export class StoredBlocks {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #heads: KnownHeads;
  /** Neighbouring columns lie in one part: it is fetched once for all of them. */
  readonly #parts = new BoundedCache<Uint8Array>(MAX_PART_BYTES);
  readonly #spans = new Map<number, StoredSpan>();
  readonly #spanBlocks = new BoundedCache<StoredBlock>(MAX_BLOCK_BYTES);
  readonly sealed: SealedParts;
  /** What was decoded for charts. */
  readonly #decoded: BoundedCache<Pyramid | Numbers | Joined | Kinds | JoinedKinds>;
  readonly #sql;

  /** Bytes of what is kept, since blocks and spans never change: heads, and decoded columns and pyramids. */
  constructor(path: string, kept: { heads: number; decoded: number }) {
    this.#path = path;
    this.#heads = new KnownHeads(kept.heads);
    this.#decoded = new BoundedCache(kept.decoded);
    this.database = openForReading(path);
    this.sealed = new SealedParts(this);
    const prepare = (text: string): StatementSync => this.database.prepare(text);
    this.#sql = {
      version: prepare("PRAGMA data_version"),
      streams: prepare(
        "SELECT id, run, stream, inherited, writer FROM streams WHERE run = ? AND stream = ? ORDER BY inherited DESC, id",
      ),
      all: prepare(`SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? ORDER BY id`),
      byId: prepare(`SELECT ${COLUMNS} FROM blocks WHERE id = ?`),
      loose: prepare(
        `SELECT ${COLUMNS} FROM blocks WHERE id IN (SELECT block_id FROM loose WHERE stream_id = ?) ORDER BY id`,
      ),
      span: prepare(
        "SELECT id, stream_id AS streamId, rows, min_step AS minStep, max_step AS maxStep, first_step AS first, stride, blocks, steps FROM spans WHERE id = ?",
      ),
      spanColumns: prepare(
        "SELECT span_id AS span, count, fine, middle, coarse FROM span_columns WHERE stream_id = ? AND key = ?",
      ),
      spanColumn: prepare(
        "SELECT span_id AS span, count, fine, middle, coarse FROM span_columns WHERE stream_id = ? AND key = ? AND span_id = ?",
      ),
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
      columns: prepare(
        "SELECT block_id AS block, count, pyramid_id AS pyramid FROM columns WHERE stream_id = ? AND key = ?",
      ),
      column: prepare(
        "SELECT block_id AS block, count, pyramid_id AS pyramid FROM columns WHERE stream_id = ? AND key = ? AND block_id = ?",
      ),
      pyramid: prepare("SELECT body FROM pyramids WHERE id = ?"),
      pyramidOf: prepare(
        "SELECT body FROM columns JOIN pyramids ON id = pyramid_id WHERE stream_id = ? AND key = ? AND block_id = ?",
      ),
      journalOf: prepare(`SELECT ${COLUMNS} FROM blocks WHERE stream_id = ? AND level = 0 ORDER BY id`),
      lastLine: prepare("SELECT max(last_line) AS line FROM blocks WHERE stream_id = ?"),
      journal: prepare("SELECT count(*) AS rows FROM blocks WHERE level = 0"),
      total: prepare("SELECT count(*) AS rows FROM blocks"),
      withDead: prepare(
        `SELECT ${COLUMNS} FROM blocks WHERE id IN (SELECT block_id FROM loose WHERE stream_id = ?) AND dead IS NOT NULL`,
      ),
      keyNames: prepare(
        "SELECT DISTINCT key FROM columns WHERE stream_id = ? AND block_id NOT IN (SELECT value FROM json_each(?))",
      ),
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

  /** Another number when anything was written since; within a snapshot. */
  version(): number {
    return Number(this.#sql.version.get()?.data_version);
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

  block(id: number): StoredBlock | undefined {
    const row = this.#sql.byId.get(id);
    return row && storedBlock(row);
  }

  /** Sealed blocks that are in no span. */
  looseBlocks(streamId: number): StoredBlock[] {
    return this.#sql.loose.all(streamId).map(storedBlock);
  }

  /** What sealing has to do with: journal rows, small blocks, blocks with dead rows; none of these is in a span. */
  unsealed(streamId: number): StoredBlock[] {
    const loose = this.looseBlocks(streamId).filter(
      ({ level, deadText }) => level !== LEVEL.full || deadText !== null,
    );
    return [...this.journal(streamId), ...loose].sort((a, b) => a.id - b.id);
  }

  /** Of a block that lies in a span, whose rows do not change for as long as it does. */
  spanBlock(id: number): StoredBlock | undefined {
    const known = this.#spanBlocks.get(id, "");
    if (known) return known;
    const block = this.block(id);
    if (block) this.#spanBlocks.set(id, "", block, BLOCK_BYTES + block.lines.length + block.steps.length);
    return block;
  }

  span(id: number): StoredSpan {
    const known = this.#spans.get(id);
    if (known) return known;
    const row = this.#sql.span.get(id) as unknown as SpanRow;
    const span = new StoredSpan(row);
    if (this.#spans.size >= MAX_KNOWN_SPANS) this.#spans.clear();
    this.#spans.set(id, span);
    return span;
  }

  /** What every span of the stream has of the key. */
  spanColumns(streamId: number, key: string): SpanColumn[] {
    return this.#sql.spanColumns.all(streamId, key) as unknown as SpanColumn[];
  }

  spanColumn(streamId: number, key: string, span: number): SpanColumn | undefined {
    return this.#sql.spanColumn.get(streamId, key, span) as SpanColumn | undefined;
  }

  /** Of every sealed block: values of the key in it, and its own pyramid. */
  columns(streamId: number, key: string): BlockColumn[] {
    return this.#sql.columns.all(streamId, key) as unknown as BlockColumn[];
  }

  blockColumn(streamId: number, key: string, block: number): BlockColumn | undefined {
    return this.#sql.column.get(streamId, key, block) as BlockColumn | undefined;
  }

  /** The block's own, coarser levels made of it; undefined when it has none, or lies in a span. */
  pyramid(block: StoredBlock, key: string, level = 0, keep = true): Pyramid | undefined {
    const known = this.#decoded.get(placeOf(block.id, level), key);
    if (known) return known as Pyramid;
    let pyramid: Pyramid | undefined;
    if (level > 0) {
      const finer = this.pyramid(block, key, level - 1, keep);
      pyramid = finer && coarserPyramid(finer, layoutOf(block.rows).rows[level - 1] as Uint16Array);
    } else {
      const body = this.#sql.pyramidOf.get(block.streamId, key, block.id)?.body;
      const decode = () => decodePyramid(body as Uint8Array, groupsOf(block.rows));
      pyramid = body ? this.checked(block, `pyramid of key ${key}`, decode) : undefined;
    }
    if (pyramid && keep) this.#decoded.set(placeOf(block.id, level), key, pyramid, sizeOf(pyramid));
    return pyramid;
  }

  /** One level of a span; undefined when it has no value of the key. */
  spanPyramid(
    span: StoredSpan,
    key: string,
    level: number,
    column?: SpanColumn,
    keep = true,
  ): Pyramid | undefined {
    const known = this.#decoded.get(placeOfSpan(span.id, level), key);
    if (known) return known as Pyramid;
    const at = column ?? this.spanColumn(span.streamId, key, span.id);
    if (!at) return undefined;
    const body = this.#sql.pyramid.get(at[LEVEL_COLUMNS[level] ?? "fine"])?.body;
    const pyramid = this.checkedSpan(span, key, () => {
      if (!body) throw new Error("it is missing");
      return decodePyramid(
        (body as Uint8Array).subarray(ALIGNMENT),
        span.rowsAt(level).length,
        level === 0 ? 1 : 2,
      );
    });
    if (keep) this.#decoded.set(placeOfSpan(span.id, level), key, pyramid, sizeOf(pyramid));
    return pyramid;
  }

  /** What `joined.ts` made of a line's parts, by the first block of the first, the key and what the groups are. */
  joined(block: number, key: string, size: number): Joined | undefined {
    return this.#decoded.get(placeOf(block, JOINED + size), key) as Joined | undefined;
  }

  keepJoined(block: number, key: string, size: number, joined: Joined, bytes: number): void {
    this.#decoded.set(placeOf(block, JOINED + size), key, joined, bytes);
  }

  joinedKinds(block: number, key: string, size: number): JoinedKinds | undefined {
    return this.#decoded.get(placeOf(block, JOINED_KINDS + size), key) as JoinedKinds | undefined;
  }

  keepJoinedKinds(block: number, key: string, size: number, joined: JoinedKinds): void {
    this.#decoded.set(placeOf(block, JOINED_KINDS + size), key, joined, 2 * joined.kinds.infinite.byteLength);
  }

  /** What `kinds.ts` counted in the finest groups of a part. */
  kinds(part: SealedPart, key: string): Kinds | undefined {
    return this.#decoded.get(placeOfKinds(part), key) as Kinds | undefined;
  }

  keepKinds(part: SealedPart, key: string, kinds: Kinds): void {
    this.#decoded.set(placeOfKinds(part), key, kinds, 2 * kinds.infinite.byteLength);
  }

  /** By which every step of the block follows from its row. */
  stepRule(block: StoredBlock): { first: number; stride: number } | undefined {
    return this.checked(block, "steps", () => ruleOf(block.steps));
  }

  /** Every row has a higher line than the one before, by a rule; others may have so too. */
  linesRise(block: StoredBlock): boolean {
    return this.checked(block, "lines", () => (ruleOf(block.lines)?.stride ?? 0) > 0);
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

  /** Sealed blocks of which rows are dead; none of these is in a span. */
  sealedWithDead(streamId: number): StoredBlock[] {
    return this.#sql.withDead.all(streamId).map(storedBlock);
  }

  /** Numeric keys of the sealed blocks but for some. */
  sealedKeys(streamId: number, without: readonly StoredBlock[]): string[] {
    const ids = JSON.stringify(without.map(({ id }) => id));
    return this.#sql.keyNames.all(streamId, ids).map((row) => String(row.key));
  }

  head(block: StoredBlock): BlockHead {
    const known = this.#heads.get(block.id);
    if (known) return known;
    const row = this.#sql.head.get(block.id);
    return this.checked(block, "head", () =>
      this.#heads.decode(block.id, row?.head as Uint8Array, block.level === LEVEL.journal),
    );
  }

  part(block: StoredBlock, index: number): Uint8Array {
    const known = this.#parts.get(block.id, index);
    if (known) return known;
    const row = index === 0 ? this.#sql.body.get(block.id) : this.#sql.part.get(block.id, index);
    if (!row) throw this.#damage(block, `part ${index}`, new Error("it is missing"));
    const body = row.body as Uint8Array;
    this.#parts.set(block.id, index, body, body.length);
    return body;
  }

  /** What is kept of single blocks: nobody who seals asks for one again. */
  forget(): void {
    this.#heads.clear();
    this.#parts.clear();
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

  /** The same of numbers, kept decoded. Not to be written to. */
  numbers(block: StoredBlock, index: number): Numbers {
    const known = this.#decoded.get(placeOf(block.id, COLUMN), index);
    if (known) return known as Numbers;
    const decoded = this.column(block, index) as Float64Array;
    if (block.level === LEVEL.journal) return decoded;
    const values = narrowed(decoded);
    this.#decoded.set(placeOf(block.id, COLUMN), index, values, values.byteLength);
    return values;
  }

  /** Those of one group of a pyramid; the others are not kept. */
  groupNumbers(block: StoredBlock, index: number, group: number): Numbers {
    const name = index * MAX_GROUPS + group;
    const known = this.#decoded.get(placeOf(block.id, GROUP), name);
    if (known) return known as Numbers;
    const column = this.#decoded.get(placeOf(block.id, COLUMN), index) ?? this.column(block, index);
    const values = (column as Numbers).slice(group * GROUP_ROWS, (group + 1) * GROUP_ROWS);
    this.#decoded.set(placeOf(block.id, GROUP), name, values, values.byteLength);
    return values;
  }

  /** Runs a decoder; what it finds damaged is named: the block, the part of it, the lines it holds. */
  checked<T>(block: StoredBlock, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw cause instanceof SteelyardError ? cause : this.#damage(block, what, cause);
    }
  }

  checkedSpan<T>(span: StoredSpan, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SteelyardError(
        "internal",
        `stored data is damaged: span ${span.id} (key ${what}) of ${this.#path}: ${why}; what it sums up is still read, slowly; rewind the run or restore a backup`,
        { cause },
      );
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

/** Places in the caches, of what was decoded of a block or a span: by level or one of these. */
const COLUMN = LEVELS;
const GROUP = LEVELS + 1;
const OF_PART = LEVELS + 2;
const JOINED = LEVELS + 3 - FINEST_SIZE;
const JOINED_KINDS = JOINED + SIZES - FINEST_SIZE;
function placeOf(block: number, what = 0): number {
  return block * (JOINED_KINDS + SIZES) + what;
}
/** More than a block has. */
const MAX_GROUPS = 65_536;
function placeOfSpan(span: number, level = 0): number {
  return -1 - placeOf(span, level);
}

function placeOfKinds(part: SealedPart): number {
  return "span" in part ? placeOfSpan(part.span.id, OF_PART) : placeOf(part.block.id, OF_PART);
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
