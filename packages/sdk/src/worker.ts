import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import {
  configRecord,
  exitRecord,
  filesRecord,
  headerRecord,
  historyRecord,
  type Item,
  type MetricFields,
  metricRecord,
  outputRawRecord,
  runRecord,
  statsRecord,
  summaryRecord,
} from "@steelyard/protocol/records";
import type { Http } from "./http.ts";
import { RefusedError } from "./http.ts";
import { LineQueue } from "./line-queue.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./messages.ts";
import { BESIDE, RingReader, RingWriter } from "./ring.ts";
import { openRun, sendConfig, streamRows, uploadFiles } from "./run-transport.ts";
import { Summary } from "./summary.ts";
import { SystemMetrics } from "./system-metrics.ts";
import { Terminal } from "./terminal.ts";
import { numberJson } from "./values.ts";

/**
 * The run's own thread: everything but the hand-over. It drains the ring, writes the `.wandb` log (the truth) and only
 * then sends. One request at a time; a request is sent again until it is answered, so offsets never leave a gap.
 */
const DRAIN_MS = 20;
/** At most one request in this time; the first goes at once. */
const SEND_EVERY_MS = 250;
const HEARTBEAT_MS = 30_000;
const SYSTEM_EVERY_MS = 15_000;
const MAX_REQUEST_BYTES = 8 * 2 ** 20;
const MAX_REQUEST_LINES = 50_000;

const start = workerData as WorkerStart;
const port = parentPort;
if (!port) throw new Error("this file is the SDK's worker; import the package instead");
const tell = (message: FromWorker) => port.postMessage(message);

const ring = new RingReader(start.ring);
const logFile = openSync(start.logFile, "wx", 0o666);
const framing = new RecordLogWriter();
let recordNumber = 0;
let records: Uint8Array[] = [];
const nextNumber = () => ++recordNumber;

const shapes = new Map<number, { keys: string[]; prefixes: string[]; paths: string[][] }>();
const summary = new Summary();
const metrics: MetricFields[] = [];
let config = start.config;
let configDirty = false;
const history = new LineQueue(`${start.logFile}.unsent`);
const events: string[] = [];
let terminal = new Terminal(0);
let historyOffset = 0;
let eventsOffset = 0;
const runtimeBaseMs = start.startTimeMs;
const system = new SystemMetrics();

const stopSending = new AbortController();
let sending: "live" | "dead" = start.mode === "online" ? "live" : "dead";
let saidRetry = false;
const http: Http = {
  baseUrl: start.baseUrl,
  apiKey: start.apiKey,
  signal: stopSending.signal,
  onRetry(reason) {
    if (saidRetry) return;
    saidRetry = true;
    tell({
      kind: "notice",
      serious: false,
      text: `the server does not answer (${reason}); the run goes on, rows are kept in ${start.logFile} and sent when it is back`,
    });
  },
};
let stopTold = false;
let finishing: { exitCode: number; deadlineMs: number } | undefined;
let finishTimer: NodeJS.Timeout | undefined;

function record(bytes: Uint8Array): void {
  records.push(bytes);
}

/** To the operating system: from here on the process may be killed and the rows are kept. */
function writeLog(): void {
  if (records.length === 0) return;
  const bytes = framing.frame(records);
  records = [];
  let at = 0;
  while (at < bytes.length) at += writeSync(logFile, bytes, at);
}

const values = new Float64Array(RingWriter.MAX_VALUES);
const beside: Extract<ToWorker, { kind: "row" }>[] = [];

function numericRow(
  shapeId: number,
  step: number,
  timestamp: number,
  numbers: Float64Array,
  count: number,
): void {
  if (shapeId === BESIDE) {
    const row = beside.shift();
    if (row) mixedRow(row);
    return;
  }
  const shape = shapes.get(shapeId);
  if (!shape) return;
  let line = "{";
  const items: Item[] = [];
  for (let index = 0; index < count; index++) {
    const json = numberJson(numbers[index] as number);
    line += (shape.prefixes[index] as string) + json + ",";
    items.push([shape.paths[index] as string[], json]);
    summary.logged(shape.keys[index] as string, json);
  }
  endRow(line, items, step, timestamp);
}

function mixedRow({ step, timestamp, entries }: Extract<ToWorker, { kind: "row" }>): void {
  let line = "{";
  const items: Item[] = [];
  for (const [key, json] of entries) {
    line += `${JSON.stringify(key)}:${json},`;
    items.push([[key], json]);
    summary.logged(key, json);
  }
  endRow(line, items, step, timestamp);
}

const STEP = ["_step"];
const RUNTIME = ["_runtime"];
const TIMESTAMP = ["_timestamp"];

function endRow(line: string, items: Item[], step: number, timestamp: number): void {
  const runtime = String((timestamp * 1000 - runtimeBaseMs) / 1000);
  items.push([TIMESTAMP, String(timestamp)], [RUNTIME, runtime], [STEP, String(step)]);
  record(historyRecord(nextNumber(), items, step));
  lastRow = { step: String(step), runtime, timestamp: String(timestamp) };
  if (sending === "live")
    history.push(`${line}"_timestamp":${timestamp},"_runtime":${runtime},"_step":${step}}`);
}
let lastRow: { step: string; runtime: string; timestamp: string } | undefined;

function hear(message: ToWorker): void {
  switch (message.kind) {
    case "shape":
      shapes.set(message.id, {
        keys: message.keys,
        prefixes: message.keys.map((key) => `${JSON.stringify(key)}:`),
        paths: message.keys.map((key) => [key]),
      });
      break;
    case "row":
      beside.push(message);
      break;
    case "config":
      config = message.config;
      configDirty = true;
      record(
        configRecord(
          nextNumber(),
          Object.entries(config).map(([key, json]): Item => [[key], json]),
        ),
      );
      break;
    case "summary":
      summary.set(message.entries);
      record(
        summaryRecord(
          nextNumber(),
          message.entries.map(([key, json]): Item => [[key], json]),
        ),
      );
      break;
    case "metric":
      summary.define(message.metric);
      metrics.push(message.metric);
      configDirty = true;
      record(metricRecord(nextNumber(), message.metric));
      break;
    case "output":
      terminal.write(message.stream, message.text);
      record(outputRawRecord(nextNumber(), message.stream, message.atMs, message.text));
      break;
    case "finish":
      if (finishing) break;
      finishing = message;
      // From now, whatever is being tried: a server that is away must not hold the end up.
      finishTimer = setTimeout(() => stopSending.abort(new Error("no more time")), message.deadlineMs);
      break;
  }
}

/**
 * The ring's end is read before the messages, and rows only up to there: a row that comes in between would lack the
 * shape or the text that was posted for it a moment before.
 */
function drain(): void {
  const written = ring.written;
  for (;;) {
    const received = receiveMessageOnPort(port as NonNullable<typeof port>);
    if (!received) break;
    hear(received.message as ToWorker);
  }
  ring.drain(written, numericRow, values);
  writeLog();
}

function consoleLine(line: { stream: string; text: string }): string {
  return JSON.stringify({
    ...(line.stream === "stderr" ? { level: "error" } : {}),
    ts: new Date().toISOString().replace("Z", ""),
    content: line.text,
  });
}

/** One request of what there is; false when there was nothing to say. */
async function sendOnce(final: { exitCode: number } | undefined): Promise<boolean> {
  const rows = history.take(MAX_REQUEST_BYTES, MAX_REQUEST_LINES);
  const samples = events.splice(0);
  const stretches = terminal.take();
  const newSummary = summary.changed ? withRowFacts(summary.take()) : undefined;
  const last = final && history.empty;
  if (
    rows.length === 0 &&
    samples.length === 0 &&
    stretches.length === 0 &&
    newSummary === undefined &&
    !last
  )
    return false;
  const first = stretches.shift();
  const answer = await streamRows(http, run, {
    files: {
      ...(rows.length > 0 ? { "wandb-history.jsonl": { offset: historyOffset, content: rows } } : {}),
      ...(samples.length > 0 ? { "wandb-events.jsonl": { offset: eventsOffset, content: samples } } : {}),
      ...(newSummary !== undefined ? { "wandb-summary.json": { offset: 0, content: [newSummary] } } : {}),
      ...(first ? { "output.log": { offset: first[0]?.number ?? 0, content: first.map(consoleLine) } } : {}),
    },
    ...(last && stretches.length === 0 ? { complete: true, exitcode: final.exitCode } : {}),
  });
  historyOffset += rows.length;
  eventsOffset += samples.length;
  // A request carries one run of consecutive lines; a progress bar above others makes several.
  for (const [index, stretch] of stretches.entries()) {
    await streamRows(http, run, {
      files: { "output.log": { offset: stretch[0]?.number ?? 0, content: stretch.map(consoleLine) } },
      ...(last && index === stretches.length - 1 ? { complete: true, exitcode: final.exitCode } : {}),
    });
  }
  if (answer.stopped && !stopTold) {
    stopTold = true;
    tell({ kind: "stop" });
  }
  saidRetry = false;
  completed ||= Boolean(last);
  return true;
}
let completed = false;

/** The client's own keys of a summary. */
function withRowFacts(json: string): string {
  if (!lastRow) return json;
  const facts = `"_step":${lastRow.step},"_runtime":${lastRow.runtime},"_timestamp":${lastRow.timestamp},"_wandb":{"runtime":${Math.round(Number(lastRow.runtime))}}`;
  return json === "{}" ? `{${facts}}` : `${json.slice(0, -1)},${facts}}`;
}

/** Upload that was refused for good: the log has everything, and the user is told once. */
function giveUp(error: unknown): void {
  if (sending === "dead") return;
  sending = "dead";
  history.close();
  const reason = error instanceof RefusedError ? `${error.status} ${error.message}` : String(error);
  tell({
    kind: "notice",
    serious: true,
    text: `the server refused this run's data (${reason}); nothing is lost: it is kept in ${start.logFile}`,
  });
}

function sampleSystem(): void {
  const now = Date.now();
  const sample = system.sample();
  record(statsRecord(nextNumber(), now, sample));
  if (sending === "live") {
    const named = Object.fromEntries(Object.entries(sample).map(([key, value]) => [`system.${key}`, value]));
    events.push(
      JSON.stringify({
        ...named,
        _wandb: true,
        _timestamp: now / 1000,
        _runtime: (now - runtimeBaseMs) / 1000,
      }),
    );
  }
}

function telemetry(): Record<string, unknown> {
  const list = metrics.map(({ name, stepMetric, stepSync, hidden, summary: rules }) => {
    const index = metrics.findIndex((metric) => metric.name === stepMetric);
    return {
      [name.endsWith("*") ? "2" : "1"]: name,
      ...(index >= 0 ? { "5": index + 1 } : {}),
      "6": [...(stepSync ? [1] : []), ...(hidden ? [2] : []), 3],
      "7": rules.map((rule) => ({ min: 1, max: 2, mean: 3, last: 5, none: 6, first: 8 })[rule] ?? 5),
    };
  });
  // `t` marks the run as started: without it a resume would not find it.
  return {
    cli_version: start.version,
    t: { "5": start.version, "13": `${process.platform}-${process.arch}` },
    m: list,
  };
}

function configJson(): string {
  const parts = Object.entries(config).map(([key, json]) => `${JSON.stringify(key)}:{"value":${json}}`);
  parts.push(`"_wandb":{"value":${JSON.stringify(telemetry())}}`);
  return `{${parts.join(",")}}`;
}

/** JSON is YAML: one key a line, in the form of the client's file. */
function configYaml(): string {
  const lines = Object.entries(config)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, json]) => `${JSON.stringify(key)}:\n    value: ${json}\n`);
  return `_wandb:\n    value: ${JSON.stringify(telemetry())}\n${lines.join("")}`;
}

let run = { id: "", name: start.runId, entity: start.entity, project: start.project };

async function begin(): Promise<void> {
  let displayName = start.displayName;
  let step = 0;
  let resumed = false;
  let known: Record<string, unknown> = {};
  if (start.mode === "online") {
    const opened = await openRun(http, start, configJson());
    run = opened.run;
    ({ displayName, step, resumed, config: known } = opened);
    for (const [key, value] of Object.entries(known))
      if (!(key in config)) config = { ...config, [key]: JSON.stringify(value) };
    historyOffset = opened.historyLines;
    eventsOffset = opened.eventLines;
    terminal = new Terminal(opened.consoleLines);
    summary.set(opened.summary);
  }
  record(headerRecord(nextNumber(), `steelyard ${start.version}`));
  record(
    runRecord(nextNumber(), {
      runId: run.name,
      entity: run.entity,
      project: run.project,
      config: Object.entries(config).map(([key, json]): Item => [[key], json]),
      group: start.group,
      jobType: start.jobType,
      displayName,
      notes: start.notes,
      tags: start.tags,
      host: start.host,
      sweepId: start.sweepId,
      startTimeMs: start.startTimeMs,
      git: start.git,
    }),
  );
  record(
    filesRecord(nextNumber(), [
      "wandb-metadata.json",
      "requirements.txt",
      "config.yaml",
      "wandb-summary.json",
    ]),
  );
  writeFileSync(join(start.filesDir, "wandb-metadata.json"), JSON.stringify(start.metadata, null, 2));
  if (start.requirements) writeFileSync(join(start.filesDir, "requirements.txt"), start.requirements);
  writeLog();
  tell({
    kind: "started",
    run: { entity: run.entity, project: run.project, displayName, step, resumed, config: known },
  });
}

/** Until the run ends: drain, write, send what there is, no more often than allowed. */
async function live(): Promise<void> {
  let lastRequest = 0;
  let nextSample = performance.now() + 1000;
  const uploads =
    sending === "live"
      ? uploadFiles(http, run, start.filesDir, [
          "wandb-metadata.json",
          ...(start.requirements ? ["requirements.txt"] : []),
        ]).catch(giveUp)
      : undefined;
  const drainer = setInterval(drain, DRAIN_MS);
  while (!finishing) {
    const now = performance.now();
    if (now >= nextSample) {
      nextSample = now + SYSTEM_EVERY_MS;
      sampleSystem();
    }
    if (sending === "live" && now - lastRequest >= SEND_EVERY_MS) {
      try {
        if (configDirty) {
          configDirty = false;
          await sendConfig(http, run, configJson());
        }
        if (await sendOnce(undefined)) lastRequest = performance.now();
        else if (now - lastRequest >= HEARTBEAT_MS) {
          const answer = await streamRows(http, run, {});
          if (answer.stopped && !stopTold) {
            stopTold = true;
            tell({ kind: "stop" });
          }
          lastRequest = performance.now();
        }
      } catch (error) {
        if (!stopSending.signal.aborted) giveUp(error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  }
  clearInterval(drainer);
  await uploads;
}

async function end(): Promise<void> {
  const { exitCode } = finishing ?? { exitCode: 0 };
  drain();
  sampleSystem();
  const runtimeS = (Date.now() - runtimeBaseMs) / 1000;
  if (lastRow)
    record(
      summaryRecord(
        nextNumber(),
        summary.entries.map(([key, json]): Item => [[key], json]),
      ),
    );
  record(exitRecord(nextNumber(), exitCode, runtimeS));
  writeLog();
  writeFileSync(join(start.filesDir, "config.yaml"), configYaml());
  const wholeSummary = summary.changed || summary.entries.length > 0 ? withRowFacts(summary.take()) : "{}";
  writeFileSync(join(start.filesDir, "wandb-summary.json"), wholeSummary);
  summary.set(summary.entries);
  if (sending === "live") {
    try {
      if (configDirty) await sendConfig(http, run, configJson());
      await uploadFiles(http, run, start.filesDir, ["config.yaml", "wandb-summary.json"]);
      while (!completed) await sendOnce({ exitCode });
    } catch (error) {
      if (stopSending.signal.aborted) {
        tell({
          kind: "notice",
          serious: true,
          text: `the server could not be reached in time; nothing is lost: send it later with \`wandb sync ${start.logFile.replace(/\/[^/]*$/, "")}\``,
        });
      } else giveUp(error);
    }
  }
  clearTimeout(finishTimer);
  history.close();
  closeSync(logFile);
}

// Messages are taken by `drain`; the listener only keeps the port open.
port.on("message", (message: ToWorker) => hear(message));
try {
  await begin();
  await live();
  await end();
  tell({ kind: "finished", sent: completed });
} catch (error) {
  tell({
    kind: "refused",
    message: error instanceof RefusedError ? error.message : (error as Error).message,
  });
}
Atomics.store(new Int32Array(start.done), 0, 1);
Atomics.notify(new Int32Array(start.done), 0);
port.close();
