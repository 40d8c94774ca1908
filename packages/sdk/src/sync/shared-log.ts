import { createHash } from "node:crypto";
import { RUN_HISTORY } from "@steelyard/protocol/documents";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { type LogRecord, readRecord } from "@steelyard/protocol/records";
import { graphql, type Http } from "../http.ts";
import type { Bucket } from "../run-transport.ts";
import { LogFile } from "./log-file.ts";

/** What a log does not show in so many records it shows too late. */
const LOOKED_AT = 5000;
const PAGE = 1000;

/** A log of the official client that is one of several writers' of a run, which its run's record does not say. */
export interface SharedLog {
  /** By which the server knows the lines of this log. */
  writer: string;
  /** The client itself had that id; if not, it is the log's, and what the client has sent is under another. */
  known: boolean;
  /** Of its console lines; "" for none. */
  label: string;
  /** Of the first row. */
  time: { _timestamp: unknown; _runtime: unknown };
}

/**
 * Undefined for a log of the only writer, and for one of the SDK, which names its writer. Of several writers nobody counts
 * the steps: their rows have none.
 */
export function sharedLogOf(logFile: string): SharedLog | undefined {
  let own = "";
  let writer: unknown;
  let label = "";
  let time: SharedLog["time"] | undefined;
  for (const record of firstRecords(logFile)) {
    if (record.kind === "run") {
      if (record.run.writer) return undefined;
      own ||= createHash("sha256").update(JSON.stringify(record.run)).digest("hex").slice(0, 32);
    } else if (record.kind === "environment") writer ??= record.environment.writerId;
    else if (record.kind === "stats") label ||= /\/l:(.+)$/.exec(record.values[0]?.[0] ?? "")?.[1] ?? "";
    else if (record.kind === "history") {
      const row = new Map(record.items.map(([path, json]) => [path.join("."), json]));
      if (row.has("_step")) return undefined;
      const timeAt = (key: string) => parseExtendedJson(row.get(key) ?? "null");
      time ??= { _timestamp: timeAt("_timestamp"), _runtime: timeAt("_runtime") };
    }
    if (time && label) break;
  }
  const known = typeof writer === "string";
  return time && { writer: known ? (writer as string) : own, known, label, time };
}

function* firstRecords(logFile: string): Generator<LogRecord> {
  const file = new LogFile(logFile);
  let looked = 0;
  try {
    for (const found of file.records(false)) {
      if (looked++ > LOOKED_AT) return;
      if (found.kind === "damage") continue;
      try {
        yield readRecord(found.bytes);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
  } finally {
    file.close();
  }
}

/** Whether the client has sent the log's first row itself. */
export async function hasFirstRow(
  http: Http,
  { time }: SharedLog,
  where: { runId: string; project: string; entity: string | null },
  { historyTail }: Bucket,
): Promise<boolean> {
  const last = (JSON.parse(historyTail || "[]") as string[]).at(-1);
  const lastStep = last === undefined ? -1 : Number((parseExtendedJson(last) as { _step?: number })._step);
  for (let step = 0; step <= lastStep; step += PAGE) {
    const { project } = await graphql<{ project: { run: { history: string[] } | null } | null }>(
      http,
      RUN_HISTORY,
      { ...where, minStep: step, maxStep: step + PAGE },
    );
    for (const line of project?.run?.history ?? []) {
      const row = parseExtendedJson(line) as Record<string, unknown>;
      if (row._timestamp === time._timestamp && row._runtime === time._runtime) return true;
    }
  }
  return false;
}
