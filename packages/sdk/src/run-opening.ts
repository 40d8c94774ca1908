import { REWIND_RUN, RUN_NAMES, UPSERT_RUN } from "@steelyard/protocol/documents";
import { editDistance } from "@steelyard/protocol/settings";
import type { GitFacts } from "./git/repository.ts";
import { graphql, type Http, RefusedError } from "./http.ts";
import type { Entry, WorkerStart } from "./messages.ts";
import { type Bucket, existing, type RunAddress } from "./run-transport.ts";
import { toJson } from "./values.ts";

/** A run that rows may come to: what it is, and what was there before. */
export interface OpenedRun {
  run: RunAddress;
  displayName: string;
  /** Of the first row. */
  step: number;
  resumed: boolean;
  /** How long the run went on before it was resumed. */
  runtimeS: number;
  historyLines: number;
  eventLines: number;
  consoleLines: number;
  config: Record<string, unknown>;
  /** Of the config's `_wandb`, what outlives the process that wrote it. */
  own: Record<string, unknown>;
  summary: Entry[];
}

/** What is found out about the program while the run's thread starts. */
export interface RunFacts {
  git: GitFacts | undefined;
}

/** Make the run at the server, or go on with the one that is there. Throws RefusedError with what to do. */
export async function openRun(
  http: Http,
  start: WorkerStart,
  { git }: RunFacts,
  configJson: string,
): Promise<OpenedRun> {
  const { name, before } = await met(http, start);
  const { upsertBucket } = await graphql<{
    upsertBucket: {
      bucket: {
        id: string;
        name: string;
        displayName: string;
        historyLineCount: number | null;
        project: { name: string; entity: { name: string } };
      };
    };
  }>(http, UPSERT_RUN, {
    name,
    project: start.project,
    entity: start.entity || null,
    groupName: start.group || null,
    displayName: start.displayName || null,
    notes: start.notes || null,
    tags: start.tags.length > 0 ? start.tags : null,
    jobType: start.jobType || null,
    sweep: start.sweepId || null,
    host: start.host || null,
    program: start.program || null,
    repo: git?.remote || null,
    commit: git?.commit || null,
    config: before ? mergedConfig(before.config, configJson) : configJson,
  });
  const { bucket } = upsertBucket;
  return {
    run: {
      id: bucket.id,
      name: bucket.name,
      entity: bucket.project.entity.name,
      project: bucket.project.name,
    },
    displayName: bucket.displayName,
    step: start.branch ? stepBehind(start.branch) : before ? nextStep(before) : 0,
    resumed: before !== undefined,
    runtimeS: before ? runtimeOf(before) : 0,
    // Of several writers each counts its own lines.
    ...(start.writer.id === ""
      ? {
          historyLines: bucket.historyLineCount ?? 0,
          eventLines: before?.eventsLineCount ?? 0,
          consoleLines: before?.logLineCount ?? 0,
        }
      : { historyLines: 0, eventLines: 0, consoleLines: 0 }),
    config: before ? plainConfig(before.config) : {},
    own: before ? keptOwn(before.config) : {},
    summary: before ? summaryEntries(before.summaryMetrics) : [],
  };
}

/** The step after the one that a branch keeps. */
export function stepBehind({ value }: { value: number }): number {
  return Math.floor(value) + 1;
}

interface Met {
  name: string;
  /** Undefined when the run is new, and when nobody asked whether it is. */
  before: Bucket | undefined;
}

/** What is there of the run already, as far as that matters. Throws RefusedError when it must not be, or must. */
async function met(http: Http, start: WorkerStart): Promise<Met> {
  const { runId, rawId, resume, branch, project } = start;
  if (branch?.run === runId) return { name: runId, before: await rewound(http, start, branch) };
  if (branch) return { name: runId, before: undefined };
  const shared = start.writer.id !== "";
  const goesOn = resume === "allow" || resume === "must" || resume === "auto";
  // A client that takes the variable as it is has the run under that id.
  const raw = rawId && (goesOn || shared) ? await started(http, start, rawId) : undefined;
  const name = raw ? rawId : runId;
  if (resume === "" && (shared || !start.strict)) return { name, before: undefined };
  const before = raw ?? (await started(http, start, runId));
  if (resume === "" && before)
    throw new RefusedError(
      409,
      `the run ${runId} exists in ${project}, and in strict mode rows are not mixed with others'; choose another id, or set WANDB_RESUME=allow to go on with it`,
    );
  if (resume === "never" && before)
    throw new RefusedError(
      409,
      `resume is "never", but the run ${runId} exists in ${project}; choose another id, or use "allow"`,
    );
  if (resume === "must" && !before) throw new RefusedError(404, await nothingThere(http, start));
  return { name, before };
}

/** A run that a sweep or a queue has made, and nobody has begun, is not there yet. */
async function started(http: Http, start: WorkerStart, runId: string): Promise<Bucket | undefined> {
  const bucket = await existing(http, { ...start, runId });
  if (!bucket) return undefined;
  const own = lenient(bucket.config || "{}")._wandb as { value?: { t?: unknown } } | undefined;
  return own?.value?.t !== undefined || bucket.historyLineCount > 0 ? bucket : undefined;
}

async function rewound(
  http: Http,
  start: WorkerStart,
  branch: { run: string; metric: string; value: number },
): Promise<Bucket> {
  const { project, entity } = start;
  await graphql(http, REWIND_RUN, {
    runName: branch.run,
    project,
    entity: entity || null,
    metricName: branch.metric,
    metricValue: branch.value,
  }).catch((error: unknown) => {
    if (!(error instanceof RefusedError)) throw error;
    throw new RefusedError(
      error.status,
      `the run ${branch.run} cannot be taken back to step ${branch.value}: ${error.message}`,
    );
  });
  const bucket = await existing(http, start);
  if (bucket) return bucket;
  throw new RefusedError(
    404,
    `the run ${branch.run} cannot be taken back to step ${branch.value}: it is not in ${entity ? `${entity}/` : ""}${project}`,
  );
}

const LIKE = 3;

/** Where was looked, and what is there that may have been meant. */
async function nothingThere(http: Http, { runId, rawId, entity, project }: WorkerStart): Promise<string> {
  const { project: found } = await graphql<{
    project: { runs: { edges: { node: { name: string; displayName: string | null } }[] } } | null;
  }>(http, RUN_NAMES, { project, entity: entity || null, first: 1000 });
  const ids = [runId, ...(rawId ? [rawId] : [])];
  const where = `${entity ? `${entity}/` : ""}${project} at ${http.baseUrl}`;
  const near = (found?.runs.edges ?? [])
    .map(({ node }) => node)
    .filter(({ name, displayName }) => ids.some((id) => isLike(id, name) || id === displayName))
    .slice(0, LIKE)
    .map(({ name, displayName }) =>
      displayName && displayName !== name ? `${name} (named ${displayName})` : name,
    );
  const meant = !found
    ? "there is no such project, or you may not see it."
    : near.length > 0
      ? `did you mean ${near.join(" or ")}?`
      : "no run there has an id like it.";
  return `resume is "must", but there is no run ${ids.join(" or ")} in ${where}; ${meant} Check WANDB_RUN_ID, WANDB_PROJECT and WANDB_ENTITY, or use "allow"`;
}

function isLike(id: string, name: string): boolean {
  const [one, two] = [id, name].map((text) => text.toLowerCase());
  if (one === undefined || two === undefined) return false;
  return editDistance(one, two, 3) < 3 || (one.length >= 4 && (two.startsWith(one) || one.startsWith(two)));
}

/** The server's JSON may hold bare NaN and infinities; of those only the text is passed on. */
function lenient(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return JSON.parse(
      text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) =>
        part.startsWith('"') ? part : "null",
      ),
    ) as Record<string, unknown>;
  }
}

/** The last of a list of lines. */
function lastOf(tail: string | null): Record<string, unknown> {
  const last = (JSON.parse(tail || "[]") as string[]).at(-1);
  return last === undefined ? {} : lenient(last);
}

/** Behind the furthest: the last row may have been a late one. */
export function nextStep({
  historyTail,
  summaryMetrics,
}: Pick<Bucket, "historyTail" | "summaryMetrics">): number {
  const steps = [lastOf(historyTail)._step, lenient(summaryMetrics || "{}")._step];
  return Math.max(-1, ...steps.filter((step) => typeof step === "number")) + 1;
}

/** The furthest that anything of the run says. */
function runtimeOf({ historyTail, eventsTail, summaryMetrics }: Bucket): number {
  const summary = lenient(summaryMetrics || "{}");
  const own = summary._wandb as { runtime?: unknown } | undefined;
  const said = [lastOf(historyTail)._runtime, lastOf(eventsTail)._runtime, summary._runtime, own?.runtime];
  return Math.max(0, ...said.filter((value) => typeof value === "number"));
}

export function plainConfig(text: string): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(lenient(text))) {
    if (key !== "_wandb") config[key] = (entry as { value?: unknown } | null)?.value;
  }
  return config;
}

/** Panels, classes of images, pinned keys, and the machines the run was written on; the official client keeps them too. */
const KEPT = ["e", "viz", "visualize", "mask/class_labels", "bounding_box/class_labels", "pinned_keys"];

function keptOwn(text: string): Record<string, unknown> {
  const { value } = (lenient(text)._wandb ?? {}) as { value?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => KEPT.includes(key)));
}

/** What was there stays, what is given now wins. */
function mergedConfig(before: string, now: string): string {
  const given = lenient(now);
  const own = (given._wandb ?? {}) as { value?: object };
  return JSON.stringify({
    ...lenient(before),
    ...given,
    _wandb: { value: { ...keptOwn(before), ...own.value } },
  });
}

export function summaryEntries(text: string): Entry[] {
  return Object.entries(lenient(text))
    .filter(([key]) => !key.startsWith("_"))
    .map(([key, value]) => [key, toJson(value, key)]);
}
