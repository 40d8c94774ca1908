import { workerData } from "node:worker_threads";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { type BlockBuilder, decodeHead, numbersOf, rowsOfColumn, rowsOfColumns } from "./block.ts";
import { encodeNumbers } from "./chunk.ts";
import { LEVEL } from "./database.ts";
import { mergeBlocks, openBlock, SEALED_ROWS, SEALED_TEXT_BYTES, SEALED_VALUES } from "./merge.ts";
import { buildPyramid, encodePyramid, kindsUnknown, MIN_PYRAMID_ROWS, type Pyramid } from "./pyramid.ts";
import { type BuiltSpan, buildSpan, nextSpan } from "./span.ts";
import { deadRows, type StoredBlock, StoredBlocks } from "./stored.ts";
import type { Sealed, SealedBlock } from "./writer.ts";

/**
 * The worker that seals: reads journal rows, small blocks and blocks with dead rows of a stream, merges and compresses
 * them. It writes nothing: its result goes to the writer, which puts it in place of the sources in one commit.
 */

/** Encoded bytes taken into one sealing: bounds its memory; what is left waits for the next. */
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

/** Of the blocks of one span, each of which is asked for once for every key: 13,000 keys in each of 16. */
const HEAD_BYTES = 64 * 1024 * 1024;

const stored = new StoredBlocks((workerData as { path: string }).path, { heads: HEAD_BYTES, decoded: 0 });

/** What became of some streams that are worth sealing. */
export interface SealedStreams {
  sealed: Sealed[];
  /** What all of `sealed` lies in, to be handed on to the writer without a copy. */
  buffers: ArrayBuffer[];
  /** Streams that could not be read, and why. */
  failed: { stream: number; message: string }[];
  /** How many of them were looked at: they are sealed together only while they are small. */
  done: number;
}
const MAX_TOGETHER_BYTES = 512 * 1024;

function sealStreams(streams: readonly number[]): SealedStreams {
  const result: SealedStreams = { sealed: [], buffers: [], failed: [], done: 0 };
  let bytes = 0;
  for (const stream of streams) {
    if (bytes >= MAX_TOGETHER_BYTES) break;
    result.done++;
    try {
      const sealed = seal(stream);
      if (!sealed) continue;
      result.sealed.push(sealed);
      for (const { head, parts } of sealed.blocks) {
        result.buffers.push(head.buffer as ArrayBuffer);
        for (const part of parts) bytes += part.length;
      }
    } catch (cause) {
      result.failed.push({ stream, message: (cause as Error).message });
    }
  }
  return result;
}

function seal(stream: number): Sealed | undefined {
  return stored.snapshot(() => {
    let taken = 0;
    const sources = stored.unsealed(stream).filter(({ bytes }) => {
      if (taken > MAX_SOURCE_BYTES) return false;
      taken += bytes;
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

/** The pyramids of full blocks end to end, when there are enough of them. */
function span(stream: number): BuiltSpan | undefined {
  return stored.snapshot(() => {
    const full = stored
      .looseBlocks(stream)
      .filter(({ level, deadText }) => level === LEVEL.full && deadText === null);
    const blocks = nextSpan(full, (block) => summedKeys(block)?.length);
    if (!blocks) return undefined;
    const keys = new Set(blocks.flatMap((block) => summedKeys(block) ?? []));
    return buildSpan(
      blocks,
      [...keys].map((key) => [key, blocks.map((block) => pyramidOf(block, key))]),
    );
  });
}

/** Keys of numbers; undefined of a block that has no pyramids, or two columns of one key: it stays by itself. */
function summedKeys(block: StoredBlock): string[] | undefined {
  if (block.rows < MIN_PYRAMID_ROWS) return undefined;
  const keys = stored
    .head(block)
    .columns.filter(({ kind }) => kind === "number")
    .map(({ key }) => key);
  return keys.length > 0 && new Set(keys).size === keys.length ? keys : undefined;
}

function pyramidOf(block: StoredBlock, key: string): Pyramid | undefined {
  const known = stored.pyramid(block, key);
  // One of an earlier version is made anew where it does not say all.
  if (known && !kindsUnknown(known)) return known;
  const head = stored.head(block);
  const id = head.columns.findIndex((column) => column.key === key && column.kind === "number");
  if (id < 0) return undefined;
  return buildPyramid(block.rows, rowsOfColumn(head, id), stored.column(block, id) as Float64Array);
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
    const column = block.columns[id];
    const values = column ? numbersOf(column) : new Float64Array(0);
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
  return inOnePiece({
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
  });
}

/** All bytes in one buffer. Chunks share pools of 64 KiB with others, and a message takes a copy of the whole pool. */
function inOnePiece(block: SealedBlock): SealedBlock {
  const pyramids = block.columns.flatMap(({ pyramid }) => pyramid ?? []);
  const all = [block.lines, block.steps, block.head, ...block.parts, ...pyramids];
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  const place = (own: Uint8Array) => {
    bytes.set(own, at);
    at += own.length;
    return bytes.subarray(at - own.length, at);
  };
  return {
    ...block,
    lines: place(block.lines),
    steps: place(block.steps),
    head: place(block.head),
    parts: block.parts.map(place),
    columns: block.columns.map((column) => ({
      ...column,
      pyramid: column.pyramid && place(column.pyramid),
    })),
  };
}

callerPort().on("message", ({ id, name, argument }: Call) => {
  try {
    if (name === "close") {
      stored.database.close();
      answer(id, undefined);
    } else {
      if (name === "span") return answer(id, span(argument as number));
      const streams = sealStreams(argument as number[]);
      answer(id, streams, streams.buffers);
    }
  } catch (cause) {
    answerError(id, cause);
  } finally {
    stored.forget();
  }
});
