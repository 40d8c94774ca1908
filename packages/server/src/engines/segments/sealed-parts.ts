import type { StatementSync } from "node:sqlite";
import { BoundedCache } from "./bounded-cache.ts";
import type { BlockColumn, SpanColumn, StoredBlock, StoredBlocks } from "./stored.ts";
import type { StoredSpan } from "./stored-span.ts";

/**
 * What is sealed of the streams of a chart, kept from question to question. Hot: a refresh of a chart of long runs asks for
 * tens of parts of each of its lines, of which nothing has changed but those of the runs that go on.
 */

/** The same object for as long as nothing of it changes. */
export interface SealedStream {
  id: number;
  /** Blocks that are in no span. */
  loose: readonly StoredBlock[];
  spans: readonly StoredSpan[];
  /** Of the file, when it was last compared with it. */
  version: number;
}

export type SealedPart = { points: number; minStep: number; maxStep: number; rows: number } & (
  | { block: StoredBlock; hasPyramid: boolean }
  | { span: StoredSpan; column: SpanColumn }
);

/** What a key has in a stream; by the block or the span, null for nothing. */
interface KnownKey {
  stream: SealedStream;
  blocks: Map<number, BlockColumn | null>;
  spans: Map<number, SpanColumn | null>;
  parts: SealedPart[];
}

/** About what a block or a span takes, and its row of a key. */
const PART_BYTES = 400;
const COLUMN_BYTES = 200;
const MAX_STREAM_BYTES = 8 * 1024 * 1024;
const MAX_KEY_BYTES = 8 * 1024 * 1024;
/** Look-ups of single rows that cost less than to read all of a key's. */
const MAX_LOOKUPS = 48;

export class SealedParts {
  readonly #stored: StoredBlocks;
  readonly #streams = new BoundedCache<SealedStream>(MAX_STREAM_BYTES);
  readonly #keys = new BoundedCache<KnownKey>(MAX_KEY_BYTES);
  readonly #looseOf: StatementSync;
  readonly #spansOf: StatementSync;

  constructor(stored: StoredBlocks) {
    this.#stored = stored;
    // All of a block that is ever changed.
    this.#looseOf = stored.database.prepare(
      "SELECT id, last_line AS lastLine, max_step AS maxStep, dead AS deadText FROM blocks WHERE id IN (SELECT block_id FROM loose WHERE stream_id = ?) ORDER BY id",
    );
    this.#spansOf = stored.database.prepare("SELECT id FROM spans WHERE stream_id = ? ORDER BY id");
  }

  stream(id: number): SealedStream {
    const known = this.#streams.get(id, "");
    const version = this.#stored.version();
    if (known?.version === version) return known;
    const rows = this.#looseOf.all(id) as unknown as Changing[];
    const spanIds = this.#spansOf.all(id).map((row) => Number(row.id));
    if (
      known?.loose.length === rows.length &&
      known.spans.length === spanIds.length &&
      known.spans.every((span, at) => span.id === spanIds[at]) &&
      known.loose.every((block, at) => isSame(block, rows[at]))
    ) {
      known.version = version;
      return known;
    }
    const before = new Map(known?.loose.map((block) => [block.id, block]));
    const loose: StoredBlock[] = [];
    let bytes = PART_BYTES * spanIds.length;
    for (const row of rows) {
      const own = before.get(row.id);
      const block = own && isSame(own, row) ? own : this.#stored.block(row.id);
      if (!block) continue;
      loose.push(block);
      bytes += PART_BYTES + block.lines.length + block.steps.length;
    }
    const stream = { id, loose, spans: spanIds.map((span) => this.#stored.span(span)), version };
    this.#streams.set(id, "", stream, bytes);
    return stream;
  }

  /** In the order in which they came: of points with one x, the later counts as the last. Not to be written to. */
  ofKey(stream: SealedStream, key: string): readonly SealedPart[] {
    const known = this.#keys.get(stream.id, key);
    if (known?.stream === stream) return known.parts;
    const blocks = rowsOf(
      stream.loose,
      known?.blocks,
      (id) => this.#stored.blockColumn(stream.id, key, id),
      () => new Map(this.#stored.columns(stream.id, key).map((row) => [row.block, row])),
    );
    const spans = rowsOf(
      stream.spans,
      known?.spans,
      (id) => this.#stored.spanColumn(stream.id, key, id),
      () => new Map(this.#stored.spanColumns(stream.id, key).map((row) => [row.span, row])),
    );
    const parts: SealedPart[] = [];
    for (const span of stream.spans) {
      const column = spans.get(span.id);
      if (column) parts.push({ ...bounds(span), points: column.count, span, column });
    }
    for (const block of stream.loose) {
      const column = blocks.get(block.id);
      if (!column) continue;
      parts.push({ ...bounds(block), points: column.count, block, hasPyramid: column.pyramid !== null });
    }
    parts.sort((a, b) => firstBlock(a) - firstBlock(b));
    this.#keys.set(
      stream.id,
      key,
      { stream, blocks, spans, parts },
      COLUMN_BYTES * (blocks.size + spans.size),
    );
    return parts;
  }
}

type Changing = Pick<StoredBlock, "id" | "lastLine" | "maxStep" | "deadText">;

function isSame(block: Changing, row: Changing | undefined): boolean {
  return (
    block.id === row?.id &&
    block.deadText === row.deadText &&
    block.lastLine === row.lastLine &&
    block.maxStep === row.maxStep
  );
}

/**
 * One by one while few are new. What a block or a span has of a key never changes, but for the number of a pyramid, which
 * is looked up anew when it is read.
 */
function rowsOf<Row>(
  asked: readonly { id: number }[],
  known: ReadonlyMap<number, Row | null> | undefined,
  one: (id: number) => Row | undefined,
  all: () => ReadonlyMap<number, Row>,
): Map<number, Row | null> {
  const rows = new Map<number, Row | null>();
  let unknown = 0;
  for (const { id } of asked) if (known?.get(id) === undefined) unknown++;
  const every = unknown > MAX_LOOKUPS ? all() : undefined;
  for (const { id } of asked) {
    const before = known?.get(id);
    rows.set(id, before !== undefined ? before : ((every ? every.get(id) : one(id)) ?? null));
  }
  return rows;
}

export function firstBlock(part: SealedPart): number {
  return "block" in part ? part.block.id : (part.span.blocks[0]?.id ?? 0);
}

export function bounds({ minStep, maxStep, rows }: StoredBlock | StoredSpan) {
  return { minStep, maxStep, rows };
}
