import { existsSync } from "node:fs";
import { earlierLogs } from "../local-runs.ts";
import { LoggedRunReader } from "../logged-run.ts";
import { nextStep } from "../run-opening.ts";
import type { Bucket } from "../run-transport.ts";
import { LogFile } from "./log-file.ts";
import { readStartingStep, readSyncState, writeStartingStep } from "./sync-state.ts";

/**
 * Logs of the same run that must be at the server before this one: those that it goes on from, and were not sent. The
 * oldest first; empty when the log does not go on from another.
 */
export function unsentBefore(logFile: string): string[] {
  const earlier = earlierLogs(logFile);
  if (earlier.length === 0 || !isResumed(logFile)) return [];
  // The mark is the official client's.
  return earlier.filter((log) => !readSyncState(log)?.ended && !existsSync(`${log}.synced`));
}

function isResumed(logFile: string): boolean {
  const file = new LogFile(logFile);
  try {
    const reader = new LoggedRunReader();
    for (const found of file.records(false)) {
      reader.take(found);
      if (reader.run) return reader.run.resumed;
    }
    return false;
  } finally {
    file.close();
  }
}

/**
 * First step of a run that was resumed without asking a server: behind what the server has when the log is sent for the
 * first time. Noted beside the log, as the official client does, so that sending again comes to the same.
 */
export function settledStep(logFile: string, before: Bucket | undefined): number {
  const known = readStartingStep(logFile);
  if (known !== undefined) return known;
  const step = before ? nextStep(before) : 0;
  writeStartingStep(logFile, step);
  return step;
}
