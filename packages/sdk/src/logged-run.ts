import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { type Found, RecordLogReader } from "@steelyard/protocol/record-log";
import {
  type ArtifactFields,
  type FilePolicy,
  type Item,
  type LoggedRunFields,
  type LogRecord,
  readRecord,
  recordNumber,
  type UsedArtifactFields,
} from "@steelyard/protocol/records";
import { ConfigDocument } from "./config-document.ts";
import { LostRecords } from "./lost-records.ts";
import { Summary } from "./summary.ts";
import { type ConsoleLine, Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** Longer lines are refused by a server; the official client sends none either. */
const MAX_LINE = 10_383_360;

/** Characters after which lines are taken from the terminal, which keeps no more than some 30 million. */
const CONSOLE_AT_ONCE = 4_000_000;

/** A run as its `.wandb` log tells it, whoever wrote it: what a server has to be told, in order. */
export interface LoggedRun {
  run: LoggedRunFields;
  config: ConfigDocument;
  /** Lines of the file stream. */
  history: string[];
  events: string[];
  console: ConsoleLine[][];
  summaryJson: string;
  /** Paths below `files/` that are to be uploaded where they are there. */
  files: string[];
  /** Undefined: the log ends without saying how the run did. */
  exitCode: number | undefined;
  /** What could not be read of the log. */
  losses: string[];
  artifacts: readonly ArtifactFields[];
}

/** All of a log at once. Throws Error when the bytes are no log, or hold no run. */
export function readLoggedRun(bytes: Uint8Array): LoggedRun {
  const reader = new LoggedRunReader();
  for (const found of new RecordLogReader().take(bytes, true)) reader.take(found);
  const { run, files, exitCode, losses, artifacts } = reader;
  if (!run) throw new Error(NO_RUN);
  const { history, events, console } = reader.takeLines();
  const { config, summaryJson } = reader;
  return {
    run,
    config,
    history,
    events,
    console,
    summaryJson,
    files: [...files.keys()],
    exitCode,
    losses,
    artifacts,
  };
}

/** What is said of a log whose run never reached the disk. */
export const NO_RUN = "the log holds no run: nothing of it reached the disk";

/** Lines of the file stream. */
export interface LoggedLines {
  history: string[];
  events: string[];
  console: ConsoleLine[][];
}

type Tree = Map<string, Tree | string>;

/**
 * A run as its log tells it, while it is read. Lines wait until they are taken; what else is said is kept as it stands:
 * configuration, summary, names of files.
 */
export class LoggedRunReader {
  /** What could not be read of the log. */
  readonly losses: string[] = [];
  readonly #lost = new LostRecords(this.losses);
  /** Records that were read, those that say nothing among them. */
  records = 0;
  /** What the records said of it up to here. */
  run: LoggedRunFields | undefined;
  /** Counts what changed the run's own record; its configuration. */
  runChanges = 0;
  configChanges = 0;
  /** Counts what changed the summary. */
  summaryChanges = 0;
  /** Paths below `files/` that are to be uploaded where they are there, and when. */
  readonly files = new Map<string, FilePolicy>();
  /** Not yet taken by whoever sends them. */
  readonly alerts: Extract<LogRecord, { kind: "alert" }>[] = [];
  /** In the order they were logged. */
  readonly artifacts: ArtifactFields[] = [];
  /** Those that the run was told to use, in the order it was. */
  readonly used: UsedArtifactFields[] = [];
  environment: Record<string, unknown> | undefined;
  preempting = false;
  /** Added to the step of each row: a run that was resumed offline may have been somewhere else. */
  stepShift = 0;
  /** Of one of several writers, where the run's own record does not tell of it. */
  readonly #shared: { writer: string; label: string } | undefined;
  #exit: Extract<LogRecord, { kind: "exit" }> | undefined;
  readonly #config: Record<string, string> = {};
  readonly #own: Record<string, string> = {};
  readonly #metrics: Extract<LogRecord, { kind: "metric" }>["metric"][] = [];
  #history: string[] = [];
  #events: string[] = [];
  readonly #terminal = new Terminal(0);
  #console: ConsoleLine[][] = [];
  #waiting = 0;
  /** Characters for the terminal since lines were taken from it. */
  #written = 0;
  /** Of the last record that has a time, for those that have none. */
  #atMs = 0;
  readonly #summary = new Summary();
  /** What summary records say of parts of a value: `acc.max`. */
  readonly #parts: Tree = new Map();
  #last: Record<string, unknown> = {};

  constructor(shared?: { writer: string; label: string }) {
    this.#shared = shared;
  }

  take(found: Found): void {
    if (found.kind === "damage") {
      this.#lost.damage(found.reason);
      return;
    }
    this.records++;
    try {
      this.#lost.record(recordNumber(found.bytes));
      this.#take(readRecord(found.bytes));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.losses.push(`record ${this.records} cannot be understood: ${error.message}`);
    }
  }

  #take(record: LogRecord): void {
    switch (record.kind) {
      case "run":
        // A later one has what changed since.
        this.run = {
          ...record.run,
          writer: record.run.writer || (this.#shared?.writer ?? ""),
          startTimeMs: record.run.startTimeMs || (this.run?.startTimeMs ?? 0),
        };
        this.#atMs ||= this.run.startTimeMs;
        this.#setConfig(record.run.config);
        this.runChanges++;
        break;
      case "config":
        this.#setConfig(record.update);
        for (const [[key = ""]] of record.remove) delete this.#config[key];
        this.configChanges++;
        break;
      case "metric":
        this.#metrics.push(record.metric);
        this.#summary.define(record.metric);
        this.configChanges++;
        break;
      case "history":
        this.#row(record.items, record.step);
        break;
      case "summary":
        this.#setSummary(record.update);
        break;
      case "output":
        this.#atMs = record.atMs;
        this.#terminal.write(record.stream, record.text, record.atMs);
        this.#written += record.text.length;
        this.#waiting += record.text.length;
        if (this.#written > CONSOLE_AT_ONCE) this.#takeConsole();
        break;
      case "lines":
        this.#terminal.lines(record.text, this.#atMs);
        this.#written += record.text.length;
        this.#waiting += record.text.length;
        if (this.#written > CONSOLE_AT_ONCE) this.#takeConsole();
        break;
      case "stats":
        this.#atMs = record.atMs;
        this.#sample(record.atMs, record.values);
        break;
      case "files":
        for (const { path, policy } of record.files) this.files.set(path, policy);
        break;
      case "alert":
        this.alerts.push(record);
        break;
      case "environment":
        this.environment = { ...this.environment, ...record.environment };
        this.configChanges++;
        break;
      case "artifact":
        this.artifacts.push(record.artifact);
        break;
      case "use":
        this.used.push(record.used);
        break;
      case "preempting":
        this.preempting = true;
        break;
      case "exit":
        this.#exit = record;
        break;
    }
  }

  /** Before console lines. */
  get consoleLabel(): string {
    return this.run?.label || (this.#shared?.label ?? "");
  }

  /** Undefined: the log has not said yet how the run did. */
  get exitCode(): number | undefined {
    return this.#exit?.exitCode;
  }

  get notComplete(): boolean {
    return this.#exit?.notComplete ?? false;
  }

  /** Characters of the lines that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many rows wait, of history and of system metrics. */
  get waitingRows(): number {
    return this.#history.length + this.#events.length;
  }

  /** Lines since they were last taken. */
  takeLines(): LoggedLines {
    this.#takeConsole();
    const taken = { history: this.#history, events: this.#events, console: this.#console };
    this.#history = [];
    this.#events = [];
    this.#console = [];
    this.#waiting = 0;
    return taken;
  }

  get config(): ConfigDocument {
    const branch = this.run?.branch;
    const own = {
      ...asObject(`{${Object.entries(this.#own).map(([key, json]) => `${JSON.stringify(key)}:${json}`)}}`),
      ...(branch ? { branch_point: { run_id: branch.run, step: branch.value } } : {}),
      // The machine it ran on, not the one that sends it.
      ...(this.environment ? { e: { [String(this.environment.writerId ?? "log")]: this.environment } } : {}),
    };
    const config = new ConfigDocument(this.#config, VERSION, own);
    for (const metric of this.#metrics) config.define(metric);
    return config;
  }

  #takeConsole(): void {
    this.#console.push(...this.#terminal.take(Number.POSITIVE_INFINITY));
    this.#written = 0;
  }

  #setConfig(items: readonly Item[]): void {
    for (const [path, json] of items) {
      const [key = "", ...inside] = path;
      if (key === "_wandb") this.#setOwn(inside, json);
      else this.#config[key] = inside.length === 0 ? json : within(this.#config[key], inside, json);
    }
  }

  /** What the client keeps there beside what is made anew: the path of the code, charts, names of classes. */
  #setOwn([key, ...inside]: readonly string[], json: string): void {
    if (key === undefined) {
      for (const [name, value] of Object.entries(asObject(json)))
        this.#setOwn([name], stringifyExtendedJson(value));
    } else if (!MADE_ANEW.has(key))
      this.#own[key] = inside.length === 0 ? json : within(this.#own[key], inside, json);
  }

  #row(items: readonly Item[], step: number): void {
    const tree: Tree = new Map();
    for (const [path, json] of items) put(tree, path, json);
    // Without one the server numbers the rows.
    if (!tree.has("_step") && !this.run?.writer) tree.set("_step", String(step));
    if (this.stepShift > 0 && tree.has("_step"))
      tree.set("_step", String(this.stepShift + Number(tree.get("_step"))));
    this.#lost.row(tree.get("_step"));
    const line = textOf(tree);
    if (Buffer.byteLength(line) > MAX_LINE) {
      this.losses.push(`the row of step ${step} is longer than a server takes (${line.length} characters)`);
      return;
    }
    this.#history.push(line);
    this.#waiting += line.length;
    this.summaryChanges++;
    for (const [, json] of items)
      if (json.includes("media/"))
        for (const [, path] of json.matchAll(/"(media\/(?:[^"\\]|\\.)+)"/g))
          this.files.set(JSON.parse(`"${path}"`) as string, "now");
    const furthest = this.#last._step;
    const at = Number(tree.get("_step"));
    const late = typeof furthest === "number" && at < furthest;
    for (const [key, value] of tree) {
      const json = typeof value === "string" ? value : textOf(value);
      if (key === "_step" || key === "_runtime" || key === "_timestamp") {
        if (!late) this.#last[key] = Number(json);
      } else if (late) this.#summary.late(key, json, at);
      else this.#summary.logged(key, json);
    }
  }

  #setSummary(items: readonly Item[]): void {
    this.summaryChanges++;
    for (const [path, json] of items) {
      const [key = ""] = path;
      if (path.length > 1) put(this.#parts, path, json);
      else if (key === "_step" || key === "_runtime" || key === "_timestamp") this.#last[key] = Number(json);
      else if (key !== "_wandb" && !(this.#summary.ruled(key) && isOfRules(json)))
        this.#summary.set([[key, json]]);
    }
  }

  #sample(atMs: number, values: readonly [string, string][]): void {
    const of = this.run?.label ? `/l:${this.run.label}` : "";
    const facts = [
      ...values.map(([key, json]) => `${JSON.stringify(`system.${key}${of}`)}:${json}`),
      `"_wandb":true,"_timestamp":${atMs / 1000}`,
      `"_runtime":${(atMs - (this.run?.startTimeMs ?? atMs)) / 1000}`,
    ];
    const line = `{${facts.join()}}`;
    this.#events.push(line);
    this.#waiting += line.length;
  }

  get summaryJson(): string {
    const whole = new Map<string, Tree | string>(this.#summary.entries);
    for (const [key, part] of this.#parts) {
      if (typeof part !== "string") whole.set(key, merged(whole.get(key), part));
    }
    for (const [key, value] of Object.entries(this.#last)) whole.set(key, stringifyExtendedJson(value));
    const runtime = this.#last._runtime;
    if (typeof runtime === "number") whole.set("_wandb", `{"runtime":${Math.round(runtime)}}`);
    return textOf(whole);
  }
}

/** Of `_wandb` in the config: telemetry, metrics, machines, versions. */
const MADE_ANEW = new Set(["t", "m", "e", "cli_version", "python_version"]);
const RULES = new Set(["min", "max", "mean", "first", "last", "best"]);

/** What `define_metric` made of the rows, which the rows say again; not a value set by hand. */
function isOfRules(json: string): boolean {
  const keys = json.startsWith("{") ? Object.keys(asObject(json)) : [];
  return keys.length > 0 && keys.every((key) => RULES.has(key));
}

/** A value goes where its path says; what stood in the way gives way. */
function put(tree: Tree, path: readonly string[], json: string): void {
  let at = tree;
  for (const label of path.slice(0, -1)) {
    let below = at.get(label);
    if (below === undefined || typeof below === "string") {
      below = new Map();
      at.set(label, below);
    }
    at = below;
  }
  at.set(path.at(-1) ?? "", json);
}

function textOf(tree: Tree): string {
  let text = "";
  for (const [key, value] of tree)
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${typeof value === "string" ? value : textOf(value)}`;
  return `{${text}}`;
}

function asObject(json: string | undefined): Record<string, unknown> {
  const value = json === undefined ? {} : parseExtendedJson(json);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** The JSON object with one value inside it changed. */
function within(json: string | undefined, path: readonly string[], value: string): string {
  const [key = "", ...inside] = path;
  const object = asObject(json);
  const before = object[key] === undefined ? undefined : stringifyExtendedJson(object[key]);
  const changed = {
    ...object,
    [key]: parseExtendedJson(inside.length === 0 ? value : within(before, inside, value)),
  };
  return stringifyExtendedJson(changed);
}

/** What was logged as a whole, with what a record said of its parts. */
function merged(whole: Tree | string | undefined, parts: Tree): string {
  const object = asObject(typeof whole === "string" ? whole : undefined);
  return stringifyExtendedJson({ ...object, ...asObject(textOf(parts)) });
}
