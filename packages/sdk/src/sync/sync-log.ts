import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { REWIND_RUN, UPSERT_RUN } from "@steelyard/protocol/documents";
import { FILE_STREAM_NAMES, type FileStreamRequest } from "@steelyard/protocol/file-stream";
import type { AlertFields } from "@steelyard/protocol/records";
import { sendAlert } from "../alert.ts";
import { writeArtifact } from "../artifacts/artifact-writer.ts";
import { graphql, type Http, RefusedError } from "../http.ts";
import { type LoggedLines, LoggedRunReader, NO_RUN } from "../logged-run.ts";
import { OWN_FILES, writeOwnFile } from "../run-files/own-file.ts";
import { existing, type RunAddress, sendConfig, streamRows } from "../run-transport.ts";
import { consoleChunk } from "../uplink.ts";
import { writerHeaders } from "../writer.ts";
import { firstPlaces } from "./first-places.ts";
import { LogFile } from "./log-file.ts";
import { LogWriter } from "./log-writer.ts";
import { settledStep, unsentBefore } from "./resumed-logs.ts";
import { type FirstPlaces, readSyncState, writeSyncState } from "./sync-state.ts";
import { SyncedFiles } from "./synced-files.ts";

/** Of lines in one request; the official client's are as large. */
const MAX_REQUEST_CHARACTERS = 2 ** 19;
const MAX_REQUEST_LINES = 20_000;
/** A log without an end is of a process that died. */
const DIED = 1;
/** How often a growing log is looked at. */
const LOOK_EVERY_MS = 1000;
/** A server takes a run for crashed that says nothing for five minutes. */
const HEARTBEAT_MS = 30_000;
/** What the run is to be at the server, in place of what its log says. */
export interface RunOverrides {
  entity?: string | undefined;
  project?: string | undefined;
  runId?: string | undefined;
  displayName?: string | undefined;
  group?: string | undefined;
  jobType?: string | undefined;
  notes?: string | undefined;
  tags?: readonly string[] | undefined;
  /** Old tag → new tag. */
  replaceTags?: ReadonlyMap<string, string> | undefined;
}

export interface LogSyncOptions extends RunOverrides {
  /** Where the log names no project. */
  defaultProject: string;
  /** Where it names no user or team; undefined: whom the key is of. */
  defaultEntity?: string | undefined;
  /** False: nothing is to say that the log was sent. */
  markSynced?: boolean | undefined;
  /** Everything, also what was noted as sent. */
  again?: boolean | undefined;
  /** Behind what the run has at the server. */
  append?: boolean | undefined;
  skipConsole?: boolean | undefined;
  /** Patterns of files that are not uploaded. */
  ignoreGlobs?: readonly string[] | undefined;
  /** Goes on until the log says that its run has ended, or its process is gone. */
  follow?: boolean | undefined;
  onOpen?: ((run: RunAddress, displayName: string) => void) | undefined;
  onProgress?: ((progress: SyncProgress) => void) | undefined;
}

export interface SyncProgress {
  /** Of the log, read and sent. */
  bytes: number;
  /** Length of the log now. */
  ofBytes: number;
  /** Rows of history among them. */
  rows: number;
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
 * Send what a `.wandb` log holds, whoever wrote it, as it is read. Lines go to the places they have in the log, and how far
 * it got is noted beside it: sending again, or after whoever was interrupted, goes on from there and doubles nothing. Throws
 * what the server refuses, the signal's reason, and Error for what is no log.
 */
export async function syncLog(logFile: string, http: Http, options: LogSyncOptions): Promise<Synced> {
  for (const earlier of unsentBefore(logFile)) await syncLog(earlier, http, options);
  const file = new LogFile(logFile);
  try {
    return await new LogSync(file, http, options).whole();
  } finally {
    file.close();
  }
}

/** What the process that wrote the log told of its machine. Logs of the SDK have no record of it: old clients stop there. */
function metadataIn(folder: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "wandb-metadata.json"), "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** What there is once the run is known at the server. */
interface Opened {
  run: RunAddress;
  displayName: string;
  made: boolean;
  first: FirstPlaces;
  files: SyncedFiles;
}

/** What the server had before this sync. */
interface Before {
  first: FirstPlaces;
  /** So many records of the log. */
  sent: number;
  /** The run is there by a sync alone: nobody has been told of its alerts yet. */
  made: boolean;
}

interface Where {
  runId: string;
  project: string;
  entity: string | null;
}

class LogSync {
  readonly #file: LogFile;
  #http: Http;
  readonly #options: LogSyncOptions;
  readonly #reader = new LoggedRunReader();
  readonly #writer: LogWriter;
  #before: Before | undefined;
  #opened: Opened | undefined;
  /** Lines that were sent, or had been. */
  #lines = { history: 0, events: 0 };
  /** What the server has all of: records, and where of the log they end. */
  #there = { records: 0, bytes: 0 };
  /** Those the log has shown, those the server had before, and how many of the first are there. */
  #artifacts = { seen: 0, before: 0, sent: 0 };
  /** What the log has and could be sent another time. */
  readonly #unsent: string[] = [];
  /** Of the reader, when they were last sent. */
  #toldRun = 0;
  #toldConfig = 0;
  #toldSummary = 0;
  #toldPreempting = false;
  #spokeAtMs = performance.now();

  constructor(file: LogFile, http: Http, options: LogSyncOptions) {
    this.#file = file;
    this.#http = http;
    this.#options = options;
    this.#writer = new LogWriter(file.path);
    this.#reader.environment = metadataIn(this.#folder);
  }

  async whole(): Promise<Synced> {
    for (;;) {
      const last = !this.#options.follow || this.#reader.exitCode !== undefined || this.#isAbandoned();
      await this.#readOn(last);
      if (last) break;
      if (this.#reader.exitCode === undefined) await this.#pause();
    }
    if (!this.#opened) throw new Error(NO_RUN);
    return this.#end(this.#opened);
  }

  /** Reads what the log has now, and sends it. */
  async #readOn(last: boolean): Promise<void> {
    for (const found of this.#file.records(last)) {
      this.#reader.take(found);
      if (!this.#reader.run) continue;
      this.#before ??= await this.#lookUp();
      if (this.#reader.records < this.#before.sent) {
        if (this.#isMuch) this.#drop();
        continue;
      }
      if (this.#reader.records === this.#before.sent) this.#drop();
      if (this.#isMuch) await this.#send(false);
    }
    if (this.#before && (last || this.#reader.records >= this.#before.sent)) await this.#send(last);
  }

  get #isMuch(): boolean {
    return this.#reader.waiting >= MAX_REQUEST_CHARACTERS || this.#reader.waitingRows >= MAX_REQUEST_LINES;
  }

  /** One that is refused must not keep the rest of the log from the server. */
  async #sendAlert(run: RunAddress, alert: AlertFields): Promise<void> {
    try {
      await sendAlert(this.#http, run, alert);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#reader.losses.push(
        `the alert ${JSON.stringify(alert.title.slice(0, 100))} was refused (${error.status} ${error.message})`,
      );
    }
  }

  /** Lines that are at the server already. */
  #drop(): void {
    const { history, events } = this.#reader.takeLines();
    this.#lines.history += history.length;
    this.#lines.events += events.length;
    this.#reader.alerts.length = 0;
  }

  get #where(): Where {
    const { runId = "", project, entity } = this.#reader.run ?? {};
    const options = this.#options;
    return {
      runId: options.runId ?? runId,
      project: options.project ?? (project || options.defaultProject),
      entity: options.entity ?? (entity || (options.defaultEntity ?? null)),
    };
  }

  /** What the server has of the run, and how much of that is of this log. */
  async #lookUp(): Promise<Before> {
    const { writer = "" } = this.#reader.run ?? {};
    this.#http = { ...this.#http, headers: { ...this.#http.headers, ...writerHeaders({ id: writer }) } };
    const { entity, ...where } = this.#where;
    const bucket = await existing(this.#http, { ...where, entity: entity ?? "" });
    const none = { first: { history: 0, events: 0, console: 0 }, sent: 0 };
    const { resumed, unsettled } = this.#reader.run ?? {};
    if (unsettled) this.#reader.stepShift = settledStep(this.#file.path, bucket);
    if (!bucket) return { ...none, made: true };
    const state = readSyncState(this.#file.path);
    if (state && state.server === this.#http.baseUrl && state.run === bucket.id) {
      const { first, bytes, rows, records } = state;
      const isThere = bytes <= this.#file.bytes && bucket.historyLineCount >= first.history + rows;
      const goesOn = isThere && !this.#options.again;
      if (goesOn) this.#artifacts = { seen: 0, before: state.artifacts, sent: state.artifacts };
      return { first, sent: goesOn ? records : 0, made: goesOn && state.made };
    }
    if (resumed || unsettled || this.#options.append)
      return { ...none, first: firstPlaces(this.#file.path, bucket, this.#unsent), made: false };
    // Lines of others must not be written over: whoever went on with the run has its rows where these would come.
    if (
      writer === "" &&
      bucket.historyLineCount > 0 &&
      firstPlaces(this.#file.path, bucket, []).console !== undefined
    )
      throw new Error(
        `the run ${where.runId} at the server has rows of another process behind those of this log, or in their place; --append puts the log's rows behind them, --id NEW makes a run of its own`,
      );
    return { ...none, made: false };
  }

  /** The run at the server, with what the log says of it up to here. */
  async #open({ first, sent, made }: Before): Promise<Opened> {
    const where = this.#where;
    const branch = this.#reader.run?.branch;
    if (branch?.run === where.runId && sent === 0)
      await graphql(this.#http, REWIND_RUN, {
        runName: where.runId,
        project: where.project,
        entity: where.entity,
        metricName: branch.metric || "_step",
        metricValue: branch.value,
      });
    const { inserted, bucket } = await this.#upsert();
    const run: RunAddress = {
      id: bucket.id,
      name: bucket.name,
      entity: bucket.project.entity.name,
      project: bucket.project.name,
    };
    this.#options.onOpen?.(run, bucket.displayName);
    const opened = {
      run,
      displayName: bucket.displayName,
      // Servers of old say nothing of it.
      made: made && (sent > 0 || inserted !== false),
      first,
      files: new SyncedFiles(this.#http, run, this.#folder, this.#options.ignoreGlobs),
    };
    this.#note(opened, false);
    return opened;
  }

  get #folder(): string {
    return join(dirname(this.#file.path), "files");
  }

  async #upsert(): Promise<Upserted> {
    const { run, environment, config } = this.#reader;
    const options = this.#options;
    const where = this.#where;
    const tags = (options.tags ?? run?.tags ?? []).map((tag) => options.replaceTags?.get(tag) ?? tag);
    const program = environment?.program;
    const { upsertBucket } = await graphql<{ upsertBucket: Upserted }>(this.#http, UPSERT_RUN, {
      name: where.runId,
      project: where.project,
      entity: where.entity,
      groupName: options.group ?? (run?.group || null),
      displayName: options.displayName ?? (run?.displayName || null),
      notes: options.notes ?? (run?.notes || null),
      tags: tags.length > 0 ? tags : null,
      jobType: options.jobType ?? (run?.jobType || null),
      sweep: run?.sweepId || null,
      host: run?.host || null,
      program: typeof program === "string" ? program : null,
      repo: run?.git?.remote || null,
      commit: run?.git?.commit || null,
      config: config.json,
    });
    this.#toldRun = this.#reader.runChanges;
    this.#toldConfig = this.#reader.configChanges;
    return upsertBucket;
  }

  /** What was read and not yet sent; then it is noted as sent. `last`: the end of the log. */
  async #send(last: boolean): Promise<void> {
    if (!this.#before) return;
    this.#opened ??= await this.#open(this.#before);
    const { run, first, files, made } = this.#opened;
    const lines = this.#reader.takeLines();
    if (this.#options.follow && !last) await this.#tellChanges(run);
    for (const request of this.#requests(lines, first, last)) {
      await streamRows(this.#http, run, request, undefined);
      this.#spokeAtMs = performance.now();
    }
    this.#lines.history += lines.history.length;
    this.#lines.events += lines.events.length;
    await this.#sendArtifacts(run);
    for (const alert of this.#reader.alerts.splice(0)) if (made) await this.#sendAlert(run, alert);
    // While the run goes on the page wants its images; of one that is over, its files come together at the end.
    if (this.#options.follow && !last) await files.send(this.#due(files, false));
    this.#there = { records: this.#reader.records, bytes: this.#file.done };
    this.#note(this.#opened, false);
    this.#options.onProgress?.({
      bytes: this.#file.done,
      ofBytes: this.#file.bytes,
      rows: this.#lines.history,
    });
  }

  /** What is to be sent now, by its policy: `now` once, `end` when the run is over, `live` whenever it changed. */
  #due(files: SyncedFiles, ended: boolean): string[] {
    return [...this.#reader.files].flatMap(([name, policy]) => {
      const due = policy === "now" ? !files.sent.has(name) : policy === "live" || ended;
      return due ? [name] : [];
    });
  }

  /** One that cannot be sent holds nothing else up; those behind it are offered again next time. */
  async #sendArtifacts(run: RunAddress): Promise<void> {
    for (const artifact of this.#reader.artifacts.splice(0)) {
      if (this.#artifacts.seen++ < this.#artifacts.before) continue;
      try {
        await writeArtifact(this.#http, run, artifact);
        if (this.#artifacts.sent === this.#artifacts.seen - 1) this.#artifacts.sent++;
      } catch (error) {
        this.#http.signal.throwIfAborted();
        this.#unsent.push(
          `the artifact ${artifact.name} (${artifact.type}) is not sent: ${(error as Error).message}`,
        );
      }
    }
  }

  async #tellChanges(run: RunAddress): Promise<void> {
    if (this.#toldRun !== this.#reader.runChanges) await this.#upsert();
    else if (this.#toldConfig !== this.#reader.configChanges) {
      await sendConfig(this.#http, run, this.#reader.config.json);
      this.#toldConfig = this.#reader.configChanges;
    }
  }

  *#requests(
    { history, events, console }: LoggedLines,
    first: FirstPlaces,
    last: boolean,
  ): Generator<FileStreamRequest> {
    const files: NonNullable<FileStreamRequest["files"]> = {};
    if (history.length > 0)
      files[FILE_STREAM_NAMES.history] = { offset: first.history + this.#lines.history, content: history };
    if (events.length > 0)
      files[FILE_STREAM_NAMES.events] = { offset: first.events + this.#lines.events, content: events };
    const stretches = first.console === undefined || this.#options.skipConsole ? [] : console;
    const [stretch, ...others] = stretches.map((stretch) => {
      const { offset, content } = consoleChunk(stretch, this.#reader.run?.label);
      return { offset: (first.console ?? 0) + offset, content };
    });
    if (stretch) files[FILE_STREAM_NAMES.console] = stretch;
    if (this.#options.follow && !last && this.#toldSummary !== this.#reader.summaryChanges) {
      this.#toldSummary = this.#reader.summaryChanges;
      files[FILE_STREAM_NAMES.summary] = { offset: 0, content: [this.#reader.summaryJson] };
    }
    const preempting = this.#reader.preempting && !this.#toldPreempting && this.#options.follow && !last;
    if (preempting) this.#toldPreempting = true;
    if (Object.keys(files).length > 0 || preempting) yield { files, ...(preempting ? { preempting } : {}) };
    for (const stretch of others) yield { files: { [FILE_STREAM_NAMES.console]: stretch } };
  }

  /** Files, then the end: with it the server takes the run as over. */
  async #end(opened: Opened): Promise<Synced> {
    const { run, displayName, files } = opened;
    const reader = this.#reader;
    // Of several writers the others may go on.
    const ended = !reader.notComplete && (!reader.run?.writer || reader.exitCode !== undefined);
    await this.#tellChanges(run);
    this.#writeOwn();
    await files.send([...OWN_FILES, ...this.#due(files, true)]);
    await streamRows(
      this.#http,
      run,
      {
        files: { [FILE_STREAM_NAMES.summary]: { offset: 0, content: [reader.summaryJson] } },
        uploaded: [...files.sent],
        ...(reader.preempting && reader.exitCode !== 0 ? { preempting: true } : {}),
        ...(ended ? { complete: true, exitcode: reader.exitCode ?? DIED } : {}),
      },
      undefined,
    );
    for (const [name, reason] of files.refused) this.#unsent.push(`${name} is not sent: ${reason}`);
    this.#there.bytes = this.#file.read;
    this.#note(opened, this.#unsent.length === 0 && this.#options.markSynced !== false);
    return {
      run,
      displayName,
      historyLines: this.#lines.history,
      files: files.sent.size,
      losses: [...reader.losses, ...this.#unsent],
      incomplete: this.#unsent.length > 0,
    };
  }

  #note({ run, made, first }: Opened, ended: boolean): void {
    try {
      writeSyncState(this.#file.path, {
        server: this.#http.baseUrl,
        run: run.id,
        ...this.#there,
        rows: this.#lines.history,
        artifacts: this.#artifacts.sent,
        first,
        made,
        ended,
      });
    } catch {
      // A folder that can only be read: what is interrupted there begins anew.
    }
  }

  #isAbandoned(): boolean {
    return this.#writer.state(this.#reader.run?.host ?? "", this.#file.writtenAtMs) === "gone";
  }

  /** Until the log is looked at again. Whose process may live must not be taken for crashed. */
  async #pause(): Promise<void> {
    const { signal } = this.#http;
    if (
      this.#opened &&
      performance.now() - this.#spokeAtMs >= HEARTBEAT_MS &&
      this.#writer.state(this.#reader.run?.host ?? "", this.#file.writtenAtMs) === "there"
    ) {
      await streamRows(this.#http, this.#opened.run, {}, undefined);
      this.#spokeAtMs = performance.now();
    }
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }, LOOK_EVERY_MS);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** What an offline process left to whoever sends its log. */
  #writeOwn(): void {
    const { config, summaryJson, environment, losses } = this.#reader;
    const folder = this.#folder;
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
