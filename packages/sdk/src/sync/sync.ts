import { join } from "node:path";
import { foldersOf } from "@steelyard/protocol/settings";
import { STAGING } from "../artifacts/staged-artifact.ts";
import { findCredentials } from "../credentials.ts";
import { defaultProject } from "../default-project.ts";
import { connectionOf } from "../http/connection.ts";
import { loadSettings } from "../machine.ts";
import { selectLogs } from "./log-selection.ts";
import { LogsSync } from "./logs-sync.ts";

/** What `sync` may be told. */
export interface SyncOptions {
  /** Project at the server, in place of what the logs say. */
  project?: string;
  /** User or team at the server, in place of what the logs say. */
  entity?: string;
  /** Id of the run at the server; several logs are then parts of that one run. */
  id?: string;
  /** Name shown on the page. */
  name?: string;
  /** Tags in place of the logs'; a list. */
  tags?: readonly string[];
  /** Group of the runs. */
  group?: string;
  /** Job type of the runs. */
  jobType?: string;
  /** Notes of the runs. */
  notes?: string;
  /** New names of tags, by the old one. */
  replaceTags?: Readonly<Record<string, string>>;
  /** Of a folder of runs, also those that were online. */
  includeOnline?: boolean;
  /** Also logs that were sent before: everything is sent again, to the same places. */
  includeSynced?: boolean;
  /**
   * Leave `<log>.synced` beside what was sent.
   *
   * @default `true`
   */
  markSynced?: boolean;
  /** Follow logs that grow until their runs end, and take in new runs of a folder until `signal` is aborted. */
  watch?: boolean;
  /**
   * Runs that are sent at a time.
   *
   * @default `5`
   */
  atOnce?: number;
  /** Aborted, what is not sent yet stays for the next `sync`. */
  signal?: AbortSignal;
  /** Told after each request: bytes of the log that are sent, of how many, and rows. */
  onProgress?: (progress: { log: string; bytes: number; ofBytes: number; rows: number }) => void;
}

/** What came of one log. */
export interface SyncedLog {
  /** Path of the log. */
  log: string;
  /** Id of the run at the server; undefined when it did not get there. */
  run?: string;
  /** Project of the run at the server. */
  project?: string;
  /** User or team of the run at the server. */
  entity?: string;
  /** Rows of history that the server has of it. */
  rows?: number;
  /** Files that the server has of it. */
  files?: number;
  /** What of the log could not be read or sent, and why. */
  losses: string[];
  /** Why it is not sent; the next `sync` goes on where it stopped. */
  error?: string;
}

/** `sync` of the module. */
export async function sync(
  paths?: string | readonly string[],
  options: SyncOptions = {},
): Promise<SyncedLog[]> {
  const loaded = loadSettings();
  const { settings, machine } = loaded;
  const credentials = findCredentials(loaded, () => {});
  if (!credentials)
    throw new Error(`no API key for ${settings.baseUrl}: set WANDB_API_KEY, or \`steelyard login\``);
  const { id, name, replaceTags = {}, onProgress, ...rest } = options;
  const asked = paths === undefined ? [foldersOf(settings, machine).wandb] : [paths].flat();
  const results: SyncedLog[] = [];
  const logs = new LogsSync(
    connectionOf(loaded, credentials.apiKey, () => {}),
    {
      ...rest,
      runId: id,
      displayName: name,
      replaceTags: new Map(Object.entries(replaceTags)),
      defaultProject: settings.project ?? defaultProject(loaded, machine.workingDirectory),
      defaultEntity: settings.entity,
      ignoreGlobs: settings.ignoreGlobs,
      stagingFolder: join(foldersOf(settings, machine).data, ...STAGING),
      onProgress: (log, progress) => onProgress?.({ log, ...progress }),
      onSynced(log, { run, historyLines, files, losses }) {
        const { name, entity, project } = run;
        results.push({ log, run: name, project, entity, rows: historyLines, files, losses });
      },
      onFailed: (log, { message }) => results.push({ log, losses: [], error: message }),
    },
  );
  if (options.watch) await logs.watch(asked);
  else await logs.all(selectLogs(asked, options).logs);
  return results;
}
