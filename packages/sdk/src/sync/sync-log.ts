import { dirname, join } from "node:path";
import { FILE_STREAM_NAMES } from "@steelyard/protocol/file-stream";
import type { AlertFields, LoggedRunFields } from "@steelyard/protocol/records";
import { sendAlert } from "../alert.ts";
import { FileStream, tooLargeText } from "../file-stream.ts";
import { type Http, RefusedError } from "../http.ts";
import { LoggedRunReader, NO_RUN } from "../logged-run.ts";
import { OWN_FILES } from "../run-files/own-file.ts";
import type { RunAddress } from "../run-transport.ts";
import { writerHeaders } from "../writer.ts";
import { LogArtifacts } from "./log-artifacts.ts";
import { LogFile } from "./log-file.ts";
import { LogRequests } from "./log-requests.ts";
import { LogWriter } from "./log-writer.ts";
import { type Before, LoggedRunOpening } from "./logged-run-opening.ts";
import { filesFolderOf, metadataIn, writeOwnFiles } from "./own-folder.ts";
import { unsentBefore } from "./resumed-logs.ts";
import { type SharedLog, sharedLogOf } from "./shared-log.ts";
import type { LogSyncOptions, Synced } from "./sync-options.ts";
import { type FirstPlaces, writeSyncState } from "./sync-state.ts";
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
/** Of what the server, or a proxy before it, would not take in one piece. */
const RAISE_IT =
  "all else is sent; where a proxy sets the limit, raise it (nginx: client_max_body_size) and sync once more with --include-synced";

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

/** What there is once the run is known at the server. */
interface Opened {
  run: RunAddress;
  displayName: string;
  made: boolean;
  first: FirstPlaces;
  stream: FileStream;
  requests: LogRequests;
  artifacts: LogArtifacts;
  files: SyncedFiles;
}

class LogSync {
  readonly #file: LogFile;
  #http: Http;
  readonly #folder: string;
  readonly #options: LogSyncOptions;
  readonly #shared: SharedLog | undefined;
  readonly #reader: LoggedRunReader;
  readonly #writer: LogWriter;
  /** Both once the log has named its run. */
  #opening: LoggedRunOpening | undefined;
  #before: Before | undefined;
  #opened: Opened | undefined;
  /** Lines that were sent, or had been. */
  #lines = { history: 0, events: 0 };
  /** What the server has all of: records, and where of the log they end. */
  #there = { records: 0, bytes: 0 };
  /** What the log has and could be sent another time. */
  readonly #unsent: string[] = [];
  #spokeAtMs = performance.now();

  constructor(file: LogFile, http: Http, options: LogSyncOptions) {
    this.#file = file;
    this.#http = http;
    this.#options = options;
    this.#writer = new LogWriter(file.path);
    this.#shared = sharedLogOf(file.path);
    this.#reader = new LoggedRunReader(this.#shared);
    this.#folder = filesFolderOf(file.path);
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
      this.#opening ??= this.#toOpen(this.#reader.run);
      this.#before ??= await this.#opening.lookUp(this.#unsent);
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

  /** Of several writers each has lines of its own. */
  #toOpen({ writer = "" }: LoggedRunFields): LoggedRunOpening {
    this.#http = { ...this.#http, headers: { ...this.#http.headers, ...writerHeaders({ id: writer }) } };
    return new LoggedRunOpening(this.#file, this.#http, this.#options, this.#reader, this.#shared);
  }

  async #open(opening: LoggedRunOpening, before: Before): Promise<Opened> {
    const { run, displayName, made } = await opening.open(before);
    this.#options.onOpen?.(run, displayName);
    const opened = {
      run,
      displayName,
      made,
      first: before.first,
      stream: new FileStream(this.#http, (what) =>
        this.#reader.losses.push(`${tooLargeText(what)}; ${RAISE_IT}`),
      ),
      requests: new LogRequests(this.#reader, before.first, this.#options),
      artifacts: new LogArtifacts(this.#http, run, before.artifacts, {
        unsent: this.#unsent,
        losses: this.#reader.losses,
      }),
      files: new SyncedFiles(this.#http, run, this.#folder, this.#options.ignoreGlobs),
    };
    this.#note(opened, false);
    return opened;
  }

  /** What was read and not yet sent; then it is noted as sent. `last`: the end of the log. */
  async #send(last: boolean): Promise<void> {
    if (!this.#opening || !this.#before) return;
    this.#opened ??= await this.#open(this.#opening, this.#before);
    const { run, stream, requests, artifacts, files, made } = this.#opened;
    const lines = this.#reader.takeLines();
    if (this.#options.follow && !last) await this.#opening.tellChanges(run);
    for (const { request, history } of requests.of(lines, this.#lines, last)) {
      await stream.send(run, request, history);
      this.#spokeAtMs = performance.now();
    }
    this.#lines.history += lines.history.length;
    this.#lines.events += lines.events.length;
    await artifacts.send(this.#reader.artifacts.splice(0));
    await artifacts.use(this.#reader.used.splice(0));
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

  /** Files, then the end: with it the server takes the run as over. */
  async #end(opened: Opened): Promise<Synced> {
    const { run, displayName, stream, artifacts, files } = opened;
    const reader = this.#reader;
    const goesOn = reader.exitCode === undefined && this.#writer.hasItOpen;
    if (goesOn) this.#unsent.push("its run goes on: what it has logged so far is sent, --watch follows it");
    // Of several writers the others may go on.
    const ended = !goesOn && !reader.notComplete && (!reader.run?.writer || reader.exitCode !== undefined);
    await this.#opening?.tellChanges(run);
    writeOwnFiles(this.#folder, reader);
    await files.send([...OWN_FILES, ...this.#due(files, true)]);
    await stream.send(run, {
      files: { [FILE_STREAM_NAMES.summary]: { offset: 0, content: [reader.summaryJson] } },
      uploaded: [...files.sent],
      ...(reader.preempting && reader.exitCode !== 0 ? { preempting: true } : {}),
      ...(ended ? { complete: true, exitcode: reader.exitCode ?? DIED } : {}),
    });
    for (const [name, reason] of files.refused) this.#unsent.push(`${name} is not sent: ${reason}`);
    this.#there.bytes = this.#file.read;
    const isSent = this.#unsent.length === 0 && this.#options.markSynced !== false;
    this.#note(opened, isSent);
    const staging = [this.#options.stagingFolder, join(dirname(this.#file.path), "artifacts")];
    if (isSent)
      artifacts.removeCopies(
        this.#file.path,
        staging.filter((folder) => folder !== undefined),
      );
    return {
      run,
      displayName,
      historyLines: this.#lines.history,
      files: files.sent.size,
      losses: [...reader.losses, ...this.#unsent],
      incomplete: this.#unsent.length > 0,
    };
  }

  #note({ run, made, first, artifacts }: Opened, ended: boolean): void {
    try {
      writeSyncState(this.#file.path, {
        server: this.#http.baseUrl,
        run: run.id,
        ...this.#there,
        rows: this.#lines.history,
        artifacts: artifacts.sent,
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
      await this.#opened.stream.send(this.#opened.run, {});
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
}
