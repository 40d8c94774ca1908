import { type ArtifactFields, artifactBody } from "./artifact-record.ts";
import { type FileItem, filesBody } from "./files-record.ts";
import { ProtoWriter } from "./proto-writer.ts";

export { type ArtifactEntry, type ArtifactFields, EMPTY_ENTRY, type KeyedJson } from "./artifact-record.ts";
export type { FileItem, FilePolicy } from "./files-record.ts";
export { appendHistoryRow, HistoryShape, type RowText } from "./history-row.ts";
export { ProtoWriter } from "./proto-writer.ts";
export {
  type LoggedRunFields,
  type LogRecord,
  readRecord,
  recordNumber,
  type UsedArtifactFields,
} from "./read-record.ts";

/**
 * The records of a `.wandb` log, written. Field numbers: `wandb/proto/wandb_internal.proto` of the official client.
 * A log is: header, run, then whatever happens, exit. `num` counts records from 1.
 */

/** Field of `Record` that each kind is. */
const KIND = {
  history: 2,
  summary: 3,
  config: 5,
  files: 6,
  stats: 7,
  artifact: 8,
  alert: 10,
  metric: 12,
  outputRaw: 13,
  run: 17,
  exit: 18,
  header: 21,
  preempting: 23,
  outputLogger: 27,
} as const;

/** `value_json` texts by dotted-free path: one label is `["loss"]`. */
export type Item = readonly [path: readonly string[], valueJson: string];

function record(num: number, kind: number, body: Uint8Array): Uint8Array {
  return new ProtoWriter().int(1, num).message(kind, body).take();
}

function timestamp(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000);
  return new ProtoWriter()
    .int(1, seconds)
    .int(2, Math.round((ms - seconds * 1000) * 1e6))
    .take();
}

/**
 * Config, summary and history items are alike: 1 key, 2 nested_key[], 16 value_json. A single label is a `key`: releases
 * of the official client before 0.17 read no other.
 */
function items(writer: ProtoWriter, field: number, list: readonly Item[], inner: ProtoWriter): ProtoWriter {
  for (const [path, valueJson] of list) {
    const [key = ""] = path;
    if (path.length === 1 && key !== "") inner.string(1, key);
    else for (const label of path) inner.repeatedString(2, label);
    inner.string(16, valueJson);
    writer.message(field, inner.take());
  }
  return writer;
}

export function headerRecord(num: number, producer: string): Uint8Array {
  const version = new ProtoWriter().string(1, producer).string(2, "0.18.0").take();
  return record(num, KIND.header, new ProtoWriter().message(1, version).take());
}

export interface RunFields {
  runId: string;
  entity: string;
  project: string;
  config: readonly Item[];
  group: string;
  jobType: string;
  displayName: string;
  notes: string;
  tags: readonly string[];
  host: string;
  sweepId: string;
  startTimeMs: number;
  /** Of the first row. */
  startingStep?: number;
  /** The run was there before this log. */
  resumed?: boolean;
  /** It may have been: the run is resumed if the server has it when the log is sent. */
  unsettled?: boolean;
  /** How long the run had gone on. */
  runtimeS?: number;
  /** The last step that is kept, of this run or of the one that it is forked from. */
  branch?: { run: string; metric: string; value: number } | undefined;
  /** Before console lines and behind system metrics; "" for none. */
  label?: string;
  /** Of one of several processes that write the run, its id; "" for the only one. */
  writer?: string;
  git?: { remote: string; commit: string } | undefined;
}

export function runRecord(num: number, run: RunFields): Uint8Array {
  const body = new ProtoWriter().string(1, run.runId).string(2, run.entity).string(3, run.project);
  body.message(4, items(new ProtoWriter(), 1, run.config, new ProtoWriter()).take());
  body.string(6, run.group).string(7, run.jobType).string(8, run.displayName).string(9, run.notes);
  for (const tag of run.tags) body.repeatedString(10, tag);
  const settings = Object.entries({
    x_label: run.label,
    writer_id: run.writer,
    resume: run.unsettled ? "at sync" : "",
  }).filter(([, value]) => value);
  if (settings.length > 0) {
    const list = new ProtoWriter();
    for (const [key, value] of settings)
      list.message(1, new ProtoWriter().string(1, key).string(16, JSON.stringify(value)).take());
    body.message(11, list.take());
  }
  body
    .string(12, run.sweepId)
    .string(13, run.host)
    .int(14, run.startingStep ?? 0);
  body.message(17, timestamp(run.startTimeMs)).bool(18, run.resumed ?? false);
  body.int(20, Math.round(run.runtimeS ?? 0));
  if (run.git) body.message(21, new ProtoWriter().string(1, run.git.remote).string(2, run.git.commit).take());
  if (run.branch) {
    const { run: parent, metric, value } = run.branch;
    body.bool(22, parent !== run.runId);
    body.message(23, new ProtoWriter().string(1, parent).double(2, value).string(3, metric).take());
  }
  // The `sync` of 0.28 waits for ever for an answer to a run that names no slot for it.
  const control = new ProtoWriter().string(4, "run").take();
  return new ProtoWriter().int(1, num).message(16, control).message(KIND.run, body.take()).take();
}

/** Rows that are not all numbers; `appendHistoryRow` is for the others. */
const historyWriter = new ProtoWriter();
const itemWriter = new ProtoWriter();
const recordWriter = new ProtoWriter();

export function historyRecord(num: number, list: readonly Item[], step: number): Uint8Array {
  items(historyWriter, 1, list, itemWriter);
  itemWriter.int(1, step);
  historyWriter.message(2, itemWriter.take());
  return recordWriter.int(1, num).message(KIND.history, historyWriter.take()).take();
}

export function summaryRecord(num: number, update: readonly Item[]): Uint8Array {
  return record(num, KIND.summary, items(new ProtoWriter(), 1, update, new ProtoWriter()).take());
}

export function configRecord(num: number, update: readonly Item[]): Uint8Array {
  return record(num, KIND.config, items(new ProtoWriter(), 1, update, new ProtoWriter()).take());
}

export interface MetricFields {
  name: string;
  stepMetric: string;
  stepSync: boolean;
  hidden: boolean;
  /** `min`, `max`, `mean`, `best`, `last`, `none`, `copy`, `first`. */
  summary: readonly string[];
  goal: "" | "minimize" | "maximize";
  overwrite: boolean;
}

const SUMMARY_FIELD: Record<string, number> = {
  min: 1,
  max: 2,
  mean: 3,
  best: 4,
  last: 5,
  none: 6,
  copy: 7,
  first: 8,
};

export function metricRecord(num: number, metric: MetricFields): Uint8Array {
  const body = new ProtoWriter()
    .string(metric.name.endsWith("*") ? 2 : 1, metric.name)
    .string(4, metric.stepMetric);
  body.message(6, new ProtoWriter().bool(1, metric.stepSync).bool(2, metric.hidden).bool(3, true).take());
  const summary = new ProtoWriter();
  for (const name of metric.summary) summary.bool(SUMMARY_FIELD[name] ?? 5, true);
  body.message(7, summary.take()).int(8, ["", "minimize", "maximize"].indexOf(metric.goal));
  body.message(9, new ProtoWriter().bool(1, metric.overwrite).take());
  return record(num, KIND.metric, body.take());
}

export function outputRawRecord(
  num: number,
  stream: "stdout" | "stderr",
  atMs: number,
  text: string,
): Uint8Array {
  const body = new ProtoWriter()
    .int(1, stream === "stdout" ? 1 : 0)
    .message(2, timestamp(atMs))
    .string(3, text);
  return record(num, KIND.outputRaw, body.take());
}

/** Console lines that were written whole, by the program itself; the record has no time. */
export function outputLoggerRecord(num: number, text: string): Uint8Array {
  return record(num, KIND.outputLogger, new ProtoWriter().string(1, text).take());
}

/** Keys without the `system.` that the wire has. */
export function statsRecord(num: number, atMs: number, values: Readonly<Record<string, number>>): Uint8Array {
  const body = new ProtoWriter().message(2, timestamp(atMs));
  for (const [key, value] of Object.entries(values)) {
    body.message(3, new ProtoWriter().string(1, key).string(16, String(value)).take());
  }
  return record(num, KIND.stats, body.take());
}

export interface AlertFields {
  title: string;
  text: string;
  /** `INFO`, `WARN` or `ERROR`. */
  level: string;
  /** In which an alert of the same title is not repeated. */
  waitMs: number;
}

export function alertRecord(num: number, { title, text, level, waitMs }: AlertFields): Uint8Array {
  const body = new ProtoWriter().string(1, title).string(2, text).string(3, level).int(4, waitMs);
  return record(num, KIND.alert, body.take());
}

/** The run may be taken off its machine soon; it carries nothing more. */
export function preemptingRecord(num: number): Uint8Array {
  return record(num, KIND.preempting, new Uint8Array());
}

export function filesRecord(num: number, files: readonly FileItem[]): Uint8Array {
  return record(num, KIND.files, filesBody(files));
}

export function artifactRecord(num: number, artifact: ArtifactFields): Uint8Array {
  return record(num, KIND.artifact, artifactBody(artifact));
}

/** `notComplete`: other writers of the run go on. */
export function exitRecord(num: number, exitCode: number, runtimeS: number, notComplete = false): Uint8Array {
  const body = new ProtoWriter().int(1, exitCode).int(2, Math.round(runtimeS)).bool(3, notComplete);
  return record(num, KIND.exit, body.take());
}
