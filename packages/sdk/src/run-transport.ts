import { join } from "node:path";
import { CREATE_RUN_FILES, RUN_RESUME_STATUS, UPSERT_RUN } from "@steelyard/protocol/documents";
import {
  FILE_STREAM_NAMES,
  type FileStreamAnswer,
  type FileStreamRequest,
} from "@steelyard/protocol/file-stream";
import type { GitFacts } from "./git/repository.ts";
import { type Body, graphql, type Http, RefusedError, saidBy, send, UnansweredError } from "./http.ts";
import type { TakenLines } from "./line-queue.ts";
import type { Entry, WorkerStart } from "./messages.ts";
import { toJson } from "./values.ts";

/** A run at the server. */
export interface RunAddress {
  /** Opaque id. */
  id: string;
  name: string;
  entity: string;
  project: string;
}

export interface OpenedRun {
  run: RunAddress;
  displayName: string;
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

export interface Bucket {
  id: string;
  name: string;
  displayName: string;
  summaryMetrics: string;
  logLineCount: number;
  historyLineCount: number;
  eventsLineCount: number;
  historyTail: string;
  eventsTail: string;
  config: string;
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
  const before =
    start.resume === "" && (!start.turns || start.writer.id !== "") ? undefined : await existing(http, start);
  if (start.resume === "" && before)
    throw new RefusedError(
      409,
      `the run ${start.runId} exists in ${start.project}, and in strict mode rows are not mixed with others'; choose another id, or set WANDB_RESUME=allow to go on with it`,
    );
  if (start.resume === "must" && !before) {
    throw new RefusedError(
      404,
      `resume is "must", but there is no run ${start.runId} in ${start.project}; check id and project, or use "allow"`,
    );
  }
  if (start.resume === "never" && before) {
    throw new RefusedError(
      409,
      `resume is "never", but the run ${start.runId} exists in ${start.project}; choose another id, or use "allow"`,
    );
  }
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
    name: start.runId,
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
    step: before ? nextStep(before) : 0,
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

/** What the server has of a run; undefined when it has none. */
export async function existing(
  http: Http,
  start: Pick<WorkerStart, "runId" | "project" | "entity">,
): Promise<Bucket | undefined> {
  const { model } = await graphql<{ model: { bucket: Bucket | null } | null }>(http, RUN_RESUME_STATUS, {
    project: start.project,
    entity: start.entity || null,
    name: start.runId,
  });
  return model?.bucket ?? undefined;
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
function nextStep({ historyTail, summaryMetrics }: Bucket): number {
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

function plainConfig(text: string): Record<string, unknown> {
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

function summaryEntries(text: string): Entry[] {
  return Object.entries(lenient(text))
    .filter(([key]) => !key.startsWith("_"))
    .map(([key, value]) => [key, toJson(value, key)]);
}

export async function sendConfig(http: Http, run: RunAddress, config: string): Promise<void> {
  await graphql(http, UPSERT_RUN, { name: run.name, project: run.project, entity: run.entity, config });
}

/** History lines of one request, and the place of the first. */
export interface HistoryChunk {
  offset: number;
  lines: TakenLines;
}

export async function streamRows(
  http: Http,
  run: RunAddress,
  request: FileStreamRequest,
  history: HistoryChunk | undefined,
): Promise<FileStreamAnswer> {
  const path = [run.entity, run.project, run.name].map(encodeURIComponent).join("/");
  const body = history && history.lines.count > 0 ? withHistory(request, history) : JSON.stringify(request);
  const response = await send(
    http,
    "POST",
    `/files/${path}/file_stream`,
    http.gzip ? await gzipped(body) : body,
    {
      ...(http.gzip ? { headers: { "content-encoding": "gzip" } } : {}),
      patience: http.fileStream,
    },
  );
  try {
    return JSON.parse(response.text) as FileStreamAnswer;
  } catch {
    // The official server's answers need not be JSON; a 2xx is what counts.
    return {};
  }
}

/** Loaded when first needed: few want it. */
async function gzipped(body: string | Uint8Array): Promise<Uint8Array> {
  const { gzip } = process.getBuiltinModule("node:zlib");
  return new Promise((resolve, reject) => {
    gzip(body, (error, compressed) => (error ? reject(error) : resolve(compressed)));
  });
}

/** The lines are JSON already: the rest is written around them. */
function withHistory({ files = {}, ...rest }: FileStreamRequest, { offset, lines }: HistoryChunk) {
  const members = (value: object) => {
    const json = JSON.stringify(value);
    return json === "{}" ? "" : `,${json.slice(1, -1)}`;
  };
  const head = Buffer.from(
    `{"files":{${JSON.stringify(FILE_STREAM_NAMES.history)}:{"offset":${offset},"content":[`,
  );
  const tail = Buffer.from(`]}${members(files)}}${members(rest)}}`);
  const blocks = [...lines.blocks];
  // No comma behind the last line.
  blocks.push((blocks.pop() as Uint8Array).subarray(0, -2));
  return Buffer.concat([head, ...blocks, tail]);
}

/** What became of files that were to be uploaded; one that is not there is in neither. */
export interface FileUploads {
  sent: string[];
  refused: { name: string; reason: string }[];
}

/** Files of the run's own folder, by name. Throws RefusedError when the server takes none at all. */
export async function uploadFiles(
  http: Http,
  run: RunAddress,
  folder: string,
  names: string[],
): Promise<FileUploads> {
  const { createRunFiles } = await graphql<{
    createRunFiles: { uploadHeaders: string[]; files: { name: string; uploadUrl: string | null }[] };
  }>(http, CREATE_RUN_FILES, { entity: run.entity, project: run.project, run: run.name, files: names });
  const uploads: FileUploads = { sent: [], refused: [] };
  await Promise.all(
    createRunFiles.files.map(async ({ name, uploadUrl }) => {
      if (!uploadUrl) return;
      try {
        await putContent(http, uploadUrl, createRunFiles.uploadHeaders, { path: join(folder, name) });
        uploads.sent.push(name);
      } catch (error) {
        if (error instanceof RefusedError || error instanceof UnansweredError)
          uploads.refused.push({ name, reason: saidBy(error) });
        else if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }),
  );
  return uploads;
}

/** To an address that the server gave, with the `Key:Value` headers it wants. */
export async function putContent(
  http: Http,
  uploadUrl: string,
  uploadHeaders: readonly string[],
  content: Body,
): Promise<void> {
  const headers = Object.fromEntries(
    uploadHeaders.map((header) => {
      const colon = header.indexOf(":");
      return [header.slice(0, colon), header.slice(colon + 1).trim()];
    }),
  );
  const url = uploadUrl.startsWith("/") ? http.baseUrl + uploadUrl : uploadUrl;
  await send(http, "PUT", url, content, { headers, patience: http.fileTransfer });
}
