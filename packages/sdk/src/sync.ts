import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { REWIND_RUN, UPSERT_RUN } from "@steelyard/protocol/documents";
import { FILE_STREAM_NAMES, type FileStreamRequest } from "@steelyard/protocol/file-stream";
import { globMatcher } from "@steelyard/protocol/globs";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { sendAlert } from "./alert.ts";
import { graphql, type Http } from "./http.ts";
import { type LoggedRun, readLoggedRun } from "./logged-run.ts";
import { OWN_FILES, writeOwnFile } from "./run-files/own-file.ts";
import { type Bucket, existing, type RunAddress, streamRows, uploadFiles } from "./run-transport.ts";
import { consoleChunk } from "./uplink.ts";

/** Of one request; the official client's are as large. */
const MAX_REQUEST_BYTES = 4 * 2 ** 20;
const MAX_REQUEST_LINES = 20_000;
const FILES_AT_ONCE = 50;
/** A log without an end is of a process that died. */
const DIED = 1;
export interface SyncOptions {
  /** In place of what the log says. */
  entity?: string | undefined;
  project?: string | undefined;
  runId?: string | undefined;
  jobType?: string | undefined;
  /** Where the log names no project. */
  defaultProject: string;
  /** Old tag → new tag. */
  replaceTags?: ReadonlyMap<string, string>;
  /** Patterns of files that are not uploaded. */
  ignoreGlobs?: readonly string[];
  /** From 0 to 1. */
  onProgress?: (share: number) => void;
}

export interface Synced {
  run: RunAddress;
  displayName: string;
  historyLines: number;
  files: number;
  /** What of the log did not get to the server, and why; empty when everything did. */
  losses: string[];
  /** Of these some could be sent another time. */
  incomplete: boolean;
}

/**
 * Send what a `.wandb` log holds, whoever wrote it. Lines go to the places they have in the log, so that sending again, or
 * after a process that had sent a part, doubles nothing. Throws what the server refuses, and Error for what is no log.
 */
export async function syncLog(logFile: string, http: Http, options: SyncOptions): Promise<Synced> {
  const logged = readLoggedRun(new Uint8Array(readFileSync(logFile)));
  const { run: said } = logged;
  const runId = options.runId ?? said.runId;
  const where = {
    project: options.project ?? (said.project || options.defaultProject),
    entity: options.entity ?? (said.entity || null),
  };
  const before = await existing(http, { runId, project: where.project, entity: where.entity ?? "" });
  if (said.branch && said.branch.run === runId) {
    await graphql(http, REWIND_RUN, {
      runName: runId,
      ...where,
      metricName: said.branch.metric || "_step",
      metricValue: said.branch.value,
    });
  }
  const { bucket, inserted } = await upsert(http, runId, where, logged, options, before);
  const run: RunAddress = {
    id: bucket.id,
    name: bucket.name,
    entity: bucket.project.entity.name,
    project: bucket.project.name,
  };
  const base = said.resumed && before ? behind(logged, before) : { history: 0, events: 0, console: 0 };
  await sendLines(http, run, logged, base, options.onProgress ?? (() => {}));
  const folder = join(dirname(logFile), "files");
  const files = await sendFiles(http, run, folder, logged, options.ignoreGlobs ?? []);
  if (inserted) for (const alert of logged.alerts) await sendAlert(http, run, alert);
  await streamRows(
    http,
    run,
    {
      files: { [FILE_STREAM_NAMES.summary]: { offset: 0, content: [logged.summaryJson] } },
      uploaded: files,
      ...(logged.preempting && logged.exitCode !== 0 ? { preempting: true } : {}),
      ...(logged.notComplete ? {} : { complete: true, exitcode: logged.exitCode ?? DIED }),
    },
    undefined,
  );
  return {
    run,
    displayName: bucket.displayName,
    historyLines: logged.history.length,
    files: files.length,
    losses: [...logged.losses, ...logged.unsent],
    incomplete: logged.unsent.length > 0,
  };
}

interface Upserted {
  inserted: boolean | null;
  bucket: {
    id: string;
    name: string;
    displayName: string;
    project: { name: string; entity: { name: string } };
  };
}

async function upsert(
  http: Http,
  name: string,
  where: { project: string; entity: string | null },
  { run, config, environment }: LoggedRun,
  { jobType, replaceTags }: SyncOptions,
  before: Bucket | undefined,
): Promise<Upserted> {
  const tags = run.tags.map((tag) => replaceTags?.get(tag) ?? tag);
  const program = environment?.program;
  const { upsertBucket } = await graphql<{ upsertBucket: Upserted }>(http, UPSERT_RUN, {
    name,
    ...where,
    groupName: run.group || null,
    displayName: run.displayName || null,
    notes: run.notes || null,
    tags: tags.length > 0 ? tags : null,
    jobType: jobType ?? (run.jobType || null),
    sweep: run.sweepId || null,
    host: run.host || null,
    program: typeof program === "string" ? program : null,
    repo: run.git?.remote || null,
    commit: run.git?.commit || null,
    config: config.json,
  });
  // Servers of old say nothing of it; a run that was there before was not made now.
  return { ...upsertBucket, inserted: before === undefined && upsertBucket.inserted !== false };
}

interface Places {
  history: number;
  events: number;
  /** Undefined: it cannot be told which lines are there already. */
  console: number | undefined;
}

/** A resumed run's log begins behind what others wrote; of its own lines the server may have the first already. */
function behind({ history, unsent }: LoggedRun, before: Bucket): Places {
  const last = (JSON.parse(before.historyTail || "[]") as string[]).at(-1);
  const sent = last === undefined ? -1 : history.findLastIndex((line) => sameRow(line, last));
  if (sent < 0)
    return {
      history: before.historyLineCount,
      events: before.eventsLineCount,
      console: before.logLineCount,
    };
  unsent.push("console output of this part is not sent again: the server has some of it");
  return {
    history: before.historyLineCount - sent - 1,
    events: before.eventsLineCount,
    console: undefined,
  };
}

function sameRow(a: string, b: string): boolean {
  const [one, two] = [a, b].map((line) => parseExtendedJson(line) as Record<string, unknown>);
  return one?._step === two?._step && one?._timestamp === two?._timestamp;
}

async function sendLines(
  http: Http,
  run: RunAddress,
  { history, events, console }: LoggedRun,
  base: Places,
  onProgress: (share: number) => void,
): Promise<void> {
  const total = history.length + events.length + console.length || 1;
  let done = 0;
  for (const [name, lines, first] of [
    [FILE_STREAM_NAMES.history, history, base.history],
    [FILE_STREAM_NAMES.events, events, base.events],
  ] as const) {
    for (const { from, to } of portions(lines)) {
      const content = lines.slice(from, to);
      await streamRows(http, run, { files: { [name]: { offset: first + from, content } } }, undefined);
      done += to - from;
      onProgress(done / total);
    }
  }
  if (base.console === undefined) return;
  for (const stretch of console) {
    for (const { from, to } of portions(stretch.map(({ text }) => text))) {
      const { offset, content } = consoleChunk(stretch.slice(from, to));
      const chunk: FileStreamRequest = {
        files: { [FILE_STREAM_NAMES.console]: { offset: base.console + offset, content } },
      };
      await streamRows(http, run, chunk, undefined);
    }
    onProgress(++done / total);
  }
}

function* portions(lines: readonly string[]): Iterable<{ from: number; to: number }> {
  for (let from = 0; from < lines.length; ) {
    let to = from;
    let bytes = 0;
    while (to < lines.length && to - from < MAX_REQUEST_LINES) {
      bytes += (lines[to]?.length ?? 0) * 2;
      if (to > from && bytes > MAX_REQUEST_BYTES) break;
      to++;
    }
    yield { from, to };
    from = to;
  }
}

/** Names of what was uploaded: files of the run's folder that the log, or a value in it, names. */
async function sendFiles(
  http: Http,
  run: RunAddress,
  folder: string,
  logged: LoggedRun,
  ignoreGlobs: readonly string[],
): Promise<string[]> {
  writeOwn(folder, logged);
  const ignored = ignoreGlobs.map(globMatcher);
  const inside = resolve(folder) + sep;
  const names = [...new Set([...OWN_FILES, ...logged.files])].filter((name) => {
    const path = resolve(folder, name);
    return (
      path.startsWith(inside) &&
      existsSync(path) &&
      statSync(path).isFile() &&
      !ignored.some((ignores) => ignores(name))
    );
  });
  const all: string[] = [];
  for (let at = 0; at < names.length; at += FILES_AT_ONCE) {
    const { sent, refused } = await uploadFiles(http, run, folder, names.slice(at, at + FILES_AT_ONCE));
    all.push(...sent);
    for (const { name, reason } of refused) logged.unsent.push(`${name} is not sent: ${reason}`);
  }
  return all;
}

/** What an offline process left to whoever sends its log. */
function writeOwn(folder: string, { config, summaryJson, environment, losses }: LoggedRun): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeOwnFile(join(folder, "config.yaml"), config.yaml);
    writeOwnFile(join(folder, "wandb-summary.json"), summaryJson);
    const metadata = join(folder, "wandb-metadata.json");
    if (environment && !existsSync(metadata)) writeOwnFile(metadata, JSON.stringify(environment, null, 2));
  } catch (error) {
    losses.push(`config.yaml and wandb-summary.json could not be written: ${(error as Error).message}`);
  }
}
