import {
  alertRecord,
  configRecord,
  filesRecord,
  headerRecord,
  type Item,
  metricRecord,
  outputLoggerRecord,
  outputRawRecord,
  preemptingRecord,
  runRecord,
  summaryRecord,
} from "@steelyard/protocol/records";
import { branchFacts, ConfigDocument } from "./config-document.ts";
import type { GitFacts } from "./git/repository.ts";
import type { History } from "./history.ts";
import type { InOrder, WorkerStart } from "./messages.ts";
import type { RunLog } from "./run-log.ts";
import type { OpenedRun } from "./run-opening.ts";

/** A record of the log, but for its number. */
export type NewRecord = (num: number) => Uint8Array;

export function itemsOf(entries: readonly (readonly [string, string])[]): Item[] {
  return entries.map(([key, json]) => [[key], json]);
}

/** The log's beginning: whose it is, and what was there before. */
export function firstRecords(start: WorkerStart, opened: OpenedRun, git: GitFacts | undefined): NewRecord[] {
  const { name: runId, entity, project } = opened.run;
  const { group, jobType, notes, tags, host, sweepId, startTimeMs, branch } = start;
  const { displayName, resumed, step, runtimeS } = opened;
  const goesOn = start.resume !== "" && start.resume !== "never" && !branch;
  const config = new ConfigDocument(start.config, start.version, branchFacts(branch));
  config.inherit(opened.config, opened.own);
  const run: NewRecord = (num) =>
    runRecord(num, {
      runId,
      entity,
      project,
      config: config.items,
      group,
      jobType,
      displayName,
      notes,
      tags,
      host,
      sweepId,
      startTimeMs,
      startingStep: step,
      resumed,
      // Offline nobody could say whether the run is at the server: whoever sends the log finds out.
      unsettled: start.mode === "offline" && goesOn && !resumed,
      runtimeS,
      branch,
      label: start.writer.label,
      writer: start.writer.id,
      git,
    });
  return [
    (num) => headerRecord(num, `steelyard ${start.version}`),
    run,
    // What was there before stays in the summary when this log is sent by a sync.
    ...(opened.summary.length > 0 ? [(num: number) => summaryRecord(num, itemsOf(opened.summary))] : []),
  ];
}

/** To the log's open stretch, and nowhere else. */
export function addRecord(log: RunLog, history: History, message: InOrder): void {
  if (message.kind === "row") history.recordMixed(message.step, message.timestamp, message.entries);
  else {
    const record = recordOf(message);
    if (record) log.add(record);
  }
}

/** Undefined where the log has nothing of it. */
function recordOf(message: Exclude<InOrder, { kind: "row" }>): NewRecord | undefined {
  switch (message.kind) {
    case "config":
      return (num) => configRecord(num, itemsOf(Object.entries(message.config)));
    case "summary":
      return (num) => summaryRecord(num, itemsOf(message.entries));
    case "metric":
      return (num) => metricRecord(num, message.metric);
    case "alert":
      return (num) => alertRecord(num, message.alert);
    case "preempting":
      return (num) => preemptingRecord(num);
    case "lines":
      return (num) => outputLoggerRecord(num, message.text);
    case "output":
      return (num) => outputRawRecord(num, message.stream, message.atMs, message.text);
    case "files":
      return (num) => filesRecord(num, message.files);
    case "code":
      // An artifact, which is made first.
      return undefined;
  }
}
