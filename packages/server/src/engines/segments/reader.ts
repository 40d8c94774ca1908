import { workerData } from "node:worker_threads";
import type { RowsQuestion, Series, SeriesQuestion, StreamName } from "../../ports/metric-store.ts";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { answerDerived } from "./derived.ts";
import { answerKeyNames, answerKeys } from "./key-reads.ts";
import {
  answerConsole,
  answerConsoleSearch,
  answerLastStep,
  answerLineCounts,
  answerRows,
  answerTail,
} from "./row-reads.ts";
import { answerSeries } from "./series.ts";
import { StoredBlocks } from "./stored.ts";
import { answerVersions } from "./versions.ts";

/** The worker that reads: every question of the port, each on one state of the file, beside the writer. */

const stored = new StoredBlocks((workerData as { path: string }).path);

export interface SeriesReply {
  series: Series[];
  /** A line for each block that could not be read. */
  damaged: string[];
}

const QUESTIONS: Record<string, (...arguments_: never[]) => unknown> = {
  series: (question: SeriesQuestion, cancelled: Int32Array | undefined): SeriesReply => {
    const damaged: string[] = [];
    const proceed = () => {
      if (cancelled && Atomics.load(cancelled, 0) !== 0)
        throw new Error("nobody waits for this answer any more");
    };
    const series = answerSeries(stored, question, damaged, proceed);
    return { series: [...series, ...answerDerived(stored, question, damaged, proceed)], damaged };
  },
  versions: (runs: readonly number[], stream: "history" | "events") => answerVersions(stored, runs, stream),
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
    answer(id, value, name === "series" ? buffersOf(value as SeriesReply) : []);
  } catch (cause) {
    answerError(id, cause);
  }
});

function buffersOf({ series }: SeriesReply): ArrayBuffer[] {
  return series.flatMap((one) =>
    Object.values(one)
      .filter((column) => column instanceof Float64Array)
      .map((column) => column.buffer as ArrayBuffer),
  );
}
