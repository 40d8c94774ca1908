import {
  openSeries,
  type QuestionAnswer,
  type RunVersion,
  SERIES_LIMITS,
  type SeriesAnswer,
  type SeriesColumn,
  type SeriesQuestion,
  type SeriesRequest,
} from "@steelyard/protocol/series";
import { requestBytes } from "../api/client.ts";
import { inTurn } from "../charts/frame-queue.ts";
import { type Answered, AnswersBefore, commonMarks, commonVersions, renewed } from "./answers-before.ts";
import { lineOfGroup } from "./grouping.ts";
import { type Frame, frameOf, hasFrame } from "./live-frame.ts";

/** One key of one chart. */
export type KeyQuestion = Pick<SeriesRequest, "entity" | "project" | "runs"> &
  Omit<SeriesQuestion, "keys" | "expressions" | "columns"> & {
    key: string;
    /** The key is one. */
    expression?: true;
  };

/** Whose answer somebody looks at waits for nobody else's. */
export type Urgency = "seen" | "near";

interface Waiting {
  question: KeyQuestion;
  urgency: Urgency;
  /** As of a job: where its panel is by now. */
  distance: () => number;
  signal: AbortSignal | undefined;
  /** What is known of the answer; undefined: nothing that can be used. */
  before: Answered | undefined;
  /** Asked with. */
  frame: Frame | undefined;
  resolve: (answers: SeriesAnswer[]) => void;
  reject: (error: unknown) => void;
}

/** Panels that come into view together ask together: one request for all of them. */
const WINDOW_MS = 8;
const MAX_IN_FLIGHT = 4;
/** To read it, and for a panel to make of it what it draws; about. */
const MS_PER_BUCKET = 1e-4;
/** Of a request; a chart that is followed asks one more for what lies beyond its frame. */
const MAX_CHARTS = SERIES_LIMITS.questions / 2;
/** What lines, bands, tables and tooltips are made of. */
const COLUMNS: SeriesColumn[] = [
  ...(["xFirst", "xLast", "min", "max", "last", "count"] as const),
  ...(["nonFinite", "infinite", "negativeInfinite"] as const),
];

let waiting: Waiting[] = [];
let _timer: ReturnType<typeof setTimeout> | undefined;
let inFlight = 0;
const queued: Record<Urgency, (() => Promise<void>)[]> = { seen: [], near: [] };
const answersBefore = new AnswersBefore();

/**
 * The answer as it is now; of a question that was asked before only what changed since comes over the wire. When nobody
 * waits for any answer of a request any more, it is taken back.
 */
export function loadSeries(
  question: KeyQuestion,
  distance: () => number,
  signal?: AbortSignal,
): Promise<SeriesAnswer[]> {
  const known = answersBefore.of(question);
  // A key's own axis has no frame: its answers are whole ones.
  const before = known && question.x?.kind === "key" && question.min === undefined ? undefined : known;
  if (!before || !hasFrame(question) || before.frame) return wait(question, distance, signal, before);
  const frame = frameOf(before.answers);
  return frame
    ? wait(question, distance, signal, { ...NOTHING, frame })
    : wait(question, distance, signal, before);
}

/** Of a frame, and no more. */
const NOTHING: Answered = { versions: new Map(), answers: [] };

function wait(
  question: KeyQuestion,
  distance: () => number,
  signal: AbortSignal | undefined,
  before: Answered | undefined,
): Promise<SeriesAnswer[]> {
  return new Promise((resolve, reject) => {
    const urgency = distance() <= 0 ? "seen" : "near";
    waiting.push({ question, urgency, distance, signal, before, frame: before?.frame, resolve, reject });
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
  const together = Map.groupBy(asked, ({ question, urgency, before }) => {
    const { entity, project, runs, stream } = question;
    // What is known of some must not be sent again because others know nothing.
    return JSON.stringify([entity, project, runs, stream, urgency, (before?.versions.size ?? 0) > 0]);
  });
  for (const group of together.values()) {
    for (const part of inParts(group)) queued[part[0]?.urgency ?? "near"].push(() => ask(part));
  }
  pump();
}

/** As many at once as a request may ask. */
function inParts(group: readonly Waiting[]): Waiting[][] {
  const parts: Waiting[][] = [];
  let buckets = Number.POSITIVE_INFINITY;
  for (const one of group) {
    const own = one.question.runs.length * ((one.question.buckets ?? 0) + 1);
    const last = parts.at(-1);
    if (!last || buckets + own > SERIES_LIMITS.totalBuckets || last.length >= MAX_CHARTS) {
      parts.push([one]);
      buckets = own;
    } else {
      last.push(one);
      buckets += own;
    }
  }
  return parts;
}

function pump(): void {
  while (inFlight < MAX_IN_FLIGHT) {
    const next = queued.seen.shift() ?? (inFlight === 0 ? queued.near.shift() : undefined);
    if (!next) return;
    inFlight++;
    void next().finally(() => {
      inFlight--;
      pump();
    });
  }
}

async function ask(group: Waiting[]): Promise<void> {
  const first = group[0]?.question;
  if (!first) return;
  const { entity, project, runs } = first;
  const charts = [...Map.groupBy(group, chartOf).values()];
  const beyond = [
    ...Map.groupBy(
      group.filter(({ frame }) => frame),
      tailOf,
    ).values(),
  ];
  try {
    const body = await requestBytes("/api/v1/series", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        entity,
        project,
        runs,
        questions: [...charts.map(questionOf), ...beyond.map(questionBeyond)],
        have: commonVersions(group.map(({ before }) => before)),
      } satisfies SeriesRequest),
      signal: signalOf(group),
    });
    const { runs: versions, questions } = openSeries(body);
    const tails = questions.slice(charts.length).flatMap((question) => question.read().series);
    const turns = charts.flatMap((chart, at) => {
      const question = questions[at];
      if (!question) throw new RangeError("the reply answers less than was asked");
      return [...Map.groupBy(chart, ({ question: { key } }) => key)].map(async ([key, ones]) => {
        // All are answered at once; what each panel makes of it would together hold up the page.
        const isNew = ones.some(({ before }) => !before);
        const distance = () => Math.min(...ones.map((one) => one.distance())) || (isNew ? -1 : 0);
        await inTurn({ distance, bringsMs: question.bucketsOf(key) * MS_PER_BUCKET });
        const answer = question.read(key);
        for (const one of ones) settle(one, versions, answer, tails);
      });
    });
    await Promise.all(turns);
  } catch (error) {
    for (const one of group) one.reject(error);
  }
}

/** What the keys of one chart have in common. */
function chartOf({ question: { x, min, max, buckets, grouping, expression }, frame }: Waiting): string {
  return JSON.stringify([x, min, max, buckets, frame, grouping, expression]);
}

function questionOf(chart: readonly Waiting[]): SeriesQuestion {
  const [{ question, frame }] = chart as [Waiting];
  const { stream, x, min = frame?.min, max = frame?.max, buckets, grouping } = question;
  const ofKey = Map.groupBy(chart, ({ question }) => question.key);
  const marks = grouping
    ? undefined
    : commonMarks(
        question.runs,
        [...ofKey.values()].map((ones) => ones.map(({ before }) => before)),
      );
  const columns = COLUMNS;
  return { ...keysOf(chart), stream, x, min, max, buckets, grouping, columns, marks } as SeriesQuestion;
}

function tailOf({ question: { x, expression }, frame }: Waiting): string {
  return JSON.stringify([x, frame?.max, expression]);
}

/** Whether a run has outgrown its frame. */
function questionBeyond(chart: readonly Waiting[]): SeriesQuestion {
  const [{ question, frame }] = chart as [Waiting];
  const { stream, x } = question;
  return {
    ...keysOf(chart),
    stream,
    x,
    min: frame?.max,
    buckets: 1,
    columns: ["xLast"],
  } as SeriesQuestion;
}

/** Those with constants of runs are answered whole: keys and expressions have questions of their own. */
function keysOf(chart: readonly Waiting[]): Pick<SeriesQuestion, "keys" | "expressions"> {
  const keys = [...new Set(chart.map(({ question }) => question.key))];
  return chart[0]?.question.expression ? { keys: [], expressions: keys } : { keys };
}

function settle(
  one: Waiting,
  runs: readonly RunVersion[],
  { series, groups, unchanged }: QuestionAnswer,
  tails: readonly SeriesAnswer[],
): void {
  const { question, distance, signal, before, frame } = one;
  const own = ({ key, expression }: { key: string; expression?: true }) =>
    key === question.key && expression === question.expression;
  const { grouping } = question;
  if (grouping) {
    // One run that changed changes its group: they are answered whole, or are all as they were.
    const same = before && unchanged.length === runs.length ? before.answers : undefined;
    const answers = same ?? groups.filter(own).map((group) => lineOfGroup(group, grouping.statistics ?? []));
    answersBefore.remember(question, {
      versions: new Map(runs.map(({ run, version }) => [run, version])),
      answers,
    });
    one.resolve(answers);
    return;
  }
  const answered = renewed(before, runs, series.filter(own), unchanged);
  const outgrown = tails.some((tail) => own(tail) && (tail.xLast[0] ?? 0) > (frame?.max ?? 0));
  // The first run with more points than buckets: those that did not change know nothing of its buckets.
  const mixed =
    before !== undefined && !frame && hasFrame(question) && answered.answers.some(({ exact }) => !exact);
  if (outgrown || mixed) {
    const wider = frameOf([...answered.answers, ...(outgrown ? tails.filter(own) : [])]);
    wait(question, distance, signal, { ...NOTHING, frame: wider }).then(one.resolve, one.reject);
    return;
  }
  answersBefore.remember(question, { ...answered, frame });
  one.resolve(answered.answers);
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
