import { ACCOUNT_FLAGS } from "@steelyard/protocol/documents";
import type { AlertFields, ArtifactFields } from "@steelyard/protocol/records";
import { sendAlert } from "./alert.ts";
import { type WrittenArtifact, writeArtifact } from "./artifacts/artifact-writer.ts";
import type { ConfigDocument } from "./config-document.ts";
import type { InternalLog } from "./debug-log.ts";
import { FileStream, type TooLarge, tooLargeText } from "./file-stream.ts";
import type { History } from "./history.ts";
import { graphql, type Http, RefusedError, saidBy } from "./http.ts";
import type { LineQueue } from "./line-queue.ts";
import type { FromWorker, WorkerStart } from "./messages.ts";
import { NO_LOG } from "./run-log.ts";
import type { OpenedRun } from "./run-opening.ts";
import { type FileUploads, type RunAddress, sendConfig, uploadFiles } from "./run-transport.ts";
import type { Summary } from "./summary.ts";
import { type ConsoleLine, Terminal } from "./terminal.ts";
import { Unsent } from "./unsent.ts";

/** Without rows to send; the answer also says whether the run is to stop, which the official client asks as often. */
const HEARTBEAT_MS = 15_000;
/** A run that ends without a time limit gives up when the server gave no sign for so long. */
const SILENCE_MS = 60_000;
const MAX_REQUEST_LINES = 50_000;
/** Of console lines in a request; as JSON in JSON a character may take twelve bytes, and servers take 64 MiB at most. */
const MAX_CONSOLE_CHARACTERS = 2 * 2 ** 20;

/** What the run has to say, in the order it came; the uplink takes it away. */
export interface Outgoing {
  config: ConfigDocument;
  history: History;
  lines: LineQueue;
  summary: Summary;
}

/**
 * The run's way to the server. One request at a time; a request is sent again until it is answered, so offsets never
 * leave a gap. Rows that the server refuses for good end the sending, not the run; of anything else it refuses, the rest
 * goes on.
 */
export class Uplink {
  readonly #start: WorkerStart;
  readonly #out: Outgoing;
  readonly #tell: (message: FromWorker) => void;
  readonly #abort = new AbortController();
  readonly #hurry = new AbortController();
  readonly #http: Http;
  readonly #stream: FileStream;
  #run: RunAddress;
  #live: boolean;
  terminal = new Terminal(0);
  /** System metrics, a line each. */
  readonly events: string[] = [];
  /** To be told, each on its own. */
  readonly alerts: AlertFields[] = [];
  /** The server is to know at once that the run may lose its machine. */
  preempting = false;
  /** Names of files that were uploaded and not yet told. */
  readonly uploaded: string[] = [];
  #historyOffset = 0;
  #eventsOffset = 0;
  #lastRequestMs = 0;
  /** Of one with something new. */
  #lastSentMs = 0;
  #completed = false;
  #saidRetry = false;
  #stopTold = false;
  #saidDropped = false;
  readonly #unsent: Unsent;
  /** Rows of requests that were not answered (yet). */
  #rowsUnderWay = 0;
  /** When the server last gave a sign. */
  #signMs = performance.now();
  /** Why the run ended before the server had everything; "" when it did not. */
  #gaveUp = "";
  #leftBehind = false;

  readonly #log: InternalLog;
  #requests = 0;

  constructor(start: WorkerStart, out: Outgoing, tell: (message: FromWorker) => void, log: InternalLog) {
    this.#log = log;
    this.#start = start;
    this.#out = out;
    this.#tell = tell;
    this.#live = start.mode === "online";
    this.#run = { id: "", name: start.runId, entity: start.entity, project: start.project };
    this.#http = {
      ...start.connection,
      signal: this.#abort.signal,
      hurry: this.#hurry.signal,
      onRetry: (reason) => this.#retrying(reason),
      ...(start.debug ? { onTry: (facts) => log.write("DEBUG", "request", facts) } : {}),
      onSign: () => {
        this.#signMs = performance.now();
      },
    };
    this.#stream = new FileStream(this.#http, (what) => this.#tooLarge(what));
    this.#unsent = new Unsent(start.logFile, start.filesDir, start.log !== NO_LOG);
  }

  get #hasLog(): boolean {
    return this.#start.log !== NO_LOG;
  }

  get run(): RunAddress {
    return this.#run;
  }

  /** False offline, and after the server refused the run's data. */
  get live(): boolean {
    return this.#live;
  }

  /** History lines the server has, those of others before among them. */
  get historyLines(): number {
    return this.#historyOffset;
  }

  /** True when the server knows that the run is over. */
  get completed(): boolean {
    return this.#completed;
  }

  /** The run is there: what is sent goes behind what it has. */
  opened({ run, historyLines, eventLines, consoleLines, step, resumed }: OpenedRun): void {
    this.#run = run;
    this.#historyOffset = historyLines;
    this.#eventsOffset = eventLines;
    this.terminal = new Terminal(consoleLines);
    this.#log.write("INFO", "the run is open", {
      ...run,
      step,
      resumed,
      historyLines,
      eventLines,
      consoleLines,
    });
  }

  /** Something beside rows did not get to the server: a sync of the log tries it again. */
  get leftBehind(): boolean {
    return this.#leftBehind;
  }

  /** What the user is to know of what the server lacks; "" when it has everything. */
  get gaveUp(): string {
    return this.#gaveUp;
  }

  /**
   * From now on whatever is being tried ends after `limitMs`, or, without one, when the server gave no sign for a minute: a
   * server that is away must not hold the end up. Returns what takes this back.
   */
  endWithin(limitMs: number | undefined): () => void {
    const began = performance.now();
    this.#signMs = began;
    this.#hurry.abort();
    const timer = setInterval(
      () => {
        const now = performance.now();
        if (now - (limitMs === undefined ? this.#signMs : began) < (limitMs ?? SILENCE_MS)) return;
        clearInterval(timer);
        this.#log.write("WARNING", "no more time to send");
        const why =
          limitMs === undefined
            ? `the server gave no sign for ${SILENCE_MS / 1000} s`
            : `the server did not have everything after ${limitMs / 1000} s`;
        this.#abort.abort(new Error(why));
      },
      Math.min(limitMs ?? SILENCE_MS, 50),
    );
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Nothing is sent from here on. */
  stop(error: Error): void {
    this.#live = false;
    this.#abort.abort(error);
  }

  /** Files of the run's folder. What the server refuses is told, and the run goes on. */
  async upload(names: string[]): Promise<FileUploads> {
    const nothing = { sent: [], refused: [] };
    if (!this.#live) return nothing;
    this.#unsent.uploading(names);
    try {
      const uploads = await uploadFiles(this.#http, this.#run, this.#start.filesDir, names);
      const refused = new Set(uploads.refused.map(({ name }) => name));
      this.#unsent.uploaded(names.filter((name) => !refused.has(name)));
      this.#log.write("INFO", "uploaded", { files: uploads.sent });
      return uploads;
    } catch (error) {
      this.untaken(names.join(", "), error);
      return nothing;
    }
  }

  /** Undefined when the server does not take it, which is told; the log has it. */
  async write(artifact: ArtifactFields): Promise<WrittenArtifact | undefined> {
    if (!this.#live) return undefined;
    try {
      const written = await writeArtifact(this.#http, this.#run, artifact);
      this.#log.write("INFO", "artifact written", { name: artifact.name, type: artifact.type, ...written });
      return written;
    } catch (error) {
      this.untaken(`the artifact ${artifact.name}`, error);
      return undefined;
    }
  }

  /** Whether the account wants the code of its runs stored; not, where that cannot be told. */
  async savesCode(): Promise<boolean> {
    if (!this.#live) return false;
    try {
      const { viewer } = await graphql<{ viewer: { flags: string | null } | null }>(
        this.#http,
        ACCOUNT_FLAGS,
        {},
      );
      const flags = JSON.parse(viewer?.flags ?? "{}") as { code_saving_enabled?: unknown } | null;
      return flags?.code_saving_enabled === true;
    } catch (error) {
      this.#log.write("WARNING", "the account's flags cannot be read", { reason: (error as Error).message });
      return false;
    }
  }

  /** The server does not take that, and has said why; the rest of the run goes on. */
  untaken(what: string, why: unknown): void {
    // That there is no more time is told at the end, for everything.
    if (this.#abort.signal.aborted) return;
    this.#leftBehind = true;
    const reason = saidBy(why);
    this.#log.write("ERROR", "not sent", { what, reason });
    if (!this.#live) return;
    const message = `${what} did not get to the server (${reason}); the run goes on, ${this.#unsent.way("sends it again")}`;
    this.#tell({ kind: "dropped", dropped: { kind: "refused", kept: this.#hasLog, message } });
  }

  /** The rest of the run goes on; the log has it whole. */
  #tooLarge(what: TooLarge): void {
    this.#leftBehind = true;
    const text = tooLargeText(what);
    this.#log.write("ERROR", "not sent", { what: text });
    const message = `${text}; all else is sent${this.#hasLog ? `, the log has it: where a proxy sets the limit, raise it (nginx: client_max_body_size), and ${this.#unsent.way("sends it")}` : ""}`;
    const step = what.step === undefined ? {} : { step: what.step };
    const kind = what.kind === "row" ? "long-row" : "refused";
    this.#tell({ kind: "dropped", dropped: { kind, kept: this.#hasLog, message, ...step } });
  }

  /** Send what there is, if it is time to. */
  async turn(): Promise<void> {
    if (!this.#live) return;
    const now = performance.now();
    const isTime = this.preempting || now - this.#lastSentMs >= this.#start.sendEveryMs;
    // However seldom rows are sent, the server is to know that the run lives.
    const isQuiet = now - this.#lastRequestMs >= HEARTBEAT_MS;
    if (!isTime && !isQuiet) return;
    try {
      if (isTime && (await this.#sendNew())) this.#lastSentMs = performance.now();
      else if (isQuiet) this.#heard(await this.#stream.send(this.#run, {}));
      else return;
      this.#lastRequestMs = performance.now();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** False when there was nothing new. */
  async #sendNew(): Promise<boolean> {
    await this.#sendAlerts();
    const sentConfig = await this.#sendConfig();
    return (await this.#sendOnce(undefined)) || sentConfig;
  }

  /** Everything that waits and these uploads, then the end of the run. */
  async complete(exitCode: number, uploads: Promise<void>): Promise<void> {
    if (!this.#live) return;
    try {
      await Promise.all([
        uploads,
        this.#sendAlerts()
          .then(() => this.#sendConfig())
          .then(() => this.#sendOnce(undefined)),
      ]);
      // The server takes the run as over with this one: all else is there.
      while (!this.#completed) await this.#sendOnce({ exitCode });
      const said = this.#leftBehind
        ? "the server has everything but what it refused"
        : "the server has everything";
      this.#log.write(this.#leftBehind ? "WARNING" : "INFO", said, {
        exitCode,
        requests: this.#requests,
        historyLines: this.#historyOffset,
        eventLines: this.#eventsOffset,
      });
    } catch (error) {
      this.#failed(error);
    }
    if (this.#abort.signal.aborted) {
      const left = this.#unsent.text(this.#out.lines.count + this.#rowsUnderWay) || "the end of the run";
      this.#gaveUp = `${(this.#abort.signal.reason as Error).message}: ${left} did not get there; ${this.#hasLog ? "nothing is lost" : "it is lost"}, ${this.#unsent.way("sends it")}`;
      this.#tell({ kind: "notice", serious: true, text: this.#gaveUp });
    }
  }

  /** False when there was nothing new. A config that is refused is told of; the run goes on. */
  async #sendConfig(): Promise<boolean> {
    const { config } = this.#out;
    if (!config.dirty) return false;
    config.dirty = false;
    this.#unsent.config = true;
    this.#log.write("INFO", "sending the config");
    try {
      await sendConfig(this.#http, this.#run, config.json);
      this.#unsent.config = false;
    } catch (error) {
      this.untaken("the config", error);
    }
    return true;
  }

  /** One that is refused is told of; the run goes on. */
  async #sendAlerts(): Promise<void> {
    for (const alert of this.alerts.splice(0)) {
      try {
        await sendAlert(this.#http, this.#run, alert);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        const kept = this.#hasLog ? `; it is kept in ${this.#start.logFile}` : "";
        const message = `the alert ${JSON.stringify(alert.title)} was refused (${error.status} ${error.message})${kept}`;
        this.#tell({ kind: "dropped", dropped: { kind: "refused", kept: this.#hasLog, message } });
      }
    }
  }

  /** One request of what there is; false when there was nothing to say. */
  async #sendOnce(final: { exitCode: number } | undefined): Promise<boolean> {
    const { summary, lines } = this.#out;
    const rows = lines.take(this.#start.maxRequestBytes, MAX_REQUEST_LINES);
    this.#rowsUnderWay += rows.count;
    const samples = this.events.splice(0);
    const uploaded = this.uploaded.splice(0);
    const stretches = this.terminal.take(MAX_CONSOLE_CHARACTERS);
    if (this.terminal.dropped > 0 && !this.#saidDropped) {
      this.#saidDropped = true;
      this.#tell({
        kind: "dropped",
        dropped: {
          kind: "console",
          kept: this.#hasLog,
          message: `the server was away too long for the console output: its oldest lines are ${this.#hasLog ? `kept in ${this.#start.logFile} only` : "lost"}`,
        },
      });
    }
    const newSummary = summary.changed ? this.summaryJson() : undefined;
    const last = final !== undefined && lines.empty && !this.terminal.changed;
    if (
      rows.count === 0 &&
      samples.length === 0 &&
      stretches.length === 0 &&
      newSummary === undefined &&
      !this.preempting &&
      uploaded.length === 0 &&
      !last
    )
      return false;
    const end = last && this.#start.writer.endsRun ? { complete: true, exitcode: final.exitCode } : {};
    const preempting = this.preempting ? { preempting: true } : {};
    const first = stretches.shift();
    const answer = await this.#stream.send(
      this.#run,
      {
        files: {
          ...(samples.length > 0
            ? { "wandb-events.jsonl": { offset: this.#eventsOffset, content: samples } }
            : {}),
          ...(newSummary !== undefined ? { "wandb-summary.json": { offset: 0, content: [newSummary] } } : {}),
          ...(first ? { "output.log": consoleChunk(first, this.#start.writer.label) } : {}),
        },
        ...preempting,
        ...(uploaded.length > 0 ? { uploaded } : {}),
        ...(stretches.length === 0 ? end : {}),
      },
      { offset: this.#historyOffset, lines: rows },
    );
    this.#requests++;
    if (preempting.preempting) this.preempting = false;
    this.#historyOffset += rows.count;
    this.#rowsUnderWay -= rows.count;
    this.#eventsOffset += samples.length;
    // A request carries one run of consecutive lines; a progress bar above others makes several.
    for (const [index, stretch] of stretches.entries()) {
      await this.#stream.send(this.#run, {
        files: { "output.log": consoleChunk(stretch, this.#start.writer.label) },
        ...(index === stretches.length - 1 ? end : {}),
      });
    }
    this.#heard(answer);
    this.#saidRetry = false;
    this.#completed ||= last;
    return true;
  }

  /** The whole summary with the client's own keys; it counts as sent. */
  summaryJson(): string {
    const json = this.#out.summary.take();
    const { last } = this.#out.history;
    if (!last) return json;
    const step = this.#out.history.numbered ? `"_step":${last.step},` : "";
    const facts = `${step}"_runtime":${last.runtime},"_timestamp":${last.timestamp},"_wandb":{"runtime":${Math.round(Number(last.runtime))}}`;
    return json === "{}" ? `{${facts}}` : `${json.slice(0, -1)},${facts}}`;
  }

  #heard(answer: { stopped?: true }): void {
    if (!answer.stopped || this.#stopTold) return;
    this.#stopTold = true;
    this.#log.write("WARNING", "the server asks the run to stop");
    this.#tell({ kind: "stop" });
  }

  #retrying(reason: string): void {
    this.#log.write("WARNING", "no answer, trying again", { reason });
    if (this.#saidRetry) return;
    this.#saidRetry = true;
    this.#tell({
      kind: "notice",
      serious: false,
      text: `the server does not answer (${reason}); the run goes on, rows are kept ${this.#hasLog ? `in ${this.#start.logFile} ` : ""}and sent when it is back`,
    });
  }

  /** Rows are refused for good: the log has everything, and the user is told once. */
  #failed(error: unknown): void {
    if (!this.#live || this.#abort.signal.aborted) return;
    this.#live = false;
    this.#out.history.sending = false;
    this.#out.lines.forget();
    const reason = saidBy(error);
    this.#log.write("ERROR", "sending ends, the log goes on", { reason });
    const message = `the server refused this run's rows (${reason}): nothing more is sent, the program goes on; ${this.#unsent.way("sends what the log has")}`;
    this.#tell({ kind: "dropped", dropped: { kind: "unsent", kept: this.#hasLog, message } });
    if (this.#start.stopOnFatalError)
      this.#tell({ kind: "stop", because: "WANDB_STOP_ON_FATAL_ERROR is set" });
  }
}

/** Lines as the stream of the console has them. */
export function consoleChunk(
  lines: readonly ConsoleLine[],
  label = "",
): { offset: number; content: string[] } {
  return {
    offset: lines[0]?.number ?? 0,
    content: lines.map(({ stream, text, atMs }) =>
      JSON.stringify({
        ...(stream === "stderr" ? { level: "error" } : {}),
        ts: new Date(atMs).toISOString().replace("Z", ""),
        ...(label === "" ? {} : { label }),
        content: text,
      }),
    ),
  };
}
