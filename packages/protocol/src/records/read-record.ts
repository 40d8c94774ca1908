import { type ArtifactFields, readArtifactBody } from "./artifact-record.ts";
import { readEnvironmentBody } from "./environment-record.ts";
import { type FileItem, readFilesBody } from "./files-record.ts";
import type { AlertFields, Item, MetricFields } from "./index.ts";
import { ProtoReader } from "./proto-reader.ts";

/** A record of a `.wandb` log, as far as it says something of the run; the rest is `other`. */
export type LogRecord =
  | { kind: "run"; run: LoggedRunFields }
  | { kind: "history"; items: Item[]; step: number }
  | { kind: "summary"; update: Item[]; remove: Item[] }
  | { kind: "config"; update: Item[]; remove: Item[] }
  | { kind: "metric"; metric: MetricFields }
  | { kind: "output"; stream: "stdout" | "stderr"; atMs: number; text: string }
  | { kind: "lines"; text: string }
  | { kind: "stats"; atMs: number; values: [key: string, valueJson: string][] }
  | { kind: "files"; files: FileItem[] }
  | ({ kind: "alert" } & AlertFields)
  | { kind: "environment"; environment: Record<string, unknown> }
  | { kind: "preempting" }
  | { kind: "exit"; exitCode: number; notComplete: boolean }
  | { kind: "artifact"; artifact: ArtifactFields }
  | { kind: "use"; used: UsedArtifactFields }
  | { kind: "other"; field: number };

/** An artifact that the run was told to use: `id` is the server's, `name` has the version (`set:v1`). */
export interface UsedArtifactFields {
  id: string;
  type: string;
  name: string;
}

export interface LoggedRunFields {
  runId: string;
  entity: string;
  project: string;
  config: Item[];
  group: string;
  jobType: string;
  displayName: string;
  notes: string;
  tags: string[];
  sweepId: string;
  host: string;
  startTimeMs: number;
  /** Before console lines and behind system metrics. */
  label: string;
  /** Of one of several processes that write the run, its id; "" for the only one, and in logs of the official client. */
  writer: string;
  /** Of the first row. */
  startingStep: number;
  resumed: boolean;
  /** Resumed if the server has the run. */
  unsettled: boolean;
  git: { remote: string; commit: string } | undefined;
  branch: { run: string; value: number; metric: string } | undefined;
}

/** Throws RangeError when the bytes are no record. */
export function readRecord(bytes: Uint8Array): LogRecord {
  const reader = new ProtoReader(bytes);
  let found: LogRecord = { kind: "other", field: 0 };
  while (reader.next()) {
    const { field } = reader;
    const read = KINDS[field];
    if (read) found = read(reader.bytes());
    else {
      reader.skip();
      // 1 num, 16 control, 19 uuid, 200 info say nothing of their own.
      if (![1, 16, 19, 200].includes(field)) found = { kind: "other", field };
    }
  }
  return found;
}

/** What its writer counted it as, from 1 without a gap; 0 where that says nothing of it, as in logs of 2021. */
export function recordNumber(bytes: Uint8Array): number {
  return firstInt(bytes);
}

const KINDS: Record<number, (bytes: Uint8Array) => LogRecord> = {
  2: history,
  3: (bytes) => ({ kind: "summary", ...changes(bytes) }),
  5: (bytes) => ({ kind: "config", ...changes(bytes) }),
  6: (bytes) => ({ kind: "files", files: readFilesBody(bytes) }),
  7: stats,
  8: (bytes) => ({ kind: "artifact", artifact: readArtifactBody(bytes) }),
  10: alert,
  12: metric,
  13: output,
  17: (bytes) => ({ kind: "run", run: runFields(bytes) }),
  18: exit,
  23: () => ({ kind: "preempting" }),
  25: use,
  26: (bytes) => ({ kind: "environment", environment: readEnvironmentBody(bytes) }),
  27: (bytes) => ({ kind: "lines", text: firstText(bytes) }),
};

/** 1 key, 2 nested_key[], 16 value_json. */
function item(bytes: Uint8Array): Item {
  const reader = new ProtoReader(bytes);
  let key: string | undefined;
  const path: string[] = [];
  let json = "null";
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) path.push(reader.text());
    else if (reader.field === 16) json = reader.text();
    else reader.skip();
  }
  return [path.length > 0 ? path : [key ?? ""], json];
}

function history(bytes: Uint8Array): LogRecord {
  const reader = new ProtoReader(bytes);
  const items: Item[] = [];
  let step = 0;
  while (reader.next()) {
    if (reader.field === 1) items.push(item(reader.bytes()));
    else if (reader.field === 2) step = firstInt(reader.bytes());
    else reader.skip();
  }
  return { kind: "history", items, step };
}

function firstInt(bytes: Uint8Array): number {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) return reader.int();
    reader.skip();
  }
  return 0;
}

function changes(bytes: Uint8Array): { update: Item[]; remove: Item[] } {
  const reader = new ProtoReader(bytes);
  const update: Item[] = [];
  const remove: Item[] = [];
  while (reader.next()) {
    if (reader.field === 1) update.push(item(reader.bytes()));
    else if (reader.field === 2) remove.push(item(reader.bytes()));
    else reader.skip();
  }
  return { update, remove };
}

function firstText(bytes: Uint8Array): string {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) return reader.text();
    reader.skip();
  }
  return "";
}

function stats(bytes: Uint8Array): LogRecord {
  const reader = new ProtoReader(bytes);
  const values: [string, string][] = [];
  let atMs = 0;
  while (reader.next()) {
    if (reader.field === 2) atMs = timestamp(reader.bytes());
    else if (reader.field === 3) {
      const [[key = ""], json] = item(reader.bytes());
      values.push([key, json]);
    } else reader.skip();
  }
  return { kind: "stats", atMs, values };
}

function timestamp(bytes: Uint8Array): number {
  const reader = new ProtoReader(bytes);
  let ms = 0;
  while (reader.next()) {
    if (reader.field === 1) ms += reader.int() * 1000;
    else if (reader.field === 2) ms += reader.int() / 1e6;
    else reader.skip();
  }
  return ms;
}

/** Texts and numbers of a message's fields by their number; of several of one field the last. */
function plain(bytes: Uint8Array, texts: readonly number[], ints: readonly number[]) {
  const reader = new ProtoReader(bytes);
  const text: Record<number, string> = {};
  const int: Record<number, number> = {};
  while (reader.next()) {
    if (texts.includes(reader.field)) text[reader.field] = reader.text();
    else if (ints.includes(reader.field)) int[reader.field] = reader.int();
    else reader.skip();
  }
  return { text: (field: number) => text[field] ?? "", int: (field: number) => int[field] ?? 0 };
}

function alert(bytes: Uint8Array): LogRecord {
  const { text, int } = plain(bytes, [1, 2, 3], [4]);
  return { kind: "alert", title: text(1), text: text(2), level: text(3), waitMs: int(4) };
}

function use(bytes: Uint8Array): LogRecord {
  const { text } = plain(bytes, [1, 2, 3], []);
  return { kind: "use", used: { id: text(1), type: text(2), name: text(3) } };
}

function exit(bytes: Uint8Array): LogRecord {
  const { int } = plain(bytes, [], [1, 3]);
  return { kind: "exit", exitCode: int(1), notComplete: int(3) === 1 };
}

function output(bytes: Uint8Array): LogRecord {
  const reader = new ProtoReader(bytes);
  const record = { kind: "output" as const, stream: "stderr" as "stdout" | "stderr", atMs: 0, text: "" };
  while (reader.next()) {
    if (reader.field === 1) record.stream = reader.int() === 1 ? "stdout" : "stderr";
    else if (reader.field === 2) record.atMs = timestamp(reader.bytes());
    else if (reader.field === 3) record.text = reader.text();
    else reader.skip();
  }
  return record;
}

const SUMMARY_RULES = ["min", "max", "mean", "best", "last", "none", "copy", "first"];

function metric(bytes: Uint8Array): LogRecord {
  const reader = new ProtoReader(bytes);
  const found: MetricFields = {
    name: "",
    stepMetric: "",
    stepSync: false,
    hidden: false,
    summary: [],
    goal: "",
    overwrite: false,
  };
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) found.name = reader.text();
    else if (reader.field === 4) found.stepMetric = reader.text();
    else if (reader.field === 6) {
      const { int } = plain(reader.bytes(), [], [1, 2]);
      found.stepSync = int(1) === 1;
      found.hidden = int(2) === 1;
    } else if (reader.field === 7) {
      const { int } = plain(reader.bytes(), [], [1, 2, 3, 4, 5, 6, 7, 8]);
      found.summary = SUMMARY_RULES.filter((_, at) => int(at + 1) === 1);
    } else if (reader.field === 8) found.goal = (["", "minimize", "maximize"] as const)[reader.int()] ?? "";
    else if (reader.field === 9) found.overwrite = plain(reader.bytes(), [], [1]).int(1) === 1;
    else reader.skip();
  }
  return { kind: "metric", metric: found };
}

function runFields(bytes: Uint8Array): LoggedRunFields {
  const reader = new ProtoReader(bytes);
  const run: LoggedRunFields = {
    runId: "",
    entity: "",
    project: "",
    config: [],
    group: "",
    jobType: "",
    displayName: "",
    notes: "",
    tags: [],
    sweepId: "",
    host: "",
    startTimeMs: 0,
    label: "",
    writer: "",
    startingStep: 0,
    resumed: false,
    unsettled: false,
    git: undefined,
    branch: undefined,
  };
  const texts: Record<
    number,
    "runId" | "entity" | "project" | "group" | "jobType" | "displayName" | "notes" | "sweepId" | "host"
  > = {
    1: "runId",
    2: "entity",
    3: "project",
    6: "group",
    7: "jobType",
    8: "displayName",
    9: "notes",
    12: "sweepId",
    13: "host",
  };
  while (reader.next()) {
    const name = texts[reader.field];
    if (name) run[name] = reader.text();
    else if (reader.field === 4) run.config = changes(reader.bytes()).update;
    else if (reader.field === 10) run.tags.push(reader.text());
    else if (reader.field === 11) Object.assign(run, writerOf(reader.bytes()));
    else if (reader.field === 17) run.startTimeMs = timestamp(reader.bytes());
    else if (reader.field === 14) run.startingStep = reader.int();
    else if (reader.field === 18) run.resumed = reader.int() === 1;
    else if (reader.field === 21) {
      const { text } = plain(reader.bytes(), [1, 2], []);
      run.git = { remote: text(1), commit: text(2) };
    } else if (reader.field === 23) run.branch = branch(reader.bytes());
    else reader.skip();
  }
  return run;
}

/** Of the settings, which are pairs of a key and JSON. */
function writerOf(bytes: Uint8Array): Pick<LoggedRunFields, "label" | "writer" | "unsettled"> {
  const settings = new Map(changes(bytes).update.map(([[key = ""], json]) => [key, json]));
  const text = (key: string) => {
    const json = settings.get(key);
    return json?.startsWith('"') ? (JSON.parse(json) as string) : "";
  };
  return { label: text("x_label"), writer: text("writer_id"), unsettled: text("resume") === "at sync" };
}

function branch(bytes: Uint8Array): LoggedRunFields["branch"] {
  const reader = new ProtoReader(bytes);
  const found = { run: "", value: 0, metric: "" };
  while (reader.next()) {
    if (reader.field === 1) found.run = reader.text();
    else if (reader.field === 2) found.value = reader.double();
    else if (reader.field === 3) found.metric = reader.text();
    else reader.skip();
  }
  return found.run === "" ? undefined : found;
}
