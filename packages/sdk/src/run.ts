import { join, resolve } from "node:path";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { type AlertOptions, alertFields } from "./alert.ts";
import type { NewFile } from "./artifacts/staged-artifact.ts";
import type { CodeOptions } from "./code/source-files.ts";
import { Config } from "./config.ts";
import { captureConsole } from "./console.ts";
import { writeCrashReport } from "./crash-report.ts";
import { type Dropped, Drops, logDropped } from "./drops.ts";
import { FinishProgress } from "./finish-progress.ts";
import { type LiveView, liveView } from "./live-view.ts";
import type { FromWorker, InOrder, WorkerStart } from "./messages.ts";
import { type DefineMetricOptions, MetricDefinitions, metricFields } from "./metric-definitions.ts";
import type { Printer } from "./printer.ts";
import { EXIT_DEADLINE_MS, type LeavingRun, watchProcessEnd } from "./process-end.ts";
import type { ProgramLog } from "./program-log.ts";
import { RingWriter } from "./ring.ts";
import type { PlacedFiles, SaveOptions } from "./run-files/saved-files.ts";
import type { OpenedRun } from "./run-opening.ts";
import { type LeftRun, tellEnd, type Whereabouts, whoHasIt } from "./run-report.ts";
import { type LogOptions, RunRows } from "./run-rows.ts";
import { RunSummary } from "./run-summary.ts";
import { watchThread } from "./system/thread-metrics.ts";
import type { RunThread } from "./worker-thread.ts";

type CodeFiles = (root: string, options: CodeOptions) => Promise<{ name: string; files: NewFile[] }>;
type RunEnd = Omit<Extract<FromWorker, { kind: "finished" }>, "kind">;

/**
 * One run. `log` costs a fraction of a microsecond on the calling thread: the numbers are written into shared memory, and
 * the run's worker does the rest.
 */
export class Run {
  /** Id of the run, its own within the project. */
  readonly id: string;
  /** User or team that owns the project; offline, what was asked for. */
  readonly entity: string;
  /** The run's project. */
  readonly project: string;
  /** Name shown on the page. */
  readonly name: string;
  /** True when the run existed and goes on. */
  readonly resumed: boolean;
  /** Folder of the run's files. */
  readonly dir: string;
  /** The run's page; "" offline. Of an anonymous run it has the key that opens it. */
  readonly url: string;
  /**
   * The run's configuration: `config.lr`, `config.lr = 0.1`, `{ ...config }`, and its methods, which also reach keys that
   * have a method's name. Each change is recorded and sent.
   */
  readonly config: LiveView<Config>;
  /** The last value of each key, or what `defineMetric` asked for, or what you set; used as `config` is. */
  readonly summary: LiveView<RunSummary>;

  readonly #rows: RunRows;
  readonly #ring: RingWriter;
  readonly #onFinish: (run: Run, exitCode: number) => void;
  readonly #placeFiles: (pattern: string, options: SaveOptions) => PlacedFiles;
  readonly #codeFiles: CodeFiles;
  readonly #thread: RunThread;
  readonly #done: Int32Array;
  readonly #log: ProgramLog;
  readonly #print: Printer;
  readonly #whereabouts: Whereabouts;
  readonly #maxSummary: number;
  readonly #forget: (() => void)[] = [];
  readonly #stop = new AbortController();
  #finished: Promise<void> | undefined;
  /** Where the run adds itself, when others end with it, for what is said of all that are left. */
  #left: LeftRun[] | undefined;
  #ended: (end: RunEnd) => void = () => {};
  #progress: FinishProgress | undefined;
  readonly #definitions = new MetricDefinitions();
  readonly #finishLimitMs: number | undefined;
  readonly #finishRaises: boolean;
  readonly #drops: Drops;
  readonly #shared: boolean;
  readonly #startWaitMs: number;
  /** Until the run's thread has started. */
  #starting: NodeJS.Timeout | undefined;
  /** Why the run ended without its thread. */
  #threadless: Error | undefined;

  /** @internal Made by `init`. */
  constructor(
    start: WorkerStart,
    started: OpenedRun,
    thread: RunThread,
    log: ProgramLog,
    print: Printer,
    options: {
      whereabouts: Whereabouts;
      /** Values of the summary that the end tells. */
      maxSummary: number;
      console: "off" | "own" | "children";
      /** Keys of the config that may not be changed. */
      locked: ReadonlySet<string>;
      placeFiles: (pattern: string, options: SaveOptions) => PlacedFiles;
      lateSteps: "drop" | "send";
      onDrop: "warn" | "event" | "error";
      codeFiles: CodeFiles;
      /** How long the end may take; undefined: as long as the server gives signs, and a moment where the process leaves. */
      finishLimitMs: number | undefined;
      finishRaises: boolean;
      /** How long the run's thread may take to start, seconds. */
      startWaitS: number;
      onFinish: (run: Run, exitCode: number) => void;
    },
  ) {
    this.id = started.run.name;
    this.entity = started.run.entity;
    this.project = started.run.project;
    this.name = started.displayName;
    this.resumed = started.resumed;
    this.dir = start.filesDir;
    this.url = options.whereabouts.urls?.run ?? "";
    this.#whereabouts = options.whereabouts;
    this.#maxSummary = options.maxSummary;
    this.#onFinish = options.onFinish;
    this.#placeFiles = options.placeFiles;
    this.#codeFiles = options.codeFiles;
    this.#finishLimitMs = options.finishLimitMs;
    this.#finishRaises = options.finishRaises;
    this.#drops = new Drops(options.onDrop, print);
    this.#shared = start.writer.id !== "";
    this.#thread = thread;
    this.#log = log;
    log.onFull = (error) => this.#drops.later(logDropped(start.logFile, error, start.mode === "online"));
    this.#ring = new RingWriter(start.ring, log, () => thread.tell({ kind: "drain" }));
    this.#rows = new RunRows(
      {
        ring: this.#ring,
        tellShape: (id, keys) => {
          log.define(id, keys);
          thread.tell({ kind: "shape", id, keys });
        },
        post: (row) => this.#post(row),
        drop: (dropped) => this.#drops.now(dropped),
        warn: print.serious,
        refuse: () => this.#tellFinished(),
      },
      { step: started.step, shared: this.#shared, sendsLate: options.lateSteps === "send" },
    );
    this.#done = new Int32Array(start.done);
    this.#print = print;
    const own = Object.fromEntries(
      Object.entries(start.config).map(([key, json]) => [key, parseExtendedJson(json)]),
    );
    const config = new Config(
      { ...started.config, ...own },
      (all) => this.#post({ kind: "config", config: all }),
      (key) => {
        if (!options.locked.has(key)) return false;
        print.serious(`config.${key} is set by the sweep, and stays as it is`);
        return true;
      },
    );
    this.config = liveView(() => config);
    const summary = new RunSummary(
      this.#rows.kept,
      () => this.#rows.settle(),
      (entries) => this.#post({ kind: "summary", entries }),
    );
    this.#rows.kept.restore(started.summary);
    this.summary = liveView(() => summary);
    thread.listen(
      (message) => this.#hear(message),
      (error) =>
        this.#endThreadless(
          `the run cannot go on: ${error.message}; what it has is in ${start.logFile}${writeCrashReport(start.crashReport, error)}`,
        ),
    );
    this.#startWaitMs = options.startWaitS * 1000;
    this.#starting = setTimeout(() => this.#giveUp(options.startWaitS), this.#startWaitMs).unref();
    this.#forget.push(
      watchProcessEnd({
        finish: (code, left) => {
          this.#left = left;
          return this.finish(code);
        },
        leave: (code) => this.#leaveProcess(code),
      }),
    );
    if (start.system.intervalMs < Number.POSITIVE_INFINITY) {
      const { watched, stop } = watchThread(start.system.intervalMs);
      thread.tell({ kind: "thread", watched });
      this.#forget.push(stop);
    }
    print.quietly("INFO", options.console === "off" ? "Output is not recorded." : "Wrapping output streams.");
    if (options.console !== "off")
      this.#forget.push(
        captureConsole((stream, text) => this.#output(stream, text), {
          children: options.console === "children",
        }),
      );
  }

  /**
   * Step of the next row.
   *
   * @throws Error when several processes write the run (`mode: "shared"`): the server numbers the rows.
   */
  get step(): number {
    if (this.#shared)
      throw new Error("a shared run has no step here: the server numbers the rows of its writers");
    return this.#rows.step;
  }

  /** Someone asked this run to stop, from the page or the API. */
  get stopRequested(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Aborted when someone asks the run to stop: pass it to what should end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Record a row. Values are numbers (NaN and infinities too), text, booleans, null, lists, nested objects (their keys are
   * joined by dots when read), BigInt, Date, `Histogram` and typed arrays: one number is itself, up to 32 are a list, more
   * a histogram of 32 bins. Returns at once; when the run's worker is behind and 64 KB of rows are not in the log, it waits
   * a millisecond at most and then writes a part of them itself. Once the run is finished nothing is recorded (`onDrop` says
   * how that is told).
   *
   * @throws TypeError when `data` is no object, or a value cannot be logged (a function, a symbol); nothing of the row is
   *   recorded then; DroppedError when the row is not recorded and `onDrop` is `error`.
   * @example run.log({ loss: 0.25, "val/accuracy": 0.91 });
   */
  log(data: Readonly<Record<string, unknown>>, options?: LogOptions): void;
  /** As in `@wandb/sdk`. */
  log(data: Readonly<Record<string, unknown>>, step: number | undefined, commit?: boolean): void;
  log(data: Readonly<Record<string, unknown>>, options?: LogOptions | number, commit?: boolean): void {
    this.#rows.log(data, options, commit);
  }

  /**
   * Hear of everything that is lost, or does not get to the server, whatever `onDrop` says.
   *
   * @param event `dropped`.
   * @returns The end of it.
   * @throws TypeError when there is no such event.
   * @example run.on("dropped", ({ kind, message }) => logger.error({ kind }, message));
   */
  on(event: "dropped", listener: (dropped: Dropped) => void): () => void {
    if (event !== "dropped")
      throw new TypeError(`a run has no event ${JSON.stringify(event)}; it has "dropped"`);
    return this.#drops.on(listener);
  }

  /**
   * Say how a key is shown and what the summary keeps of it.
   *
   * @param name The key; with `*` as its last character, every key that begins so.
   * @throws TypeError when the name is empty or has `*` elsewhere, `stepMetric` has one, or `summary` or `goal` is not known.
   * @example run.defineMetric("val/*", { stepMetric: "epoch", summary: "min" });
   */
  defineMetric(name: string, options: DefineMetricOptions = {}): void {
    const metric = metricFields(name, options);
    const all = this.#definitions.define(metric);
    this.#rows.define(metric, all.stepSync ? all.stepMetric : "");
    this.#print.quietly("INFO", `defineMetric ${JSON.stringify(metric)}`);
    this.#post({ kind: "metric", metric });
  }

  /**
   * Tell whoever watches: shown on the run's page, and recorded. The server keeps alerts of one title apart by
   * `waitDuration`. Offline it is sent with the log.
   *
   * @throws TypeError when the title is empty, or another option is not what it may be.
   * @example run.alert({ title: "Low accuracy", text: `below 0.5 at epoch ${epoch}`, level: "WARN" });
   */
  alert(options: AlertOptions): void {
    const alert = alertFields(options);
    this.#print.quietly("INFO", `alert ${JSON.stringify(alert)}`);
    this.#post({ kind: "alert", alert });
  }

  /**
   * Write lines to the run's console log, and not to the terminal: what a logging library's transport calls. Whether
   * standard output is recorded does not matter; a finished run takes none, without a word, for such libraries live on.
   *
   * @throws TypeError when it is no text.
   * @example run.writeLogs("epoch 3 done");
   */
  writeLogs(text: string): void {
    if (typeof text !== "string") throw new TypeError(`writeLogs takes a text, not ${typeof text}`);
    if (!this.#finished) this.#post({ kind: "lines", atMs: Date.now(), text: text.toWellFormed() });
  }

  /**
   * Say that this machine may be taken away soon: the run is shown as preempting, told at once, and as preempted when it
   * then ends with another exit code than 0 or falls silent.
   *
   * @example process.on("SIGTERM", () => run.markPreempting());
   */
  markPreempting(): void {
    this.#print.quietly("INFO", "marked as preempting");
    this.#post({ kind: "preempting" });
  }

  /**
   * Save files with the run: they are linked into its folder (WANDB_SYMLINK) and uploaded in the background. A pattern is
   * expanded now, once; a folder stands for all files in it.
   *
   * @param pattern A path or a pattern (`*`, `?`, `[a-z]`, `**`), relative to the working directory.
   * @returns The files in the run's folder, as absolute paths, in order; empty when nothing was found, with a warning.
   * @throws TypeError when the path is not below `basePath`, or the policy is not known.
   * @example run.save("checkpoints/*.safetensors", { policy: "end" });
   */
  save(pattern: string, options: SaveOptions = {}): string[] {
    if (this.#finished) {
      this.#tellFinished();
      return [];
    }
    const { files, warnings } = this.#placeFiles(pattern, options);
    for (const warning of warnings) this.#print.serious(warning);
    if (files.length > 0) this.#post({ kind: "files", files });
    return files.map(({ path }) => join(this.dir, path)).sort();
  }

  /**
   * Store source files as an artifact of type `code`, of which each change is a version: what the files are now, copied and
   * uploaded in the background. Links to folders, `node_modules`, `.git` and the folder of runs are left out.
   *
   * @param root The folder to take them from.
   * @returns The artifact's name; undefined when there was no such file, with a warning.
   * @throws Error when there is no such folder.
   * @example await run.logCode(".", { exclude: (path) => path.startsWith("data/") });
   */
  async logCode(root = ".", options: CodeOptions = {}): Promise<string | undefined> {
    if (this.#finished) {
      this.#tellFinished();
      return undefined;
    }
    const { name, files } = await this.#codeFiles(root, options);
    if (files.length === 0) {
      this.#print.serious(`no code is stored: nothing in ${resolve(root)} looks like code`);
      return undefined;
    }
    this.#post({ kind: "code", name, files });
    return name;
  }

  /**
   * End the run: the last rows are written and sent. Resolves when the server has everything, or gave no sign for a
   * minute, or when WANDB_FINISH_TIMEOUT is over; the log then has the rest, and the printed line says what that is and
   * how to send it.
   *
   * @param exitCode 0 is finished, anything else failed; 0 when not given.
   * @throws DroppedError when something was lost after the call that told it, and `onDrop` is `error` (the run has ended);
   *   Error when it gave up and WANDB_FINISH_TIMEOUT_RAISES is set.
   * @example await run.finish();
   */
  finish(exitCode = 0): Promise<void> {
    if (this.#threadless) return Promise.reject(this.#threadless);
    this.#finished ??= this.#finish(exitCode);
    this.#rows.end();
    return this.#finished;
  }

  async #finish(exitCode: number): Promise<void> {
    this.#print.quietly(
      "INFO",
      `finishing run ${this.id} with exit code ${exitCode}, ${this.#rows.count} rows`,
    );
    this.#onFinish(this, exitCode);
    this.#rows.flush();
    const ended = new Promise<RunEnd>((resolve) => {
      this.#ended = resolve;
    });
    this.#thread.hold();
    this.#starting?.ref();
    this.#postFinish(exitCode, this.#finishLimitMs);
    this.#progress = new FinishProgress(this.#print);
    const { sent, gaveUp, history } = await ended;
    this.#progress.end();
    this.#over();
    this.#log.tellFull();
    this.#drops.tellAll();
    this.#print.quietly("INFO", whoHasIt(sent, this.#drops.refused));
    this.#rows.settle();
    tellEnd(this.#print, this.#whereabouts, {
      sent,
      rows: this.#rows.count,
      grids: { history, summary: this.#rows.kept.entries, maxSummary: this.#maxSummary },
      unsaid: this.#left !== undefined,
    });
    if (!sent) this.#left?.push({ print: this.#print, whereabouts: this.#whereabouts });
    if (this.#threadless) throw this.#threadless;
    if (this.#drops.error) throw this.#drops.error;
    if (gaveUp && this.#finishRaises) throw new Error(gaveUp);
  }

  #leaveProcess(exitCode: number): LeavingRun | undefined {
    if (Atomics.load(this.#done, 0) !== 0) return undefined;
    this.#print.quietly("INFO", `got exitcode: ${exitCode}; the process is leaving`);
    const limitMs = this.#finishLimitMs ?? EXIT_DEADLINE_MS;
    if (!this.#finished) {
      this.#onFinish(this, exitCode);
      this.#rows.flush();
      this.#postFinish(exitCode, limitMs);
    }
    return {
      limitMs,
      startWaitMs: this.#startWaitMs,
      waitForStart: (ms) => this.#log.waitForHandOver(ms),
      waitForEnd: (ms) => Atomics.wait(this.#done, 0, 0, ms),
      tellEnd: () => this.#tellLeaving(),
    };
  }

  #tellLeaving(): LeftRun | undefined {
    const done = Atomics.load(this.#done, 0);
    this.#progress?.end();
    if (done === 0) this.#print.quietly("WARNING", "no more time to wait");
    else this.#print.quietly("INFO", "the run's thread is done");
    this.#log.tellFull();
    this.#drops.tellAll();
    if (done !== 2) return { print: this.#print, whereabouts: this.#whereabouts };
    tellEnd(this.#print, this.#whereabouts, { sent: true, rows: this.#rows.count });
    return undefined;
  }

  #tellFinished(): void {
    const message = `run ${this.id} is finished; what it is told now is not recorded`;
    this.#drops.now({ kind: "finished", kept: false, message });
  }

  #postFinish(exitCode: number, limitMs: number | undefined): void {
    this.#log.close();
    this.#thread.tell({ kind: "finish", exitCode, limitMs });
  }

  #over(): void {
    for (const forget of this.#forget.splice(0)) forget();
  }

  #hear(message: FromWorker): void {
    if (message.kind === "notice") (message.serious ? this.#print.serious : this.#print.info)(message.text);
    else if (message.kind === "begun") clearTimeout(this.#starting);
    else if (message.kind === "waiting") this.#progress?.waiting(message.rows);
    else if (message.kind === "dropped") this.#drops.later(message.dropped);
    else if (message.kind === "finished") this.#leave(message);
    else if (message.kind === "refused") {
      clearTimeout(this.#starting);
      this.#print.error(message.message);
      this.#finished ??= Promise.resolve();
      this.#rows.end();
      this.#log.close();
      this.#leave({ sent: false, gaveUp: "", history: { lines: [], more: 0 } });
    } else if (message.kind === "stop" && !this.stopRequested) {
      this.#print.serious(
        message.because
          ? `run ${this.name} ends the program: ${message.because}`
          : `run ${this.name} was asked to stop`,
      );
      this.#stop.abort(new Error(message.because ?? `run ${this.id} was asked to stop`));
      // As the official client interrupts its script. A process that listens to SIGINT decides for itself.
      if (!this.#finished) process.kill(process.pid, "SIGINT");
    }
  }

  #leave(end: RunEnd): void {
    this.#thread.leave();
    this.#ended(end);
  }

  /** What is logged from here on would wait for room that never comes. */
  #giveUp(waitedS: number): void {
    // It may have been this thread that took no turn.
    if (this.#log.handedOver) return;
    const message = `the run's thread did not start within ${waitedS} s (WANDB_X_SERVICE_WAIT): what was logged is in ${this.#log.path}, nothing more is recorded; steelyard sync sends it`;
    this.#threadless = new Error(message);
    this.#endThreadless(message);
  }

  /** The thread says nothing more: who leaves the process is not to wait for it. */
  #endThreadless(message: string): void {
    Atomics.store(this.#done, 0, 1);
    this.#hear({ kind: "refused", message });
  }

  #output(stream: "stdout" | "stderr", text: string): void {
    if (text === "") return;
    this.#post({ kind: "output", stream, atMs: Date.now(), text: text.toWellFormed() });
  }

  #post(message: InOrder): void {
    if (this.#finished) {
      if (message.kind !== "output") this.#tellFinished();
      return;
    }
    this.#ring.mark(Date.now() / 1000, (behind) => {
      this.#log.keep(message, behind);
      this.#thread.tell(message);
    });
  }
}
