import { decodeSeries, type SeriesAnswer, type SeriesRequest } from "@steelyard/protocol/series";
import { request } from "../api/client.ts";

type Question = Omit<SeriesRequest, "keys"> & { key: string };
interface Waiting {
  question: Question;
  resolve: (answers: SeriesAnswer[]) => void;
  reject: (error: unknown) => void;
}

/** Panels that come into view together ask together: one request per set of runs, axis and range. */
const WINDOW_MS = 8;
const MAX_KEYS = 24;
/** Runs × keys of a request: a hundred runs come chart by chart, and the first is drawn while the next are on their way. */
const MAX_LINES = 100;
const MAX_IN_FLIGHT = 4;

let waiting: Waiting[] = [];
let _timer: ReturnType<typeof setTimeout> | undefined;
let inFlight = 0;
const queued: (() => void)[] = [];

export function loadSeries(question: Question): Promise<SeriesAnswer[]> {
  return new Promise((resolve, reject) => {
    waiting.push({ question, resolve, reject });
    _timer ??= setTimeout(flush, WINDOW_MS);
  });
}

/** What a group of questions has in common. */
function withoutKey(question: Question): Omit<Question, "key"> {
  const { entity, project, runs, stream, x, min, max, buckets } = question;
  return { entity, project, runs, stream, x, min, max, buckets };
}

function flush(): void {
  _timer = undefined;
  const groups = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const name = JSON.stringify(withoutKey(one.question));
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  waiting = [];
  for (const group of groups.values()) {
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
  const first = group[0];
  if (!first) return;
  try {
    const response = await request("/api/v1/series", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        ...withoutKey(first.question),
        keys: [...new Set(group.map(({ question }) => question.key))],
      } satisfies SeriesRequest),
    });
    const answers = decodeSeries(await response.arrayBuffer());
    for (const one of group) one.resolve(answers.filter(({ key }) => key === one.question.key));
  } catch (error) {
    for (const one of group) one.reject(error);
  }
}
