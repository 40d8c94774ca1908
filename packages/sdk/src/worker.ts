import { randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import {
  exitRecord,
  type FileItem,
  filesRecord,
  statsRecord,
  summaryRecord,
} from "@steelyard/protocol/records";
import { RunArtifacts } from "./artifacts/run-artifacts.ts";
import { branchFacts, ConfigDocument } from "./config-document.ts";
import { writeCrashReport } from "./crash-report.ts";
import { InternalLog } from "./debug-log.ts";
import { logDropped } from "./drops.ts";
import { packageList } from "./environment.ts";
import { History } from "./history.ts";
import { HistorySketch } from "./history-sketch.ts";
import { LineQueue } from "./line-queue.ts";
import { itemsOf } from "./log-records.ts";
import { LogTurns } from "./log-turns.ts";
import type { FromWorker, InOrder, ToWorker } from "./messages.ts";
import { RingReader } from "./ring.ts";
import { RingRows } from "./ring-rows.ts";
import { ConsoleFile } from "./run-files/console-file.ts";
import { writeOwnFile } from "./run-files/own-file.ts";
import { RunUploads } from "./run-files/run-uploads.ts";
import { NO_LOG, RunLog } from "./run-log.ts";
import { Summary } from "./summary.ts";
import { noteOwnRun } from "./sync/sync-state.ts";
import { hardwareFacts } from "./system/hardware.ts";
import { SystemSampler } from "./system/sampler.ts";
import { Uplink } from "./uplink.ts";
import type { WorkerData } from "./worker-thread.ts";

/**
 * The run's own thread: everything but the hand-over. It drains the ring, writes the `.wandb` log (the truth) and only
 * then sends.
 */
const { inbox, ...start } = workerData as WorkerData;
/** How long the end of a run waits for tools that tell of the machine's devices. */
const DEVICES_AT_END_MS = 2000;
/** How long the end of a run waits for its code: a server that is away says nothing of the account. */
const CODE_AT_END_MS = 5000;
/** At most half of what is promised: a turn of this thread takes its time too. */
const DRAIN_MS = Math.min(20, start.flushIntervalMs / 2);
/** While the run ends, how often it is told what is left. */
const WAITING_EVERY_MS = 300;
const port = parentPort as NonNullable<typeof parentPort>;
if (!port) throw new Error("this file is the SDK's worker; import the package instead");
const internal = new InternalLog(start.internalLog);
const tell = (message: FromWorker) => {
  if (message.kind === "notice" || message.kind === "refused")
    internal.write(
      message.kind === "refused" ? "ERROR" : "WARNING",
      message.kind === "refused" ? message.message : message.text,
    );
  else if (message.kind === "dropped") internal.write("WARNING", message.dropped.message);
  port.postMessage(message);
};

const ring = new RingReader(start.ring);
ring.map();
const turns = new LogTurns(start.turns);
// Not every runtime lets a thread use the descriptors of another.
const logFile = start.log === NO_LOG ? NO_LOG : openSync(start.logFile, "r+");
const log = new RunLog(logFile, turns, { retries: start.strict });
const config = new ConfigDocument(start.config, start.version, branchFacts(start.branch));
const summary = new Summary();
const lines = new LineQueue(`${start.logFile}.unsent`, start.maxRequestBytes);
const sketch = new HistorySketch(start.drawnMetrics);
const history = new History(log, summary, lines, sketch, {
  startTimeMs: start.startTimeMs,
  sending: start.mode === "online",
  numbered: start.writer.id === "",
  maxLineBytes: start.maxLineBytes,
});
history.onTooLong = (bytes, limit, step) =>
  tell({
    kind: "dropped",
    dropped: {
      kind: "long-row",
      step,
      kept: start.log !== NO_LOG,
      message: `a row of ${bytes} bytes is not sent, the limit is ${limit}; ${start.log === NO_LOG ? "it is lost" : `it is kept in ${start.logFile}`}`,
    },
  });
log.onFull = (error) => tell({ kind: "dropped", dropped: logDropped(start.logFile, error, uplink.live) });
const uplink = new Uplink(start, { config, history, lines, summary }, tell, internal);
const system = new SystemSampler(start.system, takeSample, internal);
/** The machine is found out beside: its devices may take a while to answer. */
const stopHardware = new AbortController();
let hardware: Promise<void> = Promise.resolve();
const uploads = new RunUploads(start.filesDir, start.ignoreGlobs, (names) => uplink.upload(names));
uploads.onUploaded = (names) => uplink.uploaded.push(...names);
uploads.onRefused = (name, reason) => uplink.untaken(name, reason);
const consoleFile = new ConsoleFile(start.filesDir, start.consoleParts, start.writer.label);
consoleFile.onComplete = (name) => takeFiles([{ path: name, policy: "now", type: "wandb" }]);
consoleFile.onFailed = (error) =>
  tell({
    kind: "notice",
    serious: true,
    text: `the console's file cannot be written (${error.message}); the output is in ${start.logFile}`,
  });
/** The log takes no more. */
let ended = false;
const artifacts = new RunArtifacts(start, { log, config, summary, uplink, internal }, tell, takeFiles);
let codeStored: Promise<void> = Promise.resolve();
let finishing: { exitCode: number; limitMs: number | undefined } | undefined;
let endsInTime = () => {};
/** Ends the pause between two turns. */
let wake = () => {};

type Open = Extract<ToWorker, { kind: "open" }>;
let isOpen: (message: Open) => void = () => {};
const open = new Promise<Open>((resolve) => {
  isOpen = resolve;
});

const ownFile = (path: string, policy: FileItem["policy"]): FileItem => ({ path, policy, type: "wandb" });

/** Messages whose place among the rows is a marker in the ring. */
let inOrder: InOrder[] = [];
let nextPlace = 0;

/** Into the log, and on their way. */
function takeFiles(files: readonly FileItem[]): void {
  if (files.length === 0 || ended) return;
  log.append((num) => filesRecord(num, files));
  uploads.add(files);
}

/** All but the log. */
function inTurn(message: Exclude<InOrder, { kind: "row" }>): void {
  switch (message.kind) {
    case "config":
      config.replace(message.config);
      break;
    case "summary":
      history.settle();
      summary.set(message.entries);
      break;
    case "metric":
      history.settle();
      summary.define(message.metric);
      config.define(message.metric);
      break;
    case "alert":
      if (uplink.live) uplink.alerts.push(message.alert);
      break;
    case "preempting":
      uplink.preempting = true;
      break;
    case "lines":
      consoleFile.lines(message.text, message.atMs);
      if (uplink.live) uplink.terminal.lines(message.text, message.atMs);
      break;
    case "files":
      uploads.add(message.files);
      break;
    case "code":
      artifacts.takeCode(message.name, message.files);
      break;
    case "output":
      consoleFile.output(message.stream, message.text, message.atMs);
      // Nobody would take the lines: they must not pile up.
      if (uplink.live) uplink.terminal.write(message.stream, message.text, message.atMs);
      break;
  }
}

function hear(message: ToWorker): void {
  if (message.kind === "open") isOpen(message);
  else if (message.kind === "thread") system.watch(message.watched);
  else if (message.kind === "shape") history.define(message.id, message.keys);
  else if (message.kind === "drain") return;
  else if (message.kind !== "finish") inOrder.push(message);
  else if (!finishing) {
    finishing = message;
    wake();
    internal.write("INFO", "finishing", { exitCode: message.exitCode, limitMs: message.limitMs });
    endsInTime = uplink.endWithin(message.limitMs);
  }
}

function nextInOrder(): InOrder | undefined {
  const message = inOrder[nextPlace++];
  if (nextPlace >= inOrder.length) {
    inOrder = [];
    nextPlace = 0;
  }
  return message;
}

const rows = new RingRows(ring.cells, log, history, nextInOrder, inTurn);

let drainer: NodeJS.Timeout | undefined;
let drainSoon: NodeJS.Immediate | undefined;

/**
 * The ring's end is read before the messages, and rows only up to there: a row that comes in between would lack the
 * shape or the text that was posted for it a moment before.
 */
function drain(): void {
  const { written } = ring;
  for (;;) {
    const received = receiveMessageOnPort(inbox);
    if (!received) break;
    hear(received.message as ToWorker);
  }
  ring.drain(written, (from, to) => rows.take(from, to));
  history.settle();
  // Whoever logs as fast as it goes must not wait for the clock.
  if (!ring.rest())
    drainSoon ??= setImmediate(() => {
      drainSoon = undefined;
      drain();
    });
}

function takeSample(values: Record<string, number>, atMs: number): void {
  log.append((num) => statsRecord(num, atMs, values));
  if (!uplink.live) return;
  const of = start.writer.label === "" ? "" : `/l:${start.writer.label}`;
  const named = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`system.${key}${of}`, value]),
  );
  uplink.events.push(
    JSON.stringify({
      ...named,
      _wandb: true,
      _timestamp: atMs / 1000,
      _runtime: (atMs - history.startTimeMs) / 1000,
    }),
  );
}

/** The second part of the metadata: what the machine is; `others` = records of processes that wrote the run before. */
async function addHardware(metadata: Record<string, unknown>, others: unknown): Promise<void> {
  if (!start.hardware) return;
  const facts = await hardwareFacts(start.hardware, internal, stopHardware.signal);
  const writerId = randomUUID();
  const whole = { ...metadata, ...facts, writerId };
  config.note("e", { ...(others as object | undefined), [writerId]: whole });
  writeOwnFile(join(start.filesDir, "wandb-metadata.json"), JSON.stringify(whole, null, 2));
  uploads.add([ownFile("wandb-metadata.json", "now")]);
}

/** Waits for what the program's thread found out meanwhile; that one has begun the log. */
async function begin(): Promise<void> {
  const message = await open;
  const { opened, program, metadata } = message;
  uplink.opened(opened);
  config.inherit(opened.config, opened.own);
  history.startBehind(opened.step - 1);
  history.startTimeMs -= opened.runtimeS * 1000;
  summary.restore(opened.summary);
  drainer = setInterval(drain, DRAIN_MS);
  turns.begin();
  tell({ kind: "begun" });
  drain();
  const requirements = start.keepsRequirements ? packageList(program.path ?? program.name) : "";
  if (start.hardware)
    writeOwnFile(join(start.filesDir, "wandb-metadata.json"), JSON.stringify(metadata, null, 2));
  if (requirements) writeOwnFile(join(start.filesDir, "requirements.txt"), requirements);
  takeFiles([
    ...(start.hardware ? [ownFile("wandb-metadata.json", "now")] : []),
    ...(requirements ? [ownFile("requirements.txt", "now")] : []),
    ...(start.writer.primary ? [ownFile("config.yaml", "end"), ownFile("wandb-summary.json", "end")] : []),
  ]);
  if (start.mode === "online") uploads.open();
  hardware = addHardware(metadata, opened.own.e).catch((error: Error) =>
    internal.write("WARNING", "the machine is not in the metadata", { reason: error.message }),
  );
  codeStored = artifacts.storeCode(message);
}

/** Until the run ends: drain, write, send what there is, no more often than allowed. */
async function live(): Promise<void> {
  system.begin();
  let turning: Promise<void> | undefined;
  while (!finishing) {
    uploads.look();
    consoleFile.turn();
    // Not waited for: while the server is away, the machine is measured all the same.
    turning ??= uplink.turn().finally(() => {
      turning = undefined;
    });
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, DRAIN_MS);
    });
  }
  clearInterval(drainer);
  await turning;
}

/** Of devices that do not answer even now, nothing is told. */
async function settledHardware(): Promise<void> {
  const timer = setTimeout(() => stopHardware.abort(new Error("the run is over")), DEVICES_AT_END_MS);
  await hardware;
  clearTimeout(timer);
}

async function end(): Promise<void> {
  const { exitCode, limitMs } = finishing ?? { exitCode: 0, limitMs: 0 };
  drain();
  if (drainSoon) clearImmediate(drainSoon);
  system.end();
  await settledHardware();
  const runtimeS = (Date.now() - history.startTimeMs) / 1000;
  await Promise.race([
    start.job ? codeStored.then(() => artifacts.sent) : codeStored,
    sleep(Math.min(CODE_AT_END_MS, (limitMs ?? Number.POSITIVE_INFINITY) / 2), undefined, { ref: false }),
  ]);
  artifacts.makeJob(await open);
  const console = consoleFile.end();
  if (console) takeFiles([{ path: console, policy: "end", type: "wandb" }]);
  ended = true;
  artifacts.close();
  if (history.last) log.append((num) => summaryRecord(num, itemsOf(summary.entries)));
  log.append((num) => exitRecord(num, exitCode, runtimeS, !start.writer.endsRun));
  log.close();
  internal.write("INFO", "the log is closed", {
    path: start.logFile,
    records: log.records,
    bytes: log.bytes,
  });
  if (start.writer.primary) {
    writeOwnFile(join(start.filesDir, "config.yaml"), config.yaml);
    writeOwnFile(join(start.filesDir, "wandb-summary.json"), uplink.summaryJson());
    summary.restore(summary.entries);
  }
  const waiting = setInterval(() => tell({ kind: "waiting", rows: lines.count }), WAITING_EVERY_MS);
  await uplink.complete(
    exitCode,
    artifacts.sent.then(() => uploads.finish()),
  );
  clearInterval(waiting);
  const { opened } = await open;
  if (start.log !== NO_LOG && uplink.completed && !uplink.leftBehind && uplink.terminal.dropped === 0)
    noteOwnRun(start.logFile, start.connection.baseUrl, opened, {
      records: log.records,
      bytes: log.bytes,
      rows: uplink.historyLines - opened.historyLines,
    });
  endsInTime();
  lines.close();
}

function over(): void {
  clearInterval(drainer);
  if (drainSoon) clearImmediate(drainSoon);
  ring.desert();
  Atomics.store(new Int32Array(start.done), 0, uplink.completed ? 2 : 1);
  Atomics.notify(new Int32Array(start.done), 0);
}

// A fault of this thread must not hang the program that logs.
function crashed(error: Error): void {
  const report = writeCrashReport(start.crashReport, error);
  tell({
    kind: "refused",
    message: `the run cannot go on: ${(start.debug && error.stack) || error.message}; what it has is in ${start.logFile}${report}`,
  });
}
process.on("uncaughtException", (error) => {
  crashed(error);
  over();
  inbox.close();
});
// Most messages are taken by `drain`.
inbox.on("message", (message: ToWorker) => {
  hear(message);
  if (message.kind === "drain") drain();
});
internal.write("INFO", "using version", { version: start.version, mode: start.mode, id: start.runId });
try {
  await begin();
  await live();
  await end();
  tell({ kind: "finished", sent: uplink.completed, gaveUp: uplink.gaveUp, history: sketch.grid });
} catch (error) {
  crashed(error as Error);
}
over();
inbox.close();
