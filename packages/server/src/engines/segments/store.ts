import { randomUUID } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { SteelyardError } from "../../errors.ts";
import type {
  AppendBatch,
  AppendResult,
  ColumnsQuestion,
  ConsoleLine,
  KeyInfo,
  MetricStore,
  RejectedLine,
  RowColumns,
  RowsQuestion,
  Series,
  SeriesQuestion,
  StreamName,
} from "../../ports/metric-store.ts";
import { CalledWorker } from "../worker-calls.ts";
import type { DatabaseOptions } from "./database.ts";
import type { ReaderData } from "./reader.ts";
import { Readers } from "./readers.ts";
import { parseRows, textRows } from "./rows.ts";
import type { SealedStreams } from "./sealer.ts";
import type { BuiltSpan } from "./span.ts";
import type { Appended, Entry } from "./writer.ts";

export interface SegmentsOptions extends DatabaseOptions {
  /** Told once of each damaged block that a read or the sealer met; the line says what to do. */
  onDamage?: (line: string) => void;
}

/** How often streams that went quiet are looked for, and how long quiet is. */
const IDLE_CHECK_MS = 15_000;
const IDLE_MS = 30_000;
/** When streams are looked for whose blocks were left without a span: by a close, or by an earlier version. */
const LOOSE_CHECK_MS = 1000;
const LOOSE_BLOCKS = 16;
/** Sealing at close stops after this: the journal keeps the rest. */
const CLOSE_BUDGET_MS = 2_000;
/**
 * MB for what is thrown away at once. V8 lets that grow to 192 on a machine of 24 GB and seldom gives it back; with these no
 * thread needs more processor time (readers do with 24).
 */
const YOUNG_GENERATION_MB = { writer: 24, sealer: 24, reader: 48 };
/** Console lines looked through in one question: some 20 ms. */
const SEARCHED_AT_ONCE = 50_000;
/** Streams sealed in one commit: enough to share its cost, few enough that no append waits long for it. */
const SEALED_TOGETHER = 16;
const MAX_REMEMBERED_DAMAGE = 1000;

/**
 * The metric store of one machine: a SQLite file of its own. Threads: this one parses lines into columns, `writer`
 * commits them, `sealer` compresses what lies in the journal, some `reader` answer. See docs/formats/segments.md.
 */
export async function openSegments(path: string, options: SegmentsOptions = {}): Promise<MetricStore> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { onDamage, ...database } = options;
  const writer = startWorker("writer", { path, options: database });
  // Those that read open the file for reading only: it must be there.
  await writer.call("ready", undefined).catch((cause: Error) => {
    // Why it did not start (a newer format, a folder without permission) is the message worth reading.
    throw cause.cause ?? cause;
  });
  return new Segments(path, writer, onDamage ?? (() => {}));
}

function startWorker(name: keyof typeof YOUNG_GENERATION_MB, workerData: unknown): CalledWorker {
  const limits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB[name] };
  return new CalledWorker("metric store", import.meta.url, name, workerData, limits);
}

class Segments implements MetricStore {
  readonly #path: string;
  readonly #writer: CalledWorker;
  /** Started by the first stream to seal: an idle server does without its memory. */
  #sealer: CalledWorker | undefined;
  readonly #readers: Readers;
  readonly #onDamage: (line: string) => void;
  readonly #damage = new Set<string>();
  readonly #due = new Set<number>();
  /** Streams the sealer failed on: left in the journal, where they can be read, until the next start. */
  readonly #unsealable = new Set<number>();
  readonly #idleTimer: NodeJS.Timeout;
  readonly #looseTimer: NodeJS.Timeout;
  #sealing: Promise<void> | undefined;
  #sealUntilMs = Number.POSITIVE_INFINITY;

  constructor(path: string, writer: CalledWorker, onDamage: (line: string) => void) {
    this.#path = path;
    this.#writer = writer;
    const opening = randomUUID();
    this.#readers = new Readers((cacheBytes) =>
      startWorker("reader", { path, cacheBytes, opening } satisfies ReaderData),
    );
    this.#onDamage = onDamage;
    const sealStreams = (name: string, argument: unknown) => void this.#sealAll(name, argument);
    this.#idleTimer = setInterval(sealStreams, IDLE_CHECK_MS, "idleStreams", { idleMs: IDLE_MS }).unref();
    this.#looseTimer = setTimeout(sealStreams, LOOSE_CHECK_MS, "looseStreams", {
      blocks: LOOSE_BLOCKS,
    }).unref();
  }

  /** Lines end here: what waits for the commit are columns. */
  append(batches: readonly AppendBatch[]): Promise<AppendResult[]> {
    try {
      return this.#append(batches.map(prepareEntry));
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  async #append(prepared: readonly PreparedEntry[]): Promise<AppendResult[]> {
    const entries = prepared.map(({ entry }) => entry);
    const results = await this.#writer.call<Appended[]>("append", entries, entries.flatMap(buffersOf));
    for (const { due } of results) if (due !== undefined) this.#sealSoon(due);
    return results.map(({ lineCount, again }, i) => ({
      lineCount,
      again,
      points: prepared[i]?.points ?? 0,
      rejected: prepared[i]?.rejected ?? [],
    }));
  }

  async series(question: SeriesQuestion, signal?: AbortSignal): Promise<Series[]> {
    signal?.throwIfAborted();
    // The readers look at it between runs: they cannot hear a message while they work.
    const cancelled = signal && new Int32Array(new SharedArrayBuffer(4));
    const cancel = () => void (cancelled && Atomics.store(cancelled, 0, 1));
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const { series, damaged } = await this.#readers.series(question, cancelled);
      for (const line of damaged) this.#reportDamage(line);
      return series;
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  versions(runs: readonly number[], stream: "history" | "events"): Promise<string[]> {
    return this.#ask("versions", runs, stream);
  }

  rows(question: RowsQuestion): Promise<string[]> {
    return this.#ask("rows", question);
  }

  columns(question: ColumnsQuestion): Promise<RowColumns> {
    return this.#ask("columns", question);
  }

  keys(run: number, stream: "history" | "events"): Promise<KeyInfo[]> {
    return this.#ask("keys", run, stream);
  }

  keysJson(run: number, stream: "history" | "events"): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#ask("keysJson", run, stream);
  }

  keyNames(runs: readonly number[], stream: "history" | "events"): Promise<string[]> {
    return this.#ask("keyNames", runs, stream);
  }

  lineCounts(run: number): Promise<Record<StreamName, number>> {
    return this.#ask("lineCounts", run);
  }

  lastStep(run: number): Promise<number> {
    return this.#ask("lastStep", run);
  }

  tail(run: number, stream: StreamName, n: number): Promise<string[]> {
    return this.#ask("tail", run, stream, n);
  }

  consoleLines(run: number, from: number, limit: number): Promise<ConsoleLine[]> {
    return this.#ask("consoleLines", run, from, limit);
  }

  /** In steps, so that the one reader has turns for others between them. */
  async searchConsole(run: number, needle: string, from: number, limit: number): Promise<number[]> {
    const found: number[] = [];
    for (let at = from, more = true; more && found.length < limit; at += SEARCHED_AT_ONCE) {
      const step = await this.#ask<{ numbers: number[]; more: boolean }>(
        "searchConsole",
        run,
        needle,
        at,
        at + SEARCHED_AT_ONCE,
      );
      for (const number of step.numbers) found.push(number);
      more = step.more;
    }
    return found.slice(0, Math.max(0, limit));
  }

  rewind(run: number, step: number): Promise<number> {
    return this.#writer.call("rewind", { run, step });
  }

  fork(parent: number, child: number, step: number): Promise<void> {
    return this.#writer.call("fork", { parent, child, step });
  }

  deleteRun(run: number): Promise<void> {
    return this.#writer.call("deleteRun", { run });
  }

  async stats(): Promise<{ bytes: number; journalRows: number; sealedChunks: number }> {
    const counts = await this.#ask<{ journalRows: number; sealedChunks: number }>("counts");
    return { bytes: this.bytes(), ...counts };
  }

  bytes(): number {
    let bytes = 0;
    for (const suffix of ["", "-wal"]) {
      bytes += statSync(this.#path + suffix, { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  wake(): void {
    this.#readers.wake();
  }

  async close(): Promise<void> {
    clearInterval(this.#idleTimer);
    clearTimeout(this.#looseTimer);
    this.#sealUntilMs = performance.now() + CLOSE_BUDGET_MS;
    await this.#sealAll("idleStreams", { idleMs: 0 });
    await this.#sealing;
    // The writer last: the last connection folds the write-ahead log into the file.
    for (const worker of [this.#sealer, ...this.#readers.workers, this.#writer]) {
      await worker?.call("close", undefined);
      await worker?.end();
    }
  }

  async #ask<T>(name: string, ...arguments_: unknown[]): Promise<T> {
    return this.#readers.ask<T>(name, arguments_);
  }

  /** The streams that the writer names. */
  async #sealAll(name: string, argument: unknown): Promise<void> {
    try {
      for (const stream of await this.#writer.call<number[]>(name, argument)) this.#sealSoon(stream);
    } catch {
      // The store is stopping, and appends say so; nothing depends on sealing.
    }
  }

  #sealSoon(stream: number): void {
    if (this.#unsealable.has(stream)) return;
    this.#due.add(stream);
    this.#sealing ??= this.#seal().finally(() => {
      this.#sealing = undefined;
    });
  }

  /**
   * A few small streams or one large at a time, in one commit. A failure costs space and speed, never data: the journal
   * keeps its rows.
   */
  async #seal(): Promise<void> {
    this.#sealer ??= startWorker("sealer", { path: this.#path });
    const sealer = this.#sealer;
    while (this.#due.size > 0 && performance.now() < this.#sealUntilMs) {
      const streams = [...this.#due].slice(0, SEALED_TOGETHER);
      try {
        const { sealed, buffers, failed, done } = await sealer.call<SealedStreams>("seal", streams);
        for (const { stream, message } of failed) this.#leaveUnsealed(stream, message);
        for (const stream of streams.slice(0, done)) this.#due.delete(stream);
        if (sealed.length > 0) await this.#writer.call("putSealed", sealed, buffers);
        for (const stream of streams.slice(0, done)) await this.#spanAll(sealer, stream);
      } catch (cause) {
        for (const stream of streams) {
          this.#due.delete(stream);
          // A full disk passes; what cannot be read does not.
          if (!(cause instanceof SteelyardError) || cause.code === "internal")
            this.#leaveUnsealed(stream, (cause as Error).message);
        }
      }
    }
    this.#due.clear();
  }

  #leaveUnsealed(stream: number, why: string): void {
    this.#unsealable.add(stream);
    this.#reportDamage(`stream ${stream} stays unsealed: ${why}`);
  }

  /** Its blocks are sealed without: a failure costs speed alone. */
  async #spanAll(sealer: CalledWorker, stream: number): Promise<void> {
    try {
      while (performance.now() < this.#sealUntilMs) {
        const span = await sealer.call<BuiltSpan | undefined>("span", stream);
        if (!span || !(await this.#writer.call<boolean>("putSpan", { stream, span }))) return;
      }
    } catch (cause) {
      if (cause instanceof SteelyardError && cause.code !== "internal") return;
      this.#reportDamage(`stream ${stream} has blocks that stay without a span: ${(cause as Error).message}`);
    }
  }

  #reportDamage(line: string): void {
    if (this.#damage.has(line) || this.#damage.size >= MAX_REMEMBERED_DAMAGE) return;
    this.#damage.add(line);
    this.#onDamage(line);
  }
}

interface PreparedEntry {
  entry: Entry;
  points: number;
  rejected: RejectedLine[];
}

function prepareEntry({ run, stream, writer, offset, lines }: AppendBatch): PreparedEntry {
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(offset + lines.length)) {
    throw new SteelyardError("bad-request", "the offset of lines is a whole number from 0 on");
  }
  const { block, rejected } =
    stream === "console" ? { block: textRows(lines, offset), rejected: [] } : parseRows(lines, offset);
  const entry = {
    run,
    stream,
    writer,
    lines: new Float64Array(block.lines),
    steps: new Float64Array(block.steps),
    ...block.encode(true),
  };
  return { entry, points: block.values, rejected };
}

/** What moves to the writer's thread without a copy. */
function buffersOf({ lines, steps, head, parts }: Entry): ArrayBuffer[] {
  return [lines, steps, head, ...parts].map(({ buffer }) => buffer as ArrayBuffer);
}
