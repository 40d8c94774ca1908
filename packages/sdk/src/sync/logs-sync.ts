import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../http/connection.ts";
import { LoggedRunReader } from "../logged-run.ts";
import { LogFile } from "./log-file.ts";
import { isFolderOfRuns, type SelectionOptions, selectLogs } from "./log-selection.ts";
import { syncLog } from "./sync-log.ts";
import type { LogSyncOptions, Synced, SyncProgress } from "./sync-options.ts";

/** How many runs are sent at a time. */
const AT_ONCE = 5;
/** How often a folder is looked at for new runs. */
const LOOK_EVERY_MS = 1000;

/** It was told to stop: what is not sent yet stays for the next sync, and is no failure of the log's. */
export class StoppedError extends Error {}

export interface LogsSyncOptions
  extends Omit<LogSyncOptions, "follow" | "onOpen" | "onProgress">,
    SelectionOptions {
  /** Logs are followed until their runs end. */
  watch?: boolean | undefined;
  atOnce?: number | undefined;
  /** Aborted, it stops. */
  signal?: AbortSignal | undefined;
  onProgress?: ((log: string, progress: SyncProgress) => void) | undefined;
  onRetry?: ((log: string, reason: string) => void) | undefined;
  onOpen?: ((log: string, run: Synced["run"], displayName: string) => void) | undefined;
  onSynced: (log: string, synced: Synced) => void;
  /** StoppedError when it was told to. */
  onFailed: (log: string, error: Error) => void;
}

/** Many logs, several at a time; those of one run one after the other, in the order they were begun. */
export class LogsSync {
  readonly #connection: Connection;
  readonly #options: LogsSyncOptions;
  readonly #signal: AbortSignal;
  /** Logs that were taken on: a folder that is watched gives each once. */
  readonly #taken = new Set<string>();
  /** Of each run, the end of the log that was begun last. */
  readonly #ofRun = new Map<string, Promise<void>>();
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(connection: Connection, options: LogsSyncOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
    // Whoever is followed waits most of the time.
    this.#free = options.watch ? Number.POSITIVE_INFINITY : Math.max(1, options.atOnce ?? AT_ONCE);
  }

  /** Until each is sent, has failed, or its run is over. */
  async all(logs: readonly string[]): Promise<void> {
    await Promise.all(this.#begin(logs));
  }

  /** The logs of paths as they come and grow: of named ones until they are over, of folders until it is told to stop. */
  async watch(paths: readonly string[]): Promise<void> {
    const begun: Promise<void>[] = [];
    let running = 0;
    do {
      for (const one of this.#begin(selectLogs(paths, this.#options).logs)) {
        running++;
        begun.push(
          one.finally(() => {
            running--;
          }),
        );
      }
      await pause(LOOK_EVERY_MS, undefined, { signal: this.#signal }).catch(() => {});
    } while (!this.#signal.aborted && (running > 0 || paths.some(isFolderOfRuns)));
    await Promise.all(begun);
  }

  #begin(logs: readonly string[]): Promise<void>[] {
    const heads = logs.filter((log) => !this.#taken.has(log)).map((log) => headOf(log, this.#options));
    return heads
      .sort((a, b) => a.startTimeMs - b.startTimeMs)
      .map(({ log, run }) => {
        this.#taken.add(log);
        const one = (this.#ofRun.get(run) ?? Promise.resolve()).then(() => this.#one(log));
        this.#ofRun.set(run, one);
        return one;
      });
  }

  async #one(log: string): Promise<void> {
    const { onProgress, onRetry, onOpen, onSynced, onFailed, watch, markSynced, ...options } = this.#options;
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      this.#signal.throwIfAborted();
      const synced = await syncLog(
        log,
        { ...this.#connection, signal: this.#signal, onRetry: (reason) => onRetry?.(log, reason) },
        {
          ...options,
          again: options.includeSynced,
          follow: watch,
          markSynced,
          onOpen: (run, displayName) => onOpen?.(log, run, displayName),
          onProgress: (progress) => onProgress?.(log, progress),
        },
      );
      // What is not whole at the server keeps asking for another try.
      if (markSynced !== false && !synced.incomplete) writeFileSync(`${log}.synced`, "");
      onSynced(log, synced);
    } catch (error) {
      onFailed(
        log,
        this.#signal.aborted
          ? new StoppedError("stopped; the next sync goes on from here")
          : (error as Error),
      );
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

interface LogHead {
  log: string;
  /** The same for logs of one run. */
  run: string;
  startTimeMs: number;
}

/** Of a log that cannot be read, or has no run yet, whoever sends it finds out. */
function headOf(log: string, { entity, project, runId }: LogsSyncOptions): LogHead {
  const none = { log, run: log, startTimeMs: 0 };
  try {
    const file = new LogFile(log);
    try {
      const reader = new LoggedRunReader();
      for (const found of file.records(false)) {
        reader.take(found);
        if (!reader.run) continue;
        const { run } = reader;
        return {
          log,
          run: JSON.stringify([entity ?? run.entity, project ?? run.project, runId ?? run.runId]),
          startTimeMs: run.startTimeMs,
        };
      }
      return none;
    } finally {
      file.close();
    }
  } catch {
    return none;
  }
}
