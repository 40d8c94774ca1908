import { workerData } from "node:worker_threads";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type {
  ColumnsQuestion,
  RowColumns,
  RowsQuestion,
  SeriesQuestion,
  StreamName,
} from "../../ports/metric-store.ts";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { answerColumns, buffersOfColumns } from "./column-reads.ts";
import { answerDerived } from "./derived.ts";
import { answerKeyNames, answerKeys, answerKeysJson } from "./key-reads.ts";
import { type Line, linesOf } from "./lines.ts";
import { Room } from "./room.ts";
import {
  answerConsole,
  answerConsoleSearch,
  answerLastStep,
  answerLineCounts,
  answerRows,
  answerTail,
} from "./row-reads.ts";
import { answerSeries, type Grids, gridsOf } from "./series.ts";
import { packSeries, type SeriesReply } from "./series-reply.ts";
import { StoredBlocks } from "./stored.ts";
import { answerVersions } from "./versions.ts";

/** A worker that reads: every question of the port, each on one state of the file, beside the writer. */

const { path, cacheBytes, opening } = workerData as ReaderData;
const stored = new StoredBlocks(path, { heads: cacheBytes, decoded: cacheBytes });

export interface ReaderData {
  path: string;
  /** Of heads, and as many of decoded columns and pyramids. */
  cacheBytes: number;
  /** Another one each time the store is opened, the same for all its readers. */
  opening: string;
}

/** What one reader says of its runs before they are drawn; `damaged`: a line for each block that could not be read. */
export interface GridsReply {
  grids: Grids;
  damaged: string[];
}

/** Of the last question, so that asking for its grids and then for its buckets looks for its lines once. */
let lastLines: { question: string; version: number; lines: Line[] } | undefined;

function linesOnce(question: SeriesQuestion, damaged: string[], proceed: () => void): Line[] {
  const text = JSON.stringify(question);
  const version = stored.version();
  if (lastLines?.question !== text || lastLines.version !== version) {
    lastLines = { question: text, version, lines: linesOf(stored, question, damaged, proceed) };
  }
  return lastLines.lines;
}

type Cancelled = Int32Array | undefined;

/** Called before each run: throws when nobody waits any more. */
function proceedUnless(cancelled: Cancelled): () => void {
  return () => {
    if (cancelled && Atomics.load(cancelled, 0) !== 0)
      throw new Error("nobody waits for this answer any more");
  };
}

function grids(question: SeriesQuestion, cancelled: Cancelled): GridsReply {
  const damaged: string[] = [];
  const lines = linesOnce(question, damaged, proceedUnless(cancelled));
  return { grids: gridsOf(stored, question, lines, damaged), damaged };
}

/** `given`: the grids of a chart that other readers have runs of as well. */
function series(question: SeriesQuestion, cancelled: Cancelled, given?: Grids): SeriesReply {
  const damaged: string[] = [];
  const proceed = proceedUnless(cancelled);
  const lines = linesOnce(question, damaged, proceed);
  lastLines = undefined;
  const room = roomOf(question);
  const of = given ?? gridsOf(stored, question, lines, damaged);
  const answers = answerSeries(stored, question, lines, of, room, damaged, proceed);
  return packSeries(answers, question.keys, room, damaged);
}

function derived(question: SeriesQuestion, cancelled: Cancelled): SeriesReply {
  const damaged: string[] = [];
  const room = roomOf(question);
  const answers = answerDerived(stored, question, room, damaged, proceedUnless(cancelled));
  return packSeries(answers, question.expressions ?? [], room, damaged);
}

function roomOf({ columns }: SeriesQuestion): Room {
  return new Room(columns ?? SERIES_COLUMNS);
}

const QUESTIONS: Record<string, (...arguments_: never[]) => unknown> = {
  grids,
  series,
  derived,
  versions: (runs: readonly number[], stream: "history" | "events") =>
    answerVersions(stored, opening, runs, stream),
  rows: (question: RowsQuestion) => answerRows(stored, question),
  columns: (question: ColumnsQuestion) => answerColumns(stored, question),
  keys: (run: number, stream: "history" | "events") => answerKeys(stored, run, stream),
  keysJson: (run: number, stream: "history" | "events") => answerKeysJson(stored, run, stream),
  keyNames: (runs: readonly number[], stream: "history" | "events") => answerKeyNames(stored, runs, stream),
  lineCounts: (run: number) => answerLineCounts(stored, run),
  lastStep: (run: number) => answerLastStep(stored, run),
  tail: (run: number, stream: StreamName, n: number) => answerTail(stored, run, stream, n),
  consoleLines: (run: number, from: number, limit: number) => answerConsole(stored, run, from, limit),
  searchConsole: (run: number, needle: string, from: number, to: number) =>
    answerConsoleSearch(stored, run, needle, from, to),
  counts: () => stored.counts(),
};

callerPort().on("message", ({ id, name, argument }: Call) => {
  try {
    if (name === "close") {
      stored.database.close();
      answer(id, undefined);
      return;
    }
    const question = QUESTIONS[name];
    if (!question) throw new Error(`no question ${name}`);
    const value = stored.snapshot(() => question(...(argument as never[])));
    answer(id, value, buffersOf(name, value));
  } catch (cause) {
    answerError(id, cause);
  }
});

/** What moves to who asked without a copy. */
function buffersOf(question: string, value: unknown): ArrayBuffer[] {
  if (question === "series" || question === "derived") return (value as SeriesReply).buffers;
  if (question === "keysJson") return (value as Uint8Array<ArrayBuffer>[]).map(({ buffer }) => buffer);
  return question === "columns" ? buffersOfColumns(value as RowColumns) : [];
}
