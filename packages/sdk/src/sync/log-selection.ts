import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readSyncState } from "./sync-state.ts";

export interface SelectionOptions {
  /** Of a folder of runs, also those that were online. */
  includeOnline?: boolean | undefined;
  /** Of a folder of runs, those that were offline; true when not given. */
  includeOffline?: boolean | undefined;
  /** Also what the server has all of. */
  includeSynced?: boolean | undefined;
  /** Of a folder of runs, names of logs that are taken. */
  takes?: ((name: string) => boolean) | undefined;
}

export interface SelectedLogs {
  /** Each once, the oldest first. */
  logs: string[];
  /** Left out, because they were sent before; because they were online. */
  synced: number;
  online: number;
}

/**
 * Logs that paths mean: a log, a run's folder, or a folder of runs. Throws Error for what is not there.
 */
export function selectLogs(paths: readonly string[], options: SelectionOptions): SelectedLogs {
  const found = new Map<string, string>();
  const selected: SelectedLogs = { logs: [], synced: 0, online: 0 };
  const add = (log: string, named: boolean) => {
    const offline = basename(dirname(log)).startsWith("offline-");
    if (!named && options.takes?.(basename(log)) === false) return;
    if (!named && offline && options.includeOffline === false) return;
    if (isSynced(log) && !options.includeSynced) selected.synced++;
    else if (!named && !offline && !options.includeOnline) selected.online++;
    else found.set(realpathSync(log), log);
  };
  for (const path of paths) {
    const at = statSync(path, { throwIfNoEntry: false });
    if (!at) throw new Error(`${path} is not there`);
    if (at.isFile()) {
      add(path, true);
      continue;
    }
    const own = logsIn(path);
    for (const log of own) add(log, true);
    if (own.length > 0) continue;
    // latest-run is a link to one of the others.
    for (const { name } of readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
      for (const log of logsIn(join(path, name))) add(log, false);
  }
  selected.logs = [...found.values()].sort((a, b) => (basename(dirname(a)) < basename(dirname(b)) ? -1 : 1));
  return selected;
}

/** New runs may come into it. */
export function isFolderOfRuns(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true && logsIn(path).length === 0;
}

function logsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wandb"))
    .map((name) => join(folder, name));
}

/** By whom it was marked does not matter. What has grown since it was sent is not sent. */
export function isSynced(log: string): boolean {
  const state = readSyncState(log);
  const isMarked = existsSync(`${log}.synced`);
  return state ? (isMarked || state.ended) && statSync(log).size <= state.bytes : isMarked;
}
