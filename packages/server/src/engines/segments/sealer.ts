import { workerData } from "node:worker_threads";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { type BlockBuilder, decodeHead, rowsOfColumns } from "./block.ts";
import { encodeNumbers } from "./chunk.ts";
import { LEVEL } from "./database.ts";
import { mergeBlocks, openBlock, SEALED_ROWS, SEALED_TEXT_BYTES, SEALED_VALUES } from "./merge.ts";
import { buildPyramid, encodePyramid, MIN_PYRAMID_ROWS } from "./pyramid.ts";
import { deadRows, StoredBlocks } from "./stored.ts";
import type { Sealed, SealedBlock } from "./writer.ts";

/**
 * The worker that seals: reads journal rows, small blocks and blocks with dead rows of a stream, merges and compresses
 * them. It writes nothing: its result goes to the writer, which puts it in place of the sources in one commit.
 */

/** Encoded bytes taken into one sealing: bounds its memory; what is left waits for the next. */
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

const stored = new StoredBlocks((workerData as { path: string }).path);
const sizes = stored.database.prepare("SELECT id, bytes FROM blocks WHERE stream_id = ?");

function seal(stream: number): Sealed | undefined {
  return stored.snapshot(() => {
    const bytes = new Map(sizes.all(stream).map((row) => [row.id, Number(row.bytes)]));
    let taken = 0;
    const sources = stored
      .blocks(stream)
      .filter(({ level, deadText }) => level !== LEVEL.full || deadText !== null)
      .filter(({ id }) => {
        if (taken > MAX_SOURCE_BYTES) return false;
        taken += bytes.get(id) ?? 0;
        return true;
      });
    // One small sealed block with nothing to add to it is as good as it gets.
    if (!sources.some(({ level, deadText }) => level === LEVEL.journal || deadText !== null))
      return undefined;
    const open = sources.map((block) => {
      const head = stored.head(block);
      const parts = new Map<number, Uint8Array>();
      return stored.checked(block, "columns", () =>
        openBlock(head, stored.lines(block), stored.steps(block), (index) => {
          const known = parts.get(index) ?? stored.part(block, index);
          parts.set(index, known);
          return known;
        }),
      );
    });
    const dead = sources.map((block, source) =>
      deadRows(block, () => open[source]?.lines ?? new Float64Array(0)),
    );
    const blocks = mergeBlocks(open, dead);
    return {
      stream,
      sources: sources.map(({ id, deadText }) => ({ id, dead: deadText })),
      blocks: blocks.map(sealBlock),
    };
  });
}

function sealBlock(block: BlockBuilder): SealedBlock {
  const { head, parts } = block.encode(false);
  const decoded = decodeHead(head);
  const pyramidal = block.rows >= MIN_PYRAMID_ROWS;
  const rows = pyramidal ? rowsOfColumns(decoded) : [];
  const columns = new Map<string, SealedBlock["columns"][number]>();
  for (const [id, { kind, key, count }] of decoded.columns.entries()) {
    if (kind !== "number") continue;
    const like = columns.get(key);
    if (like) {
      // `{"a": {"b": 1}}` and `{"a.b": 1}` in one block: one key, whose points are taken from both chunks.
      columns.set(key, { key, count: like.count + count, pyramid: null });
      continue;
    }
    const values = new Float64Array(block.columns[id]?.numbers ?? []);
    const pyramid = pyramidal
      ? encodePyramid(buildPyramid(block.rows, rows[id] ?? new Uint32Array(0), values))
      : null;
    columns.set(key, { key, count, pyramid });
  }
  let firstLine = Number.POSITIVE_INFINITY;
  let lastLine = 0;
  for (const line of block.lines) {
    if (line < firstLine) firstLine = line;
    if (line > lastLine) lastLine = line;
  }
  // A full block is merged again only when rows of it die.
  const full =
    block.rows >= SEALED_ROWS / 2 ||
    block.values >= SEALED_VALUES / 2 ||
    block.textBytes >= SEALED_TEXT_BYTES / 2;
  return {
    level: full ? LEVEL.full : LEVEL.small,
    rows: block.rows,
    firstLine,
    lastLine,
    minStep: block.steps[0] ?? 0,
    maxStep: block.steps.at(-1) ?? 0,
    lines: encodeNumbers(new Float64Array(block.lines)),
    steps: encodeNumbers(new Float64Array(block.steps)),
    head,
    parts,
    columns: [...columns.values()],
  };
}

callerPort().on("message", ({ id, name, argument }: Call) => {
  try {
    if (name === "close") {
      stored.database.close();
      answer(id, undefined);
    } else {
      answer(id, seal(argument as number));
    }
  } catch (cause) {
    answerError(id, cause);
  }
});
