import type { SeriesColumn } from "@steelyard/protocol/series";

/**
 * The store of everything that is logged by step or by line number: history rows, system-metric rows
 * ("events") and console lines. Engines: `engines/segments` (one machine).
 *
 * Contract, for every engine:
 * - **Durable before acknowledged**: when `append` resolves, the lines survive kill -9 of the process.
 * - **Idempotent by position**: a line is known by (run, stream, writer, line number). The same line sent twice is
 *   stored once; another content at a stored number replaces it (the last write wins).
 * - A row whose text is not a JSON object is refused by itself, named in the answer, and costs no other row.
 * - Reads see every acknowledged row, sealed or not, and never load a whole run to answer a chart.
 * - `run` is the catalog's number of the run (`runs.id`), never its public name.
 */

/** history = `wandb-history.jsonl`, events = `wandb-events.jsonl` (system metrics), console = `output.log`. */
export type StreamName = "history" | "events" | "console";

export interface AppendBatch {
  run: number;
  stream: StreamName;
  /** Id of the writer in shared mode; "" for the one writer of an ordinary run. */
  writer: string;
  /** Number of the first line of `lines`, counted from 0 within (run, stream, writer). */
  offset: number;
  /**
   * History and events: one JSON object each, in the client's dialect (bare NaN, Infinity, -Infinity are allowed).
   * Console: text lines as sent (structured console lines are JSON text; the store does not look inside).
   */
  lines: readonly string[];
}

export interface RejectedLine {
  /** Line number as the client counts. */
  line: number;
  reason: string;
}

export interface AppendResult {
  /** 1 + the highest line number ever stored for (run, stream) over all writers; what `historyLineCount` says. */
  lineCount: number;
  /** Values in the stored lines of this batch: what a row of k keys has k of. */
  points: number;
  /** Lines of this batch whose number was taken, by the same content or other. */
  again: number;
  rejected: RejectedLine[];
}

/**
 * What the horizontal axis is. `relative` = `_runtime`, seconds in which a process of the run ran; `relative-wall` =
 * seconds since the run first started, pauses included; `wall` = `_timestamp`, unix seconds.
 */
export type XAxis = { kind: "step" | "relative" | "relative-wall" | "wall" } | { kind: "key"; key: string };

export interface SeriesQuestion {
  runs: readonly number[];
  /** Dotted keys: nested objects are flattened, `{"a": {"b": 1}}` is `a.b`. */
  keys: readonly string[];
  /**
   * Expressions over keys, in the language of `@steelyard/protocol/expressions`, of which each is answered as a key is: of
   * the rows that have all its keys, its value, in buckets that are true of these values.
   */
  expressions?: readonly string[];
  stream: "history" | "events";
  x: XAxis;
  /** Inclusive range of x; absent = everything. */
  min?: number;
  max?: number;
  /** Number of buckets wanted over the range; a run with no more points than this is answered exactly, a point a bucket. */
  buckets: number;
  /** Those the answer has; absent = all. What is not asked for is empty, and costs nothing. */
  columns?: readonly SeriesColumn[];
}

/**
 * One run × key. Columns of equal length, ascending x, empty buckets left out; of columns that were not asked for,
 * length 0.
 * min/max/first/last/mean are over the finite values of the bucket; a bucket with only NaN or ±Infinity has count 0
 * and non-zero `nonFinite`, and its values are NaN: a gap for the chart. Only `last` of an exact answer is what was
 * logged, ±Infinity included.
 */
export interface Series {
  run: number;
  /** Or the expression, as it was asked. */
  key: string;
  expression?: true;
  /** True when every bucket is one logged point: nothing was summarised. */
  exact: boolean;
  /** Points behind this answer. */
  points: number;
  /** x of the first and of the last point in the bucket (equal when exact). */
  xFirst: Float64Array;
  xLast: Float64Array;
  min: Float64Array;
  max: Float64Array;
  mean: Float64Array;
  first: Float64Array;
  last: Float64Array;
  count: Float64Array;
  nonFinite: Float64Array;
  /** Of `nonFinite`, those that are Infinity and -Infinity; the others are NaN. */
  infinite: Float64Array;
  negativeInfinite: Float64Array;
}

export interface KeyInfo {
  key: string;
  /** Type name → number of values: `number`, `string`, `boolean`, `null`, `list`, `map`, or a media `_type` such as `image-file`. */
  types: Record<string, number>;
  count: number;
  /** Over finite numbers; absent when there is none. */
  min?: number;
  max?: number;
  last?: unknown;
  lastStep: number;
  /** True while the numbers never decreased. Of rows that came out of the order of their steps it may be either. */
  monotonic: boolean;
}

export interface RowsQuestion {
  run: number;
  stream: "history" | "events";
  /** Inclusive. */
  minStep?: number;
  /** Exclusive. */
  maxStep?: number;
  /** Only rows that have all of these (dotted) keys, and only these keys in them. Absent = whole rows. */
  keys?: readonly string[];
  /** Most rows to return, evenly spread over the range, first and last included. Absent = all. */
  samples?: number;
  /** Stop after this many rows (a page). */
  limit?: number;
}

/** Rows by column: the first `limit`, and those that share the step of the last of them. */
export interface ColumnsQuestion {
  run: number;
  stream: "history" | "events";
  /** Only these (dotted) keys, of every row; others cost nothing. Absent = whole rows. */
  keys?: readonly string[] | undefined;
  /** Inclusive. */
  minStep?: number | undefined;
  /** Exclusive. */
  maxStep?: number | undefined;
  /** Only rows behind this step: the last one of the page before. */
  after?: number | undefined;
  /** About as many rows; at least one block of them is answered. */
  limit: number;
}

/** A column is as long as there are rows; a key whose values are numbers in some rows and others in others has both kinds. */
export interface RowColumns {
  /** Of each row, ascending. */
  steps: Float64Array;
  columns: KeyColumn[];
}

export type KeyColumn = { key: string } & (
  | {
      numbers: Float64Array;
      /** Rows that have one: 1; undefined: all of them. */
      has: Uint8Array | undefined;
    }
  | {
      /** JSON, with bare `NaN` and `Infinity`; undefined: the row has none. */
      texts: readonly (string | undefined)[];
    }
);

export interface ConsoleLine {
  number: number;
  writer: string;
  text: string;
}

export interface MetricStore {
  /** All batches in one durable commit; results in the same order. Throws `storage-full` / `unavailable` with nothing stored. */
  append(batches: readonly AppendBatch[]): Promise<AppendResult[]>;

  /**
   * Bucketed series, the question of every chart. The answer has an entry for each run × key that has any point. Once
   * `signal` is aborted, the work ends before the next run and the answer is refused with its reason.
   */
  series(question: SeriesQuestion, signal?: AbortSignal): Promise<Series[]>;

  /**
   * For each run a short opaque text that is another one whenever the rows of the stream may be others than before; read
   * without reading data. Taken before a question, it is never newer than the answer.
   */
  versions(runs: readonly number[], stream: "history" | "events"): Promise<string[]>;

  /** Rows as JSON text exactly as logged (whole rows), or re-made of the asked keys; ascending step. */
  rows(question: RowsQuestion): Promise<string[]>;
  /** The same rows by column, or what they have of some keys. */
  columns(question: ColumnsQuestion): Promise<RowColumns>;

  /** Every key of a run with types, counts, extremes and last value. */
  keys(run: number, stream: "history" | "events"): Promise<KeyInfo[]>;
  /**
   * The same list as JSON (with bare `NaN` and `Infinity`), in pieces to send one after the other: of 100,000 keys the
   * thread that answers everybody makes neither objects nor text.
   */
  keysJson(run: number, stream: "history" | "events"): Promise<Uint8Array<ArrayBuffer>[]>;
  /** Union of numeric key names of many runs, sorted. */
  keyNames(runs: readonly number[], stream: "history" | "events"): Promise<string[]>;

  lineCounts(run: number): Promise<Record<StreamName, number>>;
  /** Last step stored in history, -1 when there is none. */
  lastStep(run: number): Promise<number>;
  /** The last n raw lines, ascending. */
  tail(run: number, stream: StreamName, n: number): Promise<string[]>;

  /**
   * Console lines by number, ascending, from `from` (inclusive): those of the first `limit` numbers. Of several writers
   * each counts its own, so that a number may have several lines.
   */
  consoleLines(run: number, from: number, limit: number): Promise<ConsoleLine[]>;
  /** Numbers of console lines whose text contains `needle` (case-insensitive), at most `limit`, from `from`. */
  searchConsole(run: number, needle: string, from: number, limit: number): Promise<number[]>;

  /** Keep only history rows with `_step` ≤ step; the rest is unreachable. Returns the lines left. */
  rewind(run: number, step: number): Promise<number>;
  /** Make the history of `parent` up to and including `step` readable as the beginning of `child`; its own line numbers still start at 0. */
  fork(parent: number, child: number, step: number): Promise<void>;
  /** Remove everything of a run. Idempotent. */
  deleteRun(run: number): Promise<void>;

  /** Questions are near: start what an idle store does without, so that the first need not wait for it. */
  wake(): void;
  /** On disk. Asked every few seconds, of an idle store too. */
  bytes(): number;
  /** Bytes on disk and what is in them. */
  stats(): Promise<{ bytes: number; journalRows: number; sealedChunks: number }>;
  /** Seal what can be sealed, close files. Nothing acknowledged depends on it. */
  close(): Promise<void>;
}
