import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { OpenedRun } from "../run-opening.ts";

/** How many lines of a run's streams came before those of a log. */
export interface FirstPlaces {
  history: number;
  events: number;
  /** Undefined: it cannot be told which lines of the console are there already. */
  console: number | undefined;
}

/** How far a log has got to a server. */
export interface SyncState {
  /** Address of the server. */
  server: string;
  /** Opaque id of the run there. */
  run: string;
  /** All of so many records is there. */
  records: number;
  /** Of the log, where they end. */
  bytes: number;
  /** Rows of history among them. */
  rows: number;
  first: FirstPlaces;
  /** So many of its artifacts, the first of them. */
  artifacts: number;
  /** The run is at the server by this sync alone. */
  made: boolean;
  /** The run's end is there too: the log is sent, as long as it does not grow. */
  ended: boolean;
}

/** Our part of the file: the official client keeps `starting_step` in it, and leaves other keys alone. */
const KEY = "steelyard";

const pathOf = (logFile: string) => `${logFile}.syncstate`;

/** What was noted beside the log; undefined when nothing was, or nothing that can be read. */
export function readSyncState(logFile: string): SyncState | undefined {
  return contentOf(logFile)[KEY] as SyncState | undefined;
}

/** Of the first row; undefined when nobody has settled it. */
export function readStartingStep(logFile: string): number | undefined {
  const { starting_step: step } = contentOf(logFile);
  return typeof step === "number" ? step : undefined;
}

export function writeStartingStep(logFile: string, step: number): void {
  write(logFile, { starting_step: step });
}

/** Whole or not at all: whoever is killed here leaves what was noted before. */
export function writeSyncState(logFile: string, state: SyncState): void {
  write(logFile, { [KEY]: state });
}

function write(logFile: string, part: Record<string, unknown>): void {
  const path = pathOf(logFile);
  const written = `${path}.${process.pid}`;
  try {
    writeFileSync(written, JSON.stringify({ ...contentOf(logFile), ...part }));
    renameSync(written, path);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
}

/**
 * What a run that sends itself leaves to the sync of its log: where its lines begin, behind those of other processes; and,
 * with `all`, that the server has everything. A disk that takes nothing more only makes that sync send more.
 */
export function noteOwnRun(
  logFile: string,
  server: string,
  { run, historyLines, eventLines, consoleLines }: OpenedRun,
  all?: { records: number; bytes: number; rows: number },
): void {
  const first = { history: historyLines, events: eventLines, console: consoleLines };
  const state = { server, run: run.id, artifacts: 0, first, made: false };
  try {
    writeSyncState(logFile, {
      ...state,
      ...(all ?? { records: 0, bytes: 0, rows: 0 }),
      ended: all !== undefined,
    });
  } catch {}
}

function contentOf(logFile: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(readFileSync(pathOf(logFile), "utf8"));
    return typeof content === "object" && content !== null ? (content as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
