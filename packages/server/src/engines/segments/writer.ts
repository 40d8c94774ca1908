import { workerData } from "node:worker_threads";
import { SteelyardError } from "../../errors.ts";
import type { StreamName } from "../../ports/metric-store.ts";
import { answer, answerError, arrivedCalls, type Call, callerPort } from "../worker-calls.ts";
import { decodeNumbers, encodeNumbers } from "./chunk.ts";
import {
  addLines,
  asStorageError,
  type DatabaseOptions,
  inRanges,
  LEVEL,
  openForWriting,
  parseRanges,
} from "./database.ts";
import type { BuiltSpan } from "./span.ts";
import { SpanTable } from "./span-table.ts";
import { writerStatements } from "./writer-statements.ts";

/**
 * The worker that writes: the one connection, the one order of events. Appends that have arrived together are one
 * commit, so one sync of the disk is shared by all who wait. Nothing is parsed or compressed here.
 */

export interface Entry {
  run: number;
  stream: StreamName;
  writer: string;
  /** Line numbers ascending; steps with NaN where the row has none. Empty when every line was refused. */
  lines: Float64Array<ArrayBuffer>;
  steps: Float64Array<ArrayBuffer>;
  head: Uint8Array;
  /** One part or more, as the builder cut it. */
  parts: Uint8Array[];
}

/** `due`: this stream is worth sealing. */
export interface Appended {
  lineCount: number;
  again: number;
  due?: number;
}

export interface Sealed {
  stream: number;
  /** What was merged, as it was read: a source that changed since is left for the next time. */
  sources: { id: number; dead: string | null }[];
  blocks: SealedBlock[];
}
export interface SealedBlock {
  level: number;
  rows: number;
  firstLine: number;
  lastLine: number;
  minStep: number;
  maxStep: number;
  lines: Uint8Array;
  steps: Uint8Array;
  head: Uint8Array;
  parts: Uint8Array[];
  columns: { key: string; count: number; pyramid: Uint8Array | null }[];
}

/** A stream is worth sealing at the first of these; the entry count bounds what a read of a chatty run must open. */
const SEAL_ROWS = 4096;
const SEAL_BYTES = 4 * 1024 * 1024;
const SEAL_ENTRIES = 256;
/** Streams remembered between appends; a forgotten one costs a look-up. */
const MAX_STATES = 50_000;

interface StreamState {
  id: number;
  nextLine: number;
  rows: number;
  bytes: number;
  entries: number;
  lastAppendMs: number;
}
interface RunState {
  lineCount: number;
  nextStep: number;
}

const { path, options } = workerData as { path: string; options: DatabaseOptions };
const database = openForWriting(path, options);
const sql = writerStatements(database);
const spans = new SpanTable(database);
const streams = new Map<string, StreamState>();
/** The same by number. */
const statesById = new Map<number, StreamState>();
const runs = new Map<string, RunState>();

type Row = Record<string, number | string | Uint8Array | null>;
const numberIn = (row: unknown, column: string) => Number((row as Row | undefined)?.[column] ?? Number.NaN);

/** All or nothing, durable when it returns. A failure forgets what memory knew, so that the next look-up reads the truth. */
function commit<T>(work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (cause) {
    forgetStates();
    if (database.isTransaction) database.exec("ROLLBACK");
    throw asStorageError(cause);
  }
}

function forgetStates(): void {
  streams.clear();
  statesById.clear();
  runs.clear();
}

function streamState(run: number, stream: string, writer: string, inherited = 0): StreamState {
  const label = `${run}/${stream}/${inherited}/${writer}`;
  const known = streams.get(label);
  if (known) return known;
  const found = sql.stream.get(run, stream, inherited, writer);
  const id = found
    ? numberIn(found, "id")
    : Number(sql.addStream.run(run, stream, inherited, writer).lastInsertRowid);
  const pending = sql.pending.get(id);
  const last = sql.lastLine.get(id)?.line;
  const state = {
    id,
    nextLine: typeof last === "number" ? last + 1 : 0,
    rows: numberIn(pending, "rows"),
    bytes: numberIn(pending, "bytes"),
    entries: numberIn(pending, "entries"),
    lastAppendMs: 0,
  };
  if (streams.size >= MAX_STATES) forgetStates();
  streams.set(label, state);
  statesById.set(id, state);
  return state;
}

function runState(run: number, stream: string): RunState {
  const label = `${run}/${stream}`;
  const known = runs.get(label);
  if (known) return known;
  const state = { lineCount: 0, nextStep: 0 };
  for (const row of sql.streamsOf.all(run, stream)) {
    const id = numberIn(row, "id");
    const last = sql.lastLine.get(id)?.line;
    if (numberIn(row, "inherited") === 0 && typeof last === "number") {
      state.lineCount = Math.max(state.lineCount, last + 1);
    }
    const step = sql.lastStep.get(id)?.step;
    if (typeof step === "number") state.nextStep = Math.max(state.nextStep, Math.floor(step) + 1);
  }
  if (runs.size >= MAX_STATES) runs.clear();
  runs.set(label, state);
  return state;
}

/** Returns the line count of (run, stream) after it, and how many of its lines were there. */
function append(entry: Entry): Appended {
  const run = runState(entry.run, entry.stream);
  const { lines, steps } = entry;
  const rows = lines.length;
  if (rows === 0) return { lineCount: run.lineCount, again: 0 };
  const first = lines[0] ?? 0;
  const last = lines[rows - 1] ?? 0;
  const stream = streamState(entry.run, entry.stream, entry.writer);
  const replaced = first < stream.nextLine ? replaceLines(stream.id, lines) : undefined;
  let minStep = Number.POSITIVE_INFINITY;
  let maxStep = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rows; i++) {
    let step = steps[i] ?? Number.NaN;
    if (Number.isNaN(step)) {
      // A line sent again keeps the step that it was given the first time.
      step = replaced?.get(lines[i] ?? 0) ?? run.nextStep;
      steps[i] = step;
    }
    if (step >= run.nextStep) run.nextStep = Math.floor(step) + 1;
    if (step < minStep) minStep = step;
    if (step > maxStep) maxStep = step;
  }
  let bytes = entry.head.length;
  for (const part of entry.parts) bytes += part.length;
  const [body = new Uint8Array(0), ...parts] = entry.parts;
  const { lastInsertRowid } = sql.add.run(
    stream.id,
    LEVEL.journal,
    rows,
    first,
    last,
    minStep,
    maxStep,
    bytes,
    encodeNumbers(lines, true),
    encodeNumbers(steps, true),
    entry.head,
    body,
  );
  for (const [i, part] of parts.entries()) sql.addPart.run(lastInsertRowid, i + 1, part);
  stream.nextLine = Math.max(stream.nextLine, last + 1);
  run.lineCount = Math.max(run.lineCount, last + 1);
  stream.rows += rows;
  stream.bytes += bytes;
  stream.entries++;
  stream.lastAppendMs = performance.now();
  const due =
    stream.rows >= (options.sealRows ?? SEAL_ROWS) ||
    stream.bytes >= SEAL_BYTES ||
    stream.entries >= SEAL_ENTRIES;
  return {
    lineCount: run.lineCount,
    again: replaced?.size ?? 0,
    ...(due ? { due: stream.id } : undefined),
  };
}

/** Marks older rows of these lines dead. Returns the steps they had. */
function replaceLines(stream: number, lines: Float64Array): Map<number, number> {
  const wanted = new Set(lines);
  const steps = new Map<number, number>();
  for (const found of sql.overlapping.all(stream, lines[0] ?? 0, lines.at(-1) ?? 0) as Row[]) {
    const dead = parseRanges(found.dead as string | null);
    const oldLines = decodeNumbers(found.lines as Uint8Array);
    const oldSteps = decodeNumbers(found.steps as Uint8Array);
    const hit: number[] = [];
    let alive = 0;
    for (const [row, line] of oldLines.entries()) {
      if (inRanges(dead, line)) continue;
      alive++;
      if (!wanted.has(line)) continue;
      hit.push(line);
      steps.set(line, oldSteps[row] ?? 0);
    }
    if (hit.length === 0) continue;
    spans.release(stream, numberIn(found, "id"));
    if (hit.length === alive) dropBlock(stream, numberIn(found, "id"));
    else sql.setDead.run(JSON.stringify(addLines(dead, hit)), numberIn(found, "id"));
  }
  return steps;
}

function dropBlock(stream: number, id: number, isJournal = false): void {
  // A journal row has none of these, and to look for them takes as long as the stream is.
  if (!isJournal) {
    sql.dropPyramids.run(stream, id);
    sql.dropColumns.run(stream, id);
  }
  sql.dropParts.run(id);
  sql.dropBlock.run(id);
  spans.dropLoose(stream, id);
}

/** Rows beyond `step` of a block that also holds others: dead; its end is moved so that what follows is appended to it. */
function cutBlock(stream: number, found: Row, step: number): void {
  const dead = parseRanges(found.dead as string | null);
  const lines = decodeNumbers(found.lines as Uint8Array);
  const steps = decodeNumbers(found.steps as Uint8Array);
  const cut: number[] = [];
  let lastLine = -1;
  let maxStep = Number.NEGATIVE_INFINITY;
  for (const [row, line] of lines.entries()) {
    if (inRanges(dead, line)) continue;
    const at = steps[row] ?? 0;
    if (at > step) {
      cut.push(line);
      continue;
    }
    lastLine = Math.max(lastLine, line);
    maxStep = Math.max(maxStep, at);
  }
  const id = numberIn(found, "id");
  if (lastLine < 0) dropBlock(stream, id);
  // The end moves even when nothing is newly dead: rows beyond may have been replaced before.
  else {
    const ranges = cut.length > 0 ? JSON.stringify(addLines(dead, cut)) : (found.dead as string | null);
    sql.setEnd.run(ranges, lastLine, maxStep, id);
  }
}

function rewind({ run, step }: { run: number; step: number }): number {
  for (const stream of sql.streamsOf.all(run, "history")) {
    const id = numberIn(stream, "id");
    spans.releaseBeyond(id, step);
    for (const found of sql.beyondStep.all(id, step) as Row[]) {
      if (numberIn(found, "min_step") > step) dropBlock(id, numberIn(found, "id"));
      else cutBlock(id, found, step);
    }
  }
  forgetStates();
  return runState(run, "history").lineCount;
}

/** Copies: the child stays whole when the parent is rewound or deleted. A fork made again replaces the first. */
function fork({ parent, child, step }: { parent: number; child: number; step: number }): void {
  if (parent === child) throw new SteelyardError("bad-request", "a run cannot be forked from itself");
  for (const old of sql.streamsOf.all(child, "history")) {
    if (numberIn(old, "inherited") === 1) dropStream(numberIn(old, "id"));
  }
  for (const [i, from] of sql.streamsOf.all(parent, "history").entries()) {
    const fromId = numberIn(from, "id");
    const toId = Number(sql.addStream.run(child, "history", 1, String(i)).lastInsertRowid);
    const pyramids = spans.pyramidsAround(fromId, step);
    const copies = new Map<number, number>();
    for (const found of sql.upToStep.all(fromId, step) as Row[]) {
      const oldId = numberIn(found, "id");
      const id = Number(sql.copyBlock.run(toId, oldId).lastInsertRowid);
      copies.set(oldId, id);
      if (found.level !== LEVEL.journal) spans.addLoose(toId, id);
      sql.copyParts.run(id, oldId);
      for (const column of sql.columnsOf.all(fromId, oldId) as Row[]) {
        const key = String(column.key);
        const pyramid = (column.body as Uint8Array | null) ?? pyramids.get(oldId)?.get(key) ?? null;
        addColumn(toId, id, key, Number(column.count), pyramid);
      }
      if (numberIn(found, "max_step") > step) cutBlock(toId, { ...found, id }, step);
    }
    spans.copy(fromId, toId, step, copies);
  }
  forgetStates();
}

function addColumn(
  stream: number,
  block: number,
  key: string,
  count: number,
  pyramid: Uint8Array | null,
): void {
  const id = pyramid ? sql.addPyramid.run(pyramid).lastInsertRowid : null;
  sql.addColumn.run(stream, key, block, count, id);
}

function dropStream(id: number): void {
  spans.dropStream(id);
  sql.dropStreamPyramids.run(id);
  sql.dropStreamColumns.run(id);
  sql.dropStreamParts.run(id);
  sql.dropStreamBlocks.run(id);
  sql.dropStream.run(id);
}

function deleteRun({ run }: { run: number }): void {
  for (const stream of sql.streamsOf.all(run, "%")) dropStream(numberIn(stream, "id"));
  forgetStates();
}

function putSealed(all: readonly Sealed[]): void {
  for (const sealed of all) putSealedStream(sealed);
}

/** Puts sealed blocks in the place of their sources, unless a source changed meanwhile. */
function putSealedStream({ stream, sources, blocks }: Sealed): void {
  const levels = sources.map(({ id, dead }) => {
    const found = sql.source.get(id);
    return found?.dead === dead ? numberIn(found, "level") : undefined;
  });
  if (levels.includes(undefined)) return;
  for (const [at, { id }] of sources.entries()) dropBlock(stream, id, levels[at] === LEVEL.journal);
  for (const block of blocks) {
    const [body = new Uint8Array(0), ...parts] = block.parts;
    const bytes = block.head.length + block.parts.reduce((sum, part) => sum + part.length, 0);
    const { lastInsertRowid } = sql.add.run(
      stream,
      block.level,
      block.rows,
      block.firstLine,
      block.lastLine,
      block.minStep,
      block.maxStep,
      bytes,
      block.lines,
      block.steps,
      block.head,
      body,
    );
    for (const [i, part] of parts.entries()) sql.addPart.run(lastInsertRowid, i + 1, part);
    spans.addLoose(stream, Number(lastInsertRowid));
    for (const { key, count, pyramid } of block.columns) {
      addColumn(stream, Number(lastInsertRowid), key, count, pyramid);
    }
  }
  const state = statesById.get(stream);
  if (!state) return;
  const pending = sql.pending.get(stream);
  state.rows = numberIn(pending, "rows");
  state.bytes = numberIn(pending, "bytes");
  state.entries = numberIn(pending, "entries");
}

function putSpan({ stream, span }: { stream: number; span: BuiltSpan }): boolean {
  return spans.put(stream, span);
}

/** Streams with journal rows and no append for `idleMs`. */
function idleStreams({ idleMs }: { idleMs: number }): number[] {
  const fresh = new Set<number>();
  const since = performance.now() - idleMs;
  for (const { id, lastAppendMs } of streams.values()) if (lastAppendMs > since) fresh.add(id);
  return sql.journalStreams
    .all()
    .map((row) => numberIn(row, "id"))
    .filter((id) => !fresh.has(id));
}

/** Streams with so many sealed blocks in no span that these may make one. */
function looseStreams({ blocks }: { blocks: number }): number[] {
  return sql.looseStreams.all(blocks).map((row) => numberIn(row, "id"));
}

const OPERATIONS: Record<string, (argument: never) => unknown> = {
  rewind,
  fork,
  deleteRun,
  putSealed,
  putSpan,
};

function appendTogether(calls: readonly Call[]): void {
  try {
    const results = commit(() => calls.map(({ argument }) => (argument as Entry[]).map(append)));
    for (const [i, { id }] of calls.entries()) answer(id, results[i]);
  } catch (cause) {
    const full = cause instanceof SteelyardError && cause.code === "storage-full";
    // One append that cannot be stored must not cost the others theirs.
    if (calls.length > 1 && !full) for (const call of calls) appendTogether([call]);
    else for (const { id } of calls) answerError(id, cause);
  }
}

callerPort().on("message", (first: Call) => {
  const calls = arrivedCalls(first);
  for (let at = 0; at < calls.length; ) {
    const appends: Call[] = [];
    while (calls[at]?.name === "append") appends.push(calls[at++] as Call);
    if (appends.length > 0) appendTogether(appends);
    const call = calls[at++];
    if (!call) continue;
    try {
      if (call.name === "close") {
        database.close();
        answer(call.id, undefined);
      } else if (call.name === "idleStreams") {
        answer(call.id, idleStreams(call.argument as { idleMs: number }));
      } else if (call.name === "looseStreams") {
        answer(call.id, looseStreams(call.argument as { blocks: number }));
      } else if (call.name === "ready") {
        answer(call.id, undefined);
      } else {
        const operation = OPERATIONS[call.name];
        if (!operation) throw new Error(`no operation ${call.name}`);
        answer(
          call.id,
          commit(() => operation(call.argument as never)),
        );
      }
    } catch (cause) {
      answerError(call.id, cause);
    }
  }
});
