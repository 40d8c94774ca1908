import type { AlertFields, FileItem, MetricFields } from "@steelyard/protocol/records";
import type { Branch } from "@steelyard/protocol/settings";
import type { NewFile, StagingPlace } from "./artifacts/staged-artifact.ts";
import type { CodeStart } from "./code/code-saving.ts";
import type { Program } from "./code/program.ts";
import type { Dropped } from "./drops.ts";
import type { GitFacts } from "./git/repository.ts";
import type { HistoryGrid } from "./history-sketch.ts";
import type { Connection } from "./http/connection.ts";
import type { RingMemory } from "./ring.ts";
import type { ConsoleParts } from "./run-files/console-file.ts";
import type { OpenedRun } from "./run-opening.ts";
import type { HardwareOptions } from "./system/hardware.ts";
import type { SystemOptions } from "./system/sampler.ts";
import type { WatchedThread } from "./system/thread-metrics.ts";
import type { Writer } from "./writer.ts";

/** What the main thread tells the worker of a run. */
export type ToWorker =
  | {
      kind: "open";
      opened: OpenedRun;
      git: GitFacts | undefined;
      program: Program;
      metadata: Record<string, unknown>;
    }
  | { kind: "shape"; id: number; keys: string[] }
  | { kind: "thread"; watched: WatchedThread }
  /** So much waits in the ring that the clock is not to be waited for. */
  | { kind: "drain" }
  | { kind: "finish"; exitCode: number; limitMs: number | undefined }
  | InOrder;

/** Told among the rows: each has a marker in the ring, so that what was said after a row stays after it. */
export type InOrder =
  | { kind: "row"; step: number; timestamp: number; entries: Entry[] }
  | { kind: "config"; config: Record<string, string> }
  | { kind: "summary"; entries: Entry[] }
  | { kind: "metric"; metric: MetricFields }
  | { kind: "alert"; alert: AlertFields }
  | { kind: "preempting" }
  | { kind: "lines"; atMs: number; text: string }
  | { kind: "files"; files: FileItem[] }
  | { kind: "code"; name: string; files: NewFile[] }
  | { kind: "output"; stream: "stdout" | "stderr"; atMs: number; text: string };

/** A key and its value as the wire's JSON. */
export type Entry = readonly [key: string, valueJson: string];

export type FromWorker =
  /** The run's thread takes what is in the ring. */
  | { kind: "begun" }
  | { kind: "refused"; message: string }
  | { kind: "stop"; because?: string }
  | { kind: "notice"; text: string; serious: boolean }
  | { kind: "dropped"; dropped: Dropped }
  /** While the run ends: rows that are not sent yet. */
  | { kind: "waiting"; rows: number }
  /** `gaveUp` = what did not get to the server in time; "" when nothing is left. */
  | { kind: "finished"; sent: boolean; gaveUp: string; history: HistoryGrid };

export interface WorkerStart {
  ring: RingMemory;
  /** Int32: not 0 when the run has ended for good, 2 with everything sent; who is leaving the process waits on it. */
  done: SharedArrayBuffer;
  mode: "online" | "offline";
  connection: Connection;
  writer: Writer;
  /** At most one request with rows in this time; the first goes at once. */
  sendEveryMs: number;
  maxRequestBytes: number;
  maxLineBytes: number;
  stopOnFatalError: boolean;
  runId: string;
  /** What the variable said before it was dashed; "" when that is the id. */
  rawId: string;
  /** Where the run goes on from: a step of its own, or of another run. */
  branch: Branch | undefined;
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
  /** It is open already, new and empty: the program's descriptor; or `NO_LOG`. */
  log: number;
  /** Of `createLogTurns`: both threads write the log. */
  turns: SharedArrayBuffer;
  /** The program's thread writes every row before `log` returns. */
  strict: boolean;
  filesDir: string;
  /** Patterns of run files that are not uploaded. */
  ignoreGlobs: readonly string[];
  consoleParts: ConsoleParts;
  /** `debug-internal.log`. */
  internalLog: string;
  /** Where a crash of the worker is reported; "": nowhere. */
  crashReport: string;
  /** Stack traces, and every request in `debug-internal.log`. */
  debug: boolean;
  /** As shown. */
  program: string;
  code: CodeStart;
  /** Undefined: no job is made of the run; name "" = after its code. */
  job: { name: string } | undefined;
  staging: StagingPlace;
  version: string;
  /** Rows are in the log at the latest so long after `log()`, milliseconds. */
  flushIntervalMs: number;
  system: SystemOptions;
  /** What is known of the machine beforehand; undefined: no `wandb-metadata.json` is written. */
  hardware: HardwareOptions | undefined;
  /** Whether `requirements.txt` is written. */
  keepsRequirements: boolean;
  /** Metrics whose course is told at the end. */
  drawnMetrics: number;
}
