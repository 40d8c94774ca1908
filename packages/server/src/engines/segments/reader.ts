import { workerData } from "node:worker_threads";
import {
  type RowsQuestion,
  SERIES_COLUMNS,
  type SeriesQuestion,
  type StreamName,
} from "../../ports/metric-store.ts";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { Room } from "./buckets.ts";
import { answerKeyNames, answerKeys } from "./key-reads.ts";
import { type Line, linesOf } from "./lines.ts";
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

/** A worker that reads: every question of the port, each on one state of the file, beside the writer. */

const { path, cacheBytes } = workerData as { path: string; cacheBytes: number };
const stored = new StoredBlocks(path, cacheBytes);

/** What one reader says of its runs before they are drawn; `damaged`: a line for each block that could not be read. */
export interface GridsReply {
  grids: Grids;
  damaged: string[];
}

/** Of the last question, so that asking for its grids and then for its buckets looks for its lines once. */
let lastLines: { question: string; version: number; lines: Line[] } | undefined;

function linesOnce(question: SeriesQuestion, damaged: string[]): Line[] {
  const text = JSON.stringify(question);
  const version = stored.version();
  if (lastLines?.question !== text || lastLines.version !== version) {
    lastLines = { question: text, version, lines: linesOf(stored, question, damaged) };
  }
  return lastLines.lines;
}

function grids(question: SeriesQuestion): GridsReply {
  const damaged: string[] = [];
  return { grids: gridsOf(stored, question, linesOnce(question, damaged), damaged), damaged };
}

/** `given`: the grids of a chart that other readers have runs of as well. */
function series(question: SeriesQuestion, given?: Grids): SeriesReply {
  const damaged: string[] = [];
  const lines = linesOnce(question, damaged);
  lastLines = undefined;
  const room = new Room(question.columns ?? SERIES_COLUMNS);
  const of = given ?? gridsOf(stored, question, lines, damaged);
  return packSeries(answerSeries(stored, question, lines, of, room, damaged), question.keys, room, damaged);
}

const QUESTIONS: Record<string, (...arguments_: never[]) => unknown> = {
  grids,
  series,
  rows: (question: RowsQuestion) => answerRows(stored, question),
  keys: (run: number, stream: "history" | "events") => answerKeys(stored, run, stream),
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
    answer(id, value, name === "series" ? (value as SeriesReply).buffers : []);
  } catch (cause) {
    answerError(id, cause);
  }
});
