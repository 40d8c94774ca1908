import { createHash } from "node:crypto";
import {
  type ChosenAnswer,
  encodeSeries,
  type GroupAnswer,
  type HeatMap,
  type RunVersion,
  SERIES_CONTENT_TYPE,
  type SeriesAnswer,
  type SeriesColumn,
} from "@steelyard/protocol/series";
import { Hono } from "hono";
import type { AppEnv } from "../http/app.ts";
import { readJson } from "../http/body.ts";
import { packed } from "../http/packed.ts";
import type { Series } from "../ports/metric-store.ts";
import type { ProjectRef } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { runNumbers, visibleProject } from "./found.ts";
import { groupSeries } from "./grouping.ts";
import { answerHeatMap } from "./histograms.ts";
import { hasConstants, type RunConstants, runConstants, seriesWithConstants } from "./run-constants.ts";
import { parseSeriesRequest, type SeriesQuestionInput, type SeriesRequestInput } from "./series-question.ts";
import { withTails } from "./series-tails.ts";

/** All names and keys at their longest. */
const MAX_QUESTION_BYTES = 8 * 2 ** 20;
/** Of the reply's layout and of what the numbers in it mean: another one makes every ETag a new one. */
const ETAG_OF = "series 1";
/** Who asked has gone. */
const CLIENT_CLOSED_REQUEST = 499;

interface Run {
  /** Of the catalog. */
  id: number;
  name: string;
  /** By stream; "" of a stream that is not asked for. */
  versions: Record<"history" | "events", string>;
}

/** What all charts of a page ask at once. Format of the reply: docs/formats/series.md. */
export function seriesRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.post("/api/v1/series", async (c) => {
    const request = parseSeriesRequest(await readJson(c.req.raw, MAX_QUESTION_BYTES));
    const project = await visibleProject(c, services, request.entity, request.project);
    const runs = await findRuns(services, project, request);
    const constants = await runConstants(
      services,
      runs.map(({ id }) => id),
      request.questions.flatMap(({ expressions }) => expressions),
    );
    const etag = etagOf(request, runs, constants);
    c.header("etag", etag);
    c.header("cache-control", "private, no-cache");
    c.header("vary", "accept-encoding, authorization, cookie");
    if (matches(c.req.header("if-none-match"), etag)) return c.body(null, 304);
    const { signal } = c.req.raw;
    try {
      const answers = await Promise.all(
        request.questions.map((question) =>
          answerQuestion(services, question, runs, constants, request, signal),
        ),
      );
      const versions = runs.map(({ name, versions }): RunVersion => ({ run: name, version: text(versions) }));
      c.header("content-type", SERIES_CONTENT_TYPE);
      return await packed(c, encodeSeries(versions, answers));
    } catch (cause) {
      if (signal.aborted) return c.body(null, CLIENT_CLOSED_REQUEST as 400);
      throw cause;
    }
  });
  return routes;
}

/** Their versions are taken before their data: an answer may be newer than it says, never older. */
async function findRuns(
  services: Services,
  project: ProjectRef,
  request: SeriesRequestInput,
): Promise<Run[]> {
  const runs = [...(await runNumbers(services, project, request.runs))].map(
    ([id, name]): Run => ({ id, name, versions: { history: "", events: "" } }),
  );
  for (const stream of new Set(request.questions.map(({ stream }) => stream))) {
    const versions = await services.metrics.versions(
      runs.map(({ id }) => id),
      stream,
    );
    for (const [at, run] of runs.entries()) run.versions[stream] = versions[at] ?? "";
  }
  return runs;
}

async function answerQuestion(
  services: Services,
  question: SeriesQuestionInput,
  runs: readonly Run[],
  constants: RunConstants,
  { have, runs: names }: SeriesRequestInput,
  signal: AbortSignal,
): Promise<ChosenAnswer> {
  // Versions say nothing of a run's config and summary.
  const isWhole = hasConstants(question.expressions);
  const isKnown = ({ name, versions }: Run) =>
    !isWhole &&
    Object.hasOwn(have, name) &&
    parts(have[name] ?? "")[question.stream] === versions[question.stream];
  const [known, asked] = [runs.filter(isKnown), runs.filter((run) => !isKnown(run))];
  const { columns, grouping, heatMap: _, marks, ...rest } = question;
  const unchanged = known.map(({ name }) => name);
  if (asked.length === 0) return { columns, unchanged, series: [], groups: [], heatMaps: [] };
  if (grouping) {
    // One run that changed changes its group: all of them are read.
    const groups = await answerGroups(services, rest, grouping, { runs, names, constants }, signal);
    return { columns, unchanged: [], series: [], groups, heatMaps: [] };
  }
  if (question.heatMap) {
    const heatMaps = await answerHeatMaps(
      services,
      { ...question, heatMap: question.heatMap },
      asked,
      signal,
    );
    return { columns, unchanged, series: [], groups: [], heatMaps };
  }
  const nameOf = new Map(asked.map(({ id, name }) => [id, name]));
  const series = await seriesWithConstants(
    services.metrics,
    { ...rest, columns, runs: [...nameOf.keys()] },
    constants,
    signal,
  );
  const answers = series.map(({ run, ...one }): SeriesAnswer => ({ ...one, run: nameOf.get(run) ?? "" }));
  return {
    columns,
    unchanged,
    series: marks ? withTails(answers, { ...rest, columns, marks, runs: names }) : answers,
    groups: [],
    heatMaps: [],
  };
}

async function answerHeatMaps(
  { metrics }: Services,
  question: SeriesQuestionInput & { heatMap: NonNullable<SeriesQuestionInput["heatMap"]> },
  runs: readonly Run[],
  signal: AbortSignal,
): Promise<HeatMap[]> {
  const { min, max, ...rest } = question;
  const answers: HeatMap[] = [];
  for (const { id, name } of runs) {
    for (const key of new Set(question.keys)) {
      const answer = await answerHeatMap(metrics, id, key, { ...rest, min, max }, signal);
      if (answer) answers.push({ ...answer, run: name });
    }
  }
  return answers;
}

interface Asked {
  runs: readonly Run[];
  /** As the request counts them. */
  names: readonly string[];
  constants: RunConstants;
}

async function answerGroups(
  { metrics }: Services,
  question: Omit<SeriesQuestionInput, "columns" | "grouping" | "heatMap" | "marks">,
  grouping: NonNullable<SeriesQuestionInput["grouping"]>,
  { runs, names, constants }: Asked,
  signal: AbortSignal,
): Promise<GroupAnswer[]> {
  const ids = new Map(runs.map(({ id, name }) => [name, id]));
  const groups = grouping.groups.map((group) => ({
    name: group.name,
    runs: group.runs.flatMap((at) => ids.get(names[at] ?? "") ?? []),
  }));
  const members = [...new Set(groups.flatMap((group) => group.runs))];
  const columns: SeriesColumn[] = ["xFirst", "xLast", "count", grouping.value];
  const asked = { ...question, columns, runs: members };
  const series = await seriesWithConstants(metrics, asked, constants, signal);
  const { min, max, buckets } = question;
  const ofKeys = Map.groupBy(series, ({ key, expression }) => `${expression ?? ""} ${key}`);
  const answers: GroupAnswer[] = [];
  for (const ofKey of ofKeys.values()) {
    const { key, expression } = ofKey[0] as Series;
    for (const answer of await groupSeries(ofKey, { ...grouping, groups, min, max, buckets }))
      answers.push({ ...answer, key, ...(expression && { expression }) });
    signal.throwIfAborted();
  }
  return answers;
}

function text({ history, events }: Run["versions"]): string {
  return `${history}.${events}`;
}

function parts(version: string): Run["versions"] {
  const [history = "", events = ""] = version.split(".", 2);
  return { history, events };
}

/** Weak: the same answer may be packed in several ways. */
function etagOf(request: SeriesRequestInput, runs: readonly Run[], constants: RunConstants): string {
  const { entity, project, ...asked } = request;
  const state = runs.map(({ id, name, versions }) => [
    id,
    name,
    text(versions),
    ...(constants.get(id) ?? []),
  ]);
  const hash = createHash("sha256").update(JSON.stringify([ETAG_OF, asked, state]));
  return `W/"${hash.digest("base64url").slice(0, 22)}"`;
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((one) => one.trim() === etag);
}
