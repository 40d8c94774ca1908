import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LoggedRunReader } from "./logged-run.ts";
import type { WorkerStart } from "./messages.ts";
import { type OpenedRun, plainConfig, stepBehind, summaryEntries } from "./run-opening.ts";
import { LogFile } from "./sync/log-file.ts";

/** Characters of lines that are looked through at once. */
const AT_ONCE = 4 * 2 ** 20;
/** `[offline-]run-DATE_TIME-ID[-N]`, each start of a run has one. */
const FOLDER = /^(?:offline-)?run-(\d{8}_\d{6})-/;

/** Logs of the run in the same place as this one that were begun before it, the oldest first. */
export function earlierLogs(logFile: string): string[] {
  const own = basename(dirname(logFile));
  const root = dirname(dirname(logFile));
  const age = (folder: string) => FOLDER.exec(folder)?.[1] ?? "";
  // Those of one second are numbered: the first has no number.
  const order = (a: string, b: string) =>
    age(a) === age(b) ? a.length - b.length || (a < b ? -1 : 1) : age(a) < age(b) ? -1 : 1;
  if (age(own) === "") return [];
  return readdirSync(root)
    .filter((folder) => age(folder) !== "" && folder !== own && order(folder, own) < 0)
    .sort(order)
    .map((folder) => join(root, folder, basename(logFile)))
    .filter((log) => existsSync(log));
}

/** What is known of an offline run: what its earlier logs here say, in place of a server. Throws Error. */
export function openOffline(start: WorkerStart): OpenedRun {
  const { runId, resume, branch, entity, project, displayName } = start;
  const fresh: OpenedRun = {
    run: { id: "", name: runId, entity, project },
    displayName,
    step: branch ? stepBehind(branch) : 0,
    resumed: branch?.run === runId,
    runtimeS: 0,
    historyLines: 0,
    eventLines: 0,
    consoleLines: 0,
    config: {},
    own: {},
    summary: [],
  };
  if (branch || resume === "") return fresh;
  const logs = earlierLogs(start.logFile);
  const root = dirname(dirname(start.logFile));
  if (resume === "never" && logs.length > 0)
    throw new Error(
      `resume is "never", but the run ${runId} has a log in ${root}; choose another id, or use "allow"`,
    );
  if (resume === "must" && logs.length === 0)
    throw new Error(
      `resume is "must", but there is no log of a run ${runId} in ${root}, and offline no server is asked; check WANDB_RUN_ID and WANDB_DIR, or use "allow"`,
    );
  return logs.length === 0 ? fresh : { ...fresh, ...soFar(logs), resumed: true };
}

function soFar(logs: readonly string[]): Pick<OpenedRun, "step" | "runtimeS" | "config" | "summary"> {
  const known = { step: 0, runtimeS: 0, config: {}, summary: new Map<string, string>() };
  for (const path of logs) {
    const reader = new LoggedRunReader();
    const look = () => {
      for (const line of reader.takeLines().history) {
        known.step = Math.max(known.step, 1 + (numberIn(line, "_step") ?? -1));
        known.runtimeS = Math.max(known.runtimeS, numberIn(line, "_runtime") ?? 0);
      }
    };
    const file = new LogFile(path);
    try {
      for (const found of file.records(true)) {
        reader.take(found);
        if (reader.waiting >= AT_ONCE) look();
      }
      look();
    } finally {
      file.close();
    }
    Object.assign(known.config, plainConfig(reader.config.json));
    for (const [key, json] of summaryEntries(reader.summaryJson)) known.summary.set(key, json);
  }
  return { ...known, summary: [...known.summary] };
}

/** A row's facts stand at its end; nothing of the rest is parsed. */
function numberIn(line: string, key: string): number | undefined {
  const at = line.lastIndexOf(`"${key}":`);
  const number = at < 0 ? Number.NaN : Number.parseFloat(line.slice(at + key.length + 3));
  return Number.isNaN(number) ? undefined : number;
}
