import { randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import {
  exitRecord,
  type FileItem,
  filesRecord,
  statsRecord,
  summaryRecord,
} from "@steelyard/protocol/records";
import { RunArtifacts } from "./artifacts/run-artifacts.ts";
import { branchFacts, ConfigDocument } from "./config-document.ts";
import { InternalLog } from "./debug-log.ts";
import { logDropped } from "./drops.ts";
import { packageList } from "./environment.ts";
import { History } from "./history.ts";
import { HistorySketch } from "./history-sketch.ts";
import { LineQueue } from "./line-queue.ts";
import { itemsOf } from "./log-records.ts";
import { LogTurns } from "./log-turns.ts";
import type { FromWorker, InOrder, ToWorker, WorkerStart } from "./messages.ts";
import { RingReader } from "./ring.ts";
import { RingRows } from "./ring-rows.ts";
import { ConsoleFile } from "./run-files/console-file.ts";
import { writeOwnFile } from "./run-files/own-file.ts";
import { RunUploads } from "./run-files/run-uploads.ts";
import { NO_LOG, RunLog } from "./run-log.ts";
import { refuse, tellEnd } from "./run-release.ts";
import { Summary } from "./summary.ts";
import { noteOwnRun } from "./sync/sync-state.ts";
import { hardwareFacts } from "./system/hardware.ts";
import { SystemSampler } from "./system/sampler.ts";
import { Uplink } from "./uplink.ts";

type Open = Extract<ToWorker, { kind: "open" }>;

/** How long the end of a run waits for tools that tell of the machine's devices. */
const DEVICES_AT_END_MS = 2000;
/** How long the end of a run waits for its code: a server that is away says nothing of the account. */
const CODE_AT_END_MS = 5000;
/** At most; half of what is promised where that is less: a turn of the thread takes its time too. */
const DRAIN_MS = 20;
/** While the run ends, how often it is told what is left. */
const WAITING_EVERY_MS = 300;

/** So much of the ring is taken at once: 1,820 rows of five numbers, some 15 ms in which the thread's other runs wait. */
const DRAIN_CELLS = 1 << 14;

const ownFile = (path: string, policy: FileItem["policy"]): FileItem => ({ path, policy, type: "wandb" });

/**
 * What the thread does for one run: everything but the hand-over. It drains the ring, writes the `.wandb` log (the truth)
 * and only then sends. Other runs are in the same thread: what is thrown anywhere here ends this run alone, and whatever
 * blocks holds the others up.
 */
export class RunWorker {
  readonly #start: WorkerStart;
  readonly #inbox: MessagePort;
  readonly #drainMs: number;
  readonly #internal: InternalLog;
  readonly #ring: RingReader;
  readonly #turns: LogTurns;
  readonly #log: RunLog;
  readonly #config: ConfigDocument;
  readonly #summary = new Summary();
  readonly #lines: LineQueue;
  readonly #sketch: HistorySketch;
  readonly #history: History;
  readonly #rows: RingRows;
  readonly #uplink: Uplink;
  readonly #system: SystemSampler;
  readonly #uploads: RunUploads;
  readonly #consoleFile: ConsoleFile;
  readonly #artifacts: RunArtifacts;
  /** The machine is found out beside: its devices may take a while to answer. */
  readonly #stopHardware = new AbortController();
  #hardware: Promise<void> = Promise.resolve();
  #codeStored: Promise<void> = Promise.resolve();
  /** Messages whose place among the rows is a marker in the ring. */
  #inOrder: InOrder[] = [];
  #nextPlace = 0;
  #drainer: NodeJS.Timeout | undefined;
  #drainSoon: NodeJS.Immediate | undefined;
  #finishing: { exitCode: number; limitMs: number | undefined } | undefined;
  /** The log takes no more. */
  #ended = false;
  #isOver = false;
  #endsInTime = () => {};
  /** Ends the pause between two turns. */
  #wake = () => {};
  readonly #left: () => void;
  #isOpen: (message: Open) => void = () => {};
  readonly #open = new Promise<Open>((resolve) => {
    this.#isOpen = resolve;
  });

  /** `left` is called when nothing of the run is left here. */
  constructor(start: WorkerStart, inbox: MessagePort, left: () => void) {
    this.#start = start;
    this.#inbox = inbox;
    this.#left = left;
    this.#drainMs = Math.min(DRAIN_MS, start.flushIntervalMs / 2);
    this.#internal = new InternalLog(start.internalLog);
    this.#ring = new RingReader(start.ring);
    this.#turns = new LogTurns(start.turns);
    // Not every runtime lets a thread use the descriptors of another.
    const logFile = start.log === NO_LOG ? NO_LOG : openSync(start.logFile, "r+");
    this.#log = new RunLog(logFile, this.#turns, { retries: start.strict });
    this.#config = new ConfigDocument(start.config, start.version, branchFacts(start.branch));
    this.#lines = new LineQueue(`${start.logFile}.unsent`, start.maxRequestBytes);
    this.#sketch = new HistorySketch(start.drawnMetrics);
    this.#history = new History(this.#log, this.#summary, this.#lines, this.#sketch, {
      startTimeMs: start.startTimeMs,
      sending: start.mode === "online",
      numbered: start.writer.id === "",
      maxLineBytes: start.maxLineBytes,
    });
    this.#history.onTooLong = (bytes, limit, step) => this.#tooLong(bytes, limit, step);
    this.#rows = new RingRows(
      this.#ring.cells,
      this.#log,
      this.#history,
      () => this.#nextInOrder(),
      (message) => this.#inTurn(message),
    );
    const tell = (message: FromWorker) => this.#tell(message);
    this.#uplink = new Uplink(
      start,
      { config: this.#config, history: this.#history, lines: this.#lines, summary: this.#summary },
      tell,
      this.#internal,
    );
    this.#log.onFull = (error) =>
      tell({ kind: "dropped", dropped: logDropped(start.logFile, error, this.#uplink.live) });
    this.#system = new SystemSampler(
      start.system,
      (values, atMs) => this.#guard(() => this.#takeSample(values, atMs)),
      this.#internal,
    );
    this.#uploads = new RunUploads(start.filesDir, start.ignoreGlobs, (names) => this.#uplink.upload(names));
    this.#uploads.onUploaded = (names) => this.#uplink.uploaded.push(...names);
    this.#uploads.onRefused = (name, reason) => this.#uplink.untaken(name, reason);
    this.#consoleFile = new ConsoleFile(start.filesDir, start.consoleParts, start.writer.label);
    this.#consoleFile.onComplete = (name) => this.#takeFiles([ownFile(name, "now")]);
    this.#consoleFile.onFailed = (error) =>
      tell({
        kind: "notice",
        serious: true,
        text: `the console's file cannot be written (${error.message}); the output is in ${start.logFile}`,
      });
    this.#artifacts = new RunArtifacts(
      start,
      {
        log: this.#log,
        config: this.#config,
        summary: this.#summary,
        uplink: this.#uplink,
        internal: this.#internal,
      },
      tell,
      (files) => this.#takeFiles(files),
    );
    // Most messages are taken by `drain`.
    inbox.on("message", (message: ToWorker) =>
      this.#guard(() => {
        this.#hear(message);
        if (message.kind === "drain") this.#drain();
      }),
    );
    // The program has given the run up: its thread was late.
    inbox.on("close", () => this.#stop(new Error("the program listens no more")));
    this.#internal.write("INFO", "using version", {
      version: start.version,
      mode: start.mode,
      id: start.runId,
    });
    void this.#live();
  }

  /** A fault here must not hang the program that logs, and ends nothing but this run. */
  crash(error: Error): void {
    if (this.#isOver) return;
    refuse(this.#start, this.#inbox, error);
    this.#stop(error);
  }

  #guard(work: () => void): void {
    try {
      if (!this.#isOver) work();
    } catch (error) {
      this.crash(error as Error);
    }
  }

  async #live(): Promise<void> {
    try {
      await this.#begin();
      await this.#goOn();
      if (this.#isOver) return;
      await this.#end();
      if (this.#isOver) return;
      const { completed: sent, gaveUp } = this.#uplink;
      tellEnd(
        this.#start,
        this.#inbox,
        { kind: "finished", sent, gaveUp, history: this.#sketch.grid },
        sent ? 2 : 1,
      );
      this.#leave();
    } catch (error) {
      this.crash(error as Error);
    }
  }

  /** The thread goes on without the run, and keeps nothing of it: others have need of memory and descriptors. */
  #leave(): void {
    this.#isOver = true;
    clearInterval(this.#drainer);
    clearImmediate(this.#drainSoon);
    this.#left();
  }

  /** In the middle of whatever it did. */
  #stop(error: Error): void {
    if (this.#isOver) return;
    this.#ended = true;
    this.#leave();
    this.#artifacts.close();
    this.#system.end();
    this.#stopHardware.abort(error);
    this.#uplink.stop(error);
    this.#endsInTime();
    this.#wake();
    for (const close of [() => this.#consoleFile.end(), () => this.#log.close(), () => this.#lines.close()])
      try {
        close();
      } catch {
        // What it could not write is told, or nobody is there to hear of it.
      }
  }

  #tell(message: FromWorker): void {
    if (message.kind === "notice") this.#internal.write("WARNING", message.text);
    else if (message.kind === "dropped") this.#internal.write("WARNING", message.dropped.message);
    this.#inbox.postMessage(message);
  }

  #tooLong(bytes: number, limit: number, step: number): void {
    const kept = this.#start.log !== NO_LOG;
    const message = `a row of ${bytes} bytes is not sent, the limit is ${limit}; ${kept ? `it is kept in ${this.#start.logFile}` : "it is lost"}`;
    this.#tell({ kind: "dropped", dropped: { kind: "long-row", step, kept, message } });
  }

  /** Into the log, and on their way. */
  #takeFiles(files: readonly FileItem[]): void {
    if (files.length === 0 || this.#ended) return;
    this.#log.append((num) => filesRecord(num, files));
    this.#uploads.add(files);
  }

  #hear(message: ToWorker): void {
    if (message.kind === "open") this.#isOpen(message);
    else if (message.kind === "thread") this.#system.watch(message.watched);
    else if (message.kind === "shape") this.#history.define(message.id, message.keys);
    else if (message.kind === "drain") return;
    else if (message.kind !== "finish") this.#inOrder.push(message);
    else if (!this.#finishing) {
      this.#finishing = message;
      this.#wake();
      this.#internal.write("INFO", "finishing", { exitCode: message.exitCode, limitMs: message.limitMs });
      this.#endsInTime = this.#uplink.endWithin(message.limitMs);
    }
  }

  #nextInOrder(): InOrder | undefined {
    const message = this.#inOrder[this.#nextPlace++];
    if (this.#nextPlace >= this.#inOrder.length) {
      this.#inOrder = [];
      this.#nextPlace = 0;
    }
    return message;
  }

  /** All but the log. */
  #inTurn(message: Exclude<InOrder, { kind: "row" }>): void {
    const uplink = this.#uplink;
    switch (message.kind) {
      case "config":
        this.#config.replace(message.config);
        break;
      case "summary":
        this.#history.settle();
        this.#summary.set(message.entries);
        break;
      case "metric":
        this.#history.settle();
        this.#summary.define(message.metric);
        this.#config.define(message.metric);
        break;
      case "alert":
        if (uplink.live) uplink.alerts.push(message.alert);
        break;
      case "preempting":
        uplink.preempting = true;
        break;
      case "lines":
        this.#consoleFile.lines(message.text, message.atMs);
        if (uplink.live) uplink.terminal.lines(message.text, message.atMs);
        break;
      case "files":
        this.#uploads.add(message.files);
        break;
      case "code":
        this.#artifacts.takeCode(message.name, message.files);
        break;
      case "output":
        this.#consoleFile.output(message.stream, message.text, message.atMs);
        // Nobody would take the lines: they must not pile up.
        if (uplink.live) uplink.terminal.write(message.stream, message.text, message.atMs);
        break;
    }
  }

  /**
   * The ring's end is read before the messages, and rows only up to there: a row that comes in between would lack the
   * shape or the text that was posted for it a moment before.
   */
  #drain(most = DRAIN_CELLS): void {
    const { written } = this.#ring;
    for (;;) {
      const received = receiveMessageOnPort(this.#inbox);
      if (!received) break;
      this.#hear(received.message as ToWorker);
    }
    this.#ring.drain(written, (from, to) => this.#rows.take(from, to), most);
    this.#history.settle();
    // Whoever logs as fast as it goes must not wait for the clock.
    if (!this.#ring.rest())
      this.#drainSoon ??= setImmediate(() => {
        this.#drainSoon = undefined;
        this.#guard(() => this.#drain());
      });
  }

  #takeSample(values: Record<string, number>, atMs: number): void {
    if (this.#ended) return;
    this.#log.append((num) => statsRecord(num, atMs, values));
    if (!this.#uplink.live) return;
    const { label } = this.#start.writer;
    const of = label === "" ? "" : `/l:${label}`;
    const named = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [`system.${key}${of}`, value]),
    );
    this.#uplink.events.push(
      JSON.stringify({
        ...named,
        _wandb: true,
        _timestamp: atMs / 1000,
        _runtime: (atMs - this.#history.startTimeMs) / 1000,
      }),
    );
  }

  /** The second part of the metadata: what the machine is; `others` = records of processes that wrote the run before. */
  async #addHardware(metadata: Record<string, unknown>, others: unknown): Promise<void> {
    const { hardware, filesDir } = this.#start;
    if (!hardware) return;
    const facts = await hardwareFacts(hardware, this.#internal, this.#stopHardware.signal);
    const writerId = randomUUID();
    const whole = { ...metadata, ...facts, writerId };
    this.#config.note("e", { ...(others as object | undefined), [writerId]: whole });
    writeOwnFile(join(filesDir, "wandb-metadata.json"), JSON.stringify(whole, null, 2));
    this.#uploads.add([ownFile("wandb-metadata.json", "now")]);
  }

  /** Waits for what the program's thread found out meanwhile; that one has begun the log. */
  async #begin(): Promise<void> {
    const message = await this.#open;
    const { opened, program, metadata } = message;
    const { hardware, keepsRequirements, filesDir, writer, mode } = this.#start;
    this.#uplink.opened(opened);
    this.#config.inherit(opened.config, opened.own);
    this.#history.startBehind(opened.step - 1);
    this.#history.startTimeMs -= opened.runtimeS * 1000;
    this.#summary.restore(opened.summary);
    this.#drainer = setInterval(() => this.#guard(() => this.#drain()), this.#drainMs);
    this.#turns.begin();
    this.#tell({ kind: "begun" });
    this.#drain();
    const requirements = keepsRequirements ? packageList(program.path ?? program.name) : "";
    if (hardware) writeOwnFile(join(filesDir, "wandb-metadata.json"), JSON.stringify(metadata, null, 2));
    if (requirements) writeOwnFile(join(filesDir, "requirements.txt"), requirements);
    this.#takeFiles([
      ...(hardware ? [ownFile("wandb-metadata.json", "now")] : []),
      ...(requirements ? [ownFile("requirements.txt", "now")] : []),
      ...(writer.primary ? [ownFile("config.yaml", "end"), ownFile("wandb-summary.json", "end")] : []),
    ]);
    if (mode === "online") this.#uploads.open();
    this.#hardware = this.#addHardware(metadata, opened.own.e).catch((error: Error) =>
      this.#internal.write("WARNING", "the machine is not in the metadata", { reason: error.message }),
    );
    this.#codeStored = this.#artifacts.storeCode(message);
  }

  /** Until the run ends: drain, write, send what there is, no more often than allowed. */
  async #goOn(): Promise<void> {
    this.#system.begin();
    let turning: Promise<void> | undefined;
    while (!this.#finishing && !this.#isOver) {
      this.#uploads.look();
      this.#consoleFile.turn();
      // Not waited for: while the server is away, the machine is measured all the same.
      turning ??= this.#uplink
        .turn()
        .catch((error: Error) => this.crash(error))
        .finally(() => {
          turning = undefined;
        });
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, this.#drainMs);
      });
    }
    clearInterval(this.#drainer);
    await turning;
  }

  /** Of devices that do not answer even now, nothing is told. */
  async #settledHardware(): Promise<void> {
    const timer = setTimeout(() => this.#stopHardware.abort(new Error("the run is over")), DEVICES_AT_END_MS);
    await this.#hardware;
    clearTimeout(timer);
  }

  async #end(): Promise<void> {
    const { exitCode, limitMs } = this.#finishing ?? { exitCode: 0, limitMs: 0 };
    this.#drain(Number.POSITIVE_INFINITY);
    clearImmediate(this.#drainSoon);
    this.#system.end();
    await this.#settledHardware();
    const runtimeS = (Date.now() - this.#history.startTimeMs) / 1000;
    await Promise.race([
      this.#start.job ? this.#codeStored.then(() => this.#artifacts.sent) : this.#codeStored,
      sleep(Math.min(CODE_AT_END_MS, (limitMs ?? Number.POSITIVE_INFINITY) / 2), undefined, { ref: false }),
    ]);
    this.#artifacts.makeJob(await this.#open);
    const console = this.#consoleFile.end();
    if (console) this.#takeFiles([{ path: console, policy: "end", type: "wandb" }]);
    this.#ended = true;
    this.#artifacts.close();
    this.#closeLog(exitCode, runtimeS);
    const waiting = setInterval(
      () => this.#tell({ kind: "waiting", rows: this.#lines.count }),
      WAITING_EVERY_MS,
    );
    await this.#uplink.complete(
      exitCode,
      this.#artifacts.sent.then(() => this.#uploads.finish()),
    );
    clearInterval(waiting);
    await this.#noteSent();
    this.#endsInTime();
    this.#lines.close();
  }

  #closeLog(exitCode: number, runtimeS: number): void {
    const log = this.#log;
    const { logFile, filesDir, writer } = this.#start;
    if (this.#history.last) log.append((num) => summaryRecord(num, itemsOf(this.#summary.entries)));
    log.append((num) => exitRecord(num, exitCode, runtimeS, !writer.endsRun));
    log.close();
    this.#internal.write("INFO", "the log is closed", {
      path: logFile,
      records: log.records,
      bytes: log.bytes,
    });
    if (!writer.primary) return;
    writeOwnFile(join(filesDir, "config.yaml"), this.#config.yaml);
    writeOwnFile(join(filesDir, "wandb-summary.json"), this.#uplink.summaryJson());
    this.#summary.restore(this.#summary.entries);
  }

  /** Whoever syncs the log is to know that the server has all of it. */
  async #noteSent(): Promise<void> {
    const log = this.#log;
    const uplink = this.#uplink;
    const { log: file, logFile, connection } = this.#start;
    const { opened } = await this.#open;
    if (file !== NO_LOG && uplink.completed && !uplink.leftBehind && uplink.terminal.dropped === 0)
      noteOwnRun(logFile, connection.baseUrl, opened, {
        records: log.records,
        bytes: log.bytes,
        rows: uplink.historyLines - opened.historyLines,
      });
  }
}
