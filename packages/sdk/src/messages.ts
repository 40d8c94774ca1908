import type { MetricFields } from "@steelyard/protocol/records";
import type { RingMemory } from "./ring.ts";

/** What the main thread tells the worker of a run. */
export type ToWorker =
  | { kind: "shape"; id: number; keys: string[] }
  | { kind: "finish"; exitCode: number; deadlineMs: number }
  | InOrder;

/** Told among the rows: each has a marker in the ring, so that what was said after a row stays after it. */
export type InOrder =
  | { kind: "row"; step: number; timestamp: number; entries: Entry[] }
  | { kind: "config"; config: Record<string, string> }
  | { kind: "summary"; entries: Entry[] }
  | { kind: "metric"; metric: MetricFields }
  | { kind: "output"; stream: "stdout" | "stderr"; atMs: number; text: string };

/** A key and its value as the wire's JSON. */
export type Entry = readonly [key: string, valueJson: string];

export type FromWorker =
  | { kind: "started"; run: StartedRun }
  | { kind: "refused"; message: string }
  | { kind: "stop" }
  | { kind: "notice"; text: string; serious: boolean }
  | { kind: "finished"; sent: boolean };

/** The run as the server knows it; offline, as it was asked for. */
export interface StartedRun {
  entity: string;
  project: string;
  displayName: string;
  /** Step of the next row: 0, or after the last one of a resumed run. */
  step: number;
  resumed: boolean;
  config: Record<string, unknown>;
}

export interface WorkerStart {
  ring: RingMemory;
  /** Int32: 1 when the run has ended for good; who is leaving the process waits on it. */
  done: SharedArrayBuffer;
  mode: "online" | "offline";
  baseUrl: string;
  apiKey: string;
  runId: string;
  entity: string;
  project: string;
  displayName: string;
  notes: string;
  tags: string[];
  group: string;
  jobType: string;
  host: string;
  sweepId: string;
  resume: "" | "allow" | "must" | "never" | "auto";
  config: Record<string, string>;
  startTimeMs: number;
  logFile: string;
  filesDir: string;
  /** `debug-internal.log`. */
  internalLog: string;
  program: string;
  git: { remote: string; commit: string } | undefined;
  metadata: Record<string, unknown>;
  requirements: string;
  version: string;
}
