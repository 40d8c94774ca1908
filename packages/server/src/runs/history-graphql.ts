import { parseExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import type { Resolver } from "../http/resolvers.ts";
import { exportedHistory } from "../metrics/exported-history.ts";
import { type LogLine, parseLogLine } from "./console.ts";
import { isEnded, type RunModel } from "./run.ts";
import { object, parseJsonObject } from "./run-store.ts";

const DEFAULT_SAMPLES = 500;
const MAX_SAMPLES = 1_000_000;
const MAX_LOG_LINES = 10_000;

/**
 * JSON has no NaN: inside a JSON value (not a line, which keeps the client's bare forms) they become strings, as the
 * hosted service does.
 */
function strictJson(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(strictJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, strictJson(entry)]));
}

/** Int64 comes as a number or as digits. */
function integer(value: unknown, what: string): number | undefined {
  if (value === null || value === undefined) return undefined;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return Math.trunc(number);
  throw new SteelyardError("bad-request", `${what} must be a whole number`);
}

/**
 * The end of a range of steps, itself not in it. From 2^53 on a number cannot be told from the next one: the client asks for
 * all to the last step by `last + 1`, which then is `last`, and no step is larger. So there it is no end.
 */
function stopOf(step: number | undefined): number | undefined {
  return step === undefined || step >= 2 ** 53 ? undefined : step;
}

function samplesOf(value: unknown): number {
  const samples = integer(value, "samples") ?? DEFAULT_SAMPLES;
  if (samples < 1) throw new SteelyardError("bad-request", "samples must be 1 or more");
  return Math.min(samples, MAX_SAMPLES);
}

/** With a range of steps: every row of it (a page of a scan). Without: at most `samples` rows, evenly spread. */
const history: Resolver = (run: RunModel, args, { services }) => {
  const minStep = integer(args.minStep, "minStep");
  const maxStep = integer(args.maxStep, "maxStep");
  return services.metrics.rows(
    minStep === undefined && maxStep === undefined
      ? { run: run.id, stream: "history", samples: samplesOf(args.samples) }
      : { run: run.id, stream: "history", minStep, maxStep: stopOf(maxStep) },
  );
};

/** `specs`: JSON of `{keys, samples?, minStep?, maxStep?}`; both ends of the range are in it. */
const sampledHistory: Resolver = async (run: RunModel, args: { specs: string[] }, { services }) => {
  if (args.specs.length > 1_000) throw new SteelyardError("bad-request", "at most 1000 specs; ask in parts");
  const answers: unknown[] = [];
  for (const text of args.specs) {
    const spec = parseJsonObject(text, "a spec of sampledHistory");
    const keys = spec.keys;
    if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === "string")) {
      throw new SteelyardError("bad-request", "a spec of sampledHistory needs keys, a list of names");
    }
    const maxStep = integer(spec.maxStep, "maxStep");
    const rows = await services.metrics.rows({
      run: run.id,
      stream: "history",
      keys: [...new Set<string>(keys)],
      minStep: integer(spec.minStep, "minStep"),
      maxStep: stopOf(maxStep === undefined ? undefined : maxStep + 1),
      samples: samplesOf(spec.samples),
    });
    answers.push(rows.map((row) => strictJson(parseExtendedJson(row))));
  }
  return answers;
};

const historyKeys: Resolver = async (run: RunModel, _args, { services }) => {
  const infos = await services.metrics.keys(run.id, "history");
  if (infos.length === 0) return null;
  const keys = Object.fromEntries(
    infos.map(({ key, types, last, monotonic }) => [
      key,
      {
        previousValue: strictJson(last ?? null),
        monotonic,
        typeCounts: Object.entries(types).map(([type, count]) => ({ type, count })),
      },
    ]),
  );
  return { lastStep: await services.metrics.lastStep(run.id), keys, sets: [] };
};

/**
 * Addresses of the whole history as files, or, as mostly, none: then the first live step tells the client to read all of
 * it from the live queries. Never both: the client would read live rows for the steps of the files again.
 */
const parquetHistory: Resolver = async (run: RunModel, _args, { services, baseUrl }) => {
  const [first] = await services.metrics.rows({ run: run.id, stream: "history", limit: 1 });
  if (first === undefined) return { parquetUrls: [], liveData: [] };
  if (isEnded(run.state)) {
    const url = await exportedHistory(services, baseUrl, run.row);
    if (url !== undefined) return { parquetUrls: [url], liveData: [] };
  }
  const step = object(parseExtendedJson(first))._step;
  return { parquetUrls: [], liveData: [{ _step: typeof step === "number" ? step : 0 }] };
};

interface LogLinesArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
}

const logLines: Resolver = async (run: RunModel, args: LogLinesArguments, { services }) => {
  const { console: total } = await services.metrics.lineCounts(run.id);
  if (total === 0) return null;
  const after = args.after ? (integer(args.after, "after") ?? -1) : -1;
  const end = args.before ? Math.min(integer(args.before, "before") ?? total, total) : total;
  const wanted = Math.min(Math.max(args.last ?? args.first ?? 1_000, 0), MAX_LOG_LINES);
  const from = args.last != null ? Math.max(after + 1, end - wanted) : after + 1;
  const stored = await services.metrics.consoleLines(run.id, from, Math.max(Math.min(wanted, end - from), 0));
  const lines: LogLine[] = stored.map(({ number, text }) => parseLogLine(number, text));
  const lastNumber = lines.at(-1)?.number;
  return {
    edges: lines.map((node) => ({ node, cursor: String(node.number) })),
    pageInfo: {
      startCursor: lines[0] ? String(lines[0].number) : null,
      endCursor: lastNumber === undefined ? null : String(lastNumber),
      hasNextPage: lastNumber !== undefined && lastNumber < total - 1,
      hasPreviousPage: (lines[0]?.number ?? 0) > 0,
    },
  };
};

const lineCount =
  (stream: "history" | "events" | "console"): Resolver =>
  async (run: RunModel, _args, { services }) =>
    (await services.metrics.lineCounts(run.id))[stream];

/** The last line, as a JSON list of JSON strings. */
const tail =
  (stream: "history" | "events"): Resolver =>
  async (run: RunModel, _args, { services }) =>
    JSON.stringify(await services.metrics.tail(run.id, stream, 1));

/** The fields of `Run` that are answered from what the run logged. */
export const runHistoryFields: Record<string, Resolver> = {
  historyLineCount: lineCount("history"),
  eventsLineCount: lineCount("events"),
  logLineCount: lineCount("console"),
  historyTail: tail("history"),
  eventsTail: tail("events"),
  historyKeys,
  history,
  events: (run: RunModel, args, { services }) =>
    services.metrics.rows({ run: run.id, stream: "events", samples: samplesOf(args.samples) }),
  sampledHistory,
  parquetHistory,
  logLines,
};
