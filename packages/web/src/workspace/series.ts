import {
  decodeSeries,
  type SeriesAnswer,
  type SeriesColumn,
  type SeriesQuestion,
  type SeriesReply,
  type SeriesRequest,
} from "@steelyard/protocol/series";
import { request } from "../api/client.ts";
import { type Answered, AnswersBefore, commonVersions, renewed } from "./answers-before.ts";

/** One key of one chart. */
export type KeyQuestion = Pick<SeriesRequest, "entity" | "project" | "runs"> &
  Omit<SeriesQuestion, "keys" | "columns"> & { key: string };

interface Waiting {
  question: KeyQuestion;
  signal: AbortSignal | undefined;
  /** Of the same question, when it was sent. */
  before?: Answered | undefined;
  resolve: (answers: SeriesAnswer[]) => void;
  reject: (error: unknown) => void;
}

/** Panels that come into view together ask together: one request per set of runs. */
const WINDOW_MS = 8;
const MAX_KEYS = 24;
/** Runs × keys of a request: a hundred runs come chart by chart, and the first is drawn while the next are on their way. */
const MAX_LINES = 100;
const MAX_IN_FLIGHT = 4;
/** What lines, bands, tables and tooltips are made of. */
const COLUMNS: SeriesColumn[] = ["xFirst", "xLast", "min", "max", "last", "count", "nonFinite"];

let waiting: Waiting[] = [];
let _timer: ReturnType<typeof setTimeout> | undefined;
let inFlight = 0;
const queued: (() => void)[] = [];
const answersBefore = new AnswersBefore();

/** When nobody waits for any answer of a request any more, it is taken back. */
export function loadSeries(question: KeyQuestion, signal?: AbortSignal): Promise<SeriesAnswer[]> {
  return new Promise((resolve, reject) => {
    waiting.push({ question, signal, resolve, reject });
    _timer ??= setTimeout(flush, WINDOW_MS);
  });
}

function flush(): void {
  _timer = undefined;
  const asked = waiting.filter(({ signal, reject }) => {
    if (signal?.aborted) reject(signal.reason);
    return !signal?.aborted;
  });
  waiting = [];
  const together = Map.groupBy(asked, ({ question: { entity, project, runs, stream } }) =>
    JSON.stringify([entity, project, runs, stream]),
  );
  for (const group of together.values()) {
    const runs = group[0]?.question.runs.length ?? 1;
    const keys = Math.min(MAX_KEYS, Math.max(1, Math.floor(MAX_LINES / runs)));
    for (let at = 0; at < group.length; at += keys) enqueue(group.slice(at, at + keys));
  }
}

function enqueue(group: Waiting[]): void {
  const start = () => {
    inFlight++;
    void ask(group).finally(() => {
      inFlight--;
      queued.shift()?.();
    });
  };
  if (inFlight < MAX_IN_FLIGHT) start();
  else queued.push(start);
}

async function ask(group: Waiting[]): Promise<void> {
  const first = group[0]?.question;
  if (!first) return;
  const { entity, project, runs } = first;
  for (const one of group) one.before = answersBefore.of(one.question);
  const charts = [...Map.groupBy(group, ({ question }) => chartOf(question)).values()];
  try {
    const response = await request("/api/v1/series", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        entity,
        project,
        runs,
        questions: charts.map(questionOf),
        have: commonVersions(group.map(({ before }) => before)),
      } satisfies SeriesRequest),
      signal: signalOf(group),
    });
    const reply = decodeSeries(await response.arrayBuffer());
    for (const [at, chart] of charts.entries()) for (const one of chart) settle(one, reply, at);
  } catch (error) {
    for (const one of group) one.reject(error);
  }
}

/** What the keys of one chart have in common. */
function chartOf({ x, min, max, buckets }: KeyQuestion): string {
  return JSON.stringify([x, min, max, buckets]);
}

function questionOf(chart: readonly Waiting[]): SeriesQuestion {
  const { stream, x, min, max, buckets } = (chart[0] as Waiting).question;
  const keys = [...new Set(chart.map(({ question }) => question.key))];
  return { keys, stream, x, min, max, buckets, columns: COLUMNS } as SeriesQuestion;
}

function settle({ question, before, resolve }: Waiting, { runs, questions }: SeriesReply, at: number): void {
  const { series = [], unchanged = [] } = questions[at] ?? {};
  const fresh = series.filter(({ key }) => key === question.key);
  const answered = renewed(before, runs, fresh, unchanged);
  answersBefore.remember(question, answered);
  resolve(answered.answers);
}

function signalOf(group: readonly Waiting[]): AbortSignal {
  const controller = new AbortController();
  for (const { signal } of group) {
    signal?.addEventListener("abort", () => {
      if (group.every((one) => one.signal?.aborted)) controller.abort(signal.reason);
    });
  }
  return controller.signal;
}
