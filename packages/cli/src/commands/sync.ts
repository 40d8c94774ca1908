import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { globMatcher } from "@steelyard/protocol/globs";
import { foldersOf, runUrl } from "@steelyard/protocol/settings";
import { Command, Option } from "commander";
import {
  globPaths,
  isGlob,
  LogsSync,
  type LogsSyncOptions,
  type SelectedLogs,
  STAGING,
  StoppedError,
  selectLogs,
} from "steelyard/command-line";
import { openApi, projectOf, settingsOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { importEventRun } from "../import/event-run.ts";
import { eventFolders, holdsEvents } from "../import/tensorboard.ts";
import { SyncProgressBar } from "../sync-progress.ts";
import { CommandError, confirm, info, isInteractive, PROGRAM, printJson, styled, warn } from "../terminal.ts";
import { clean } from "./clean.ts";

interface Options {
  id?: string;
  project?: string;
  entity?: string;
  name?: string;
  tags?: string;
  group?: string;
  notes?: string;
  jobType?: string;
  job_type?: string;
  replaceTags?: string;
  includeOnline?: boolean;
  includeOffline?: boolean;
  includeSynced?: boolean;
  skipOnline?: boolean;
  skipSynced?: boolean;
  includeGlobs?: string;
  excludeGlobs?: string;
  syncAll?: boolean;
  markSynced: boolean;
  append?: boolean;
  skipConsole?: boolean;
  watch?: boolean;
  live?: boolean;
  n: string;
  dryRun?: boolean;
  view?: boolean;
  yes?: boolean;
  show: string;
  verbose?: boolean;
  failEmpty?: boolean;
  clean?: boolean;
  syncTensorboard?: boolean;
  cleanOldHours?: string;
  cleanForce?: boolean;
  json?: boolean;
}

/** 128 and the number of SIGINT, as shells say it. */
const INTERRUPTED = 130;

export function syncCommand(): Command {
  const same = (flags: string, what: string) => new Option(flags, what).hideHelp();
  return new Command("sync")
    .description(
      "send runs that are in .wandb logs: offline ones, and those that lost their server or were killed",
    )
    .argument(
      "[paths...]",
      "logs, run folders or folders of runs, * and ** allowed; the wandb folder here when none is given",
    )
    .option("-w, --watch", "follow logs that grow until their runs end, and take in new runs of a folder")
    .option("--id <id>", "id of the run at the server; several logs are then parts of that one run")
    .option("-p, --project <name>", "project at the server")
    .option("-e, --entity <name>", "user or team at the server")
    .option("--name <name>", "name shown on the page")
    .option("--group <name>", "group at the server")
    .option("--job-type <type>", "job type at the server")
    .option("--tags <tag,...>", "tags in place of the logs'")
    .option("--notes <text>", "notes in place of the logs'")
    .option("--replace-tags <old=new,...>", "tags that get another name")
    .option("--include-online", "of a folder of runs, also those that were online")
    .option("--no-include-online", "the default")
    .option("--include-offline", "the default")
    .option("--no-include-offline", "of a folder of runs, none that was offline")
    .option("--include-synced", "also logs that were sent before")
    .option("--no-include-synced", "the default")
    .option("--include-globs <glob,...>", "of a folder of runs, only logs of such names")
    .option("--exclude-globs <glob,...>", "of a folder of runs, no logs of such names")
    .option("--sync-all", "online runs too, and do not ask")
    .option("--mark-synced", "mark what was sent", true)
    .option("--no-mark-synced", "leave no mark")
    .option("--append", "behind what the run has at the server")
    .option("--skip-console", "without the console output")
    .option("--sync-tensorboard", "paths with event files and no log: a run of each; the default")
    .option("--no-sync-tensorboard", "no event files")
    .option("-n <runs>", "runs to send at a time", "5")
    .option("--dry-run", "only say what would be sent")
    .option("--yes", "do not ask")
    .option("--show <n>", "logs to name", "5")
    .option("-v, --verbose", "name all logs")
    .option("--fail-empty", `end with ${EXIT.nothing} when there is nothing to send`)
    .option("--clean", "remove what was sent instead, as `clean` does")
    .option("--clean-old-hours <hours>", "with --clean: only runs begun so long ago", "24")
    .option("--clean-force", "with --clean: do not ask")
    .option("--json", "results as JSON on standard output")
    .addOption(same("--job_type <type>", "the same as --job-type"))
    .addOption(same("--live", "the same as --watch"))
    .addOption(same("--skip-online", "the same as --no-include-online"))
    .addOption(same("--no-skip-online", "the same as --include-online"))
    .addOption(same("--skip-synced", "the same as --no-include-synced"))
    .addOption(same("--no-skip-synced", "the same as --include-synced"))
    .addOption(same("--view", "the same as --dry-run"))
    .addOption(same("--legacy", "says nothing here"))
    .addOption(same("--ignore <glob,...>", "says nothing here"))
    .action(sync);
}

async function sync(given: string[], options: Options): Promise<void> {
  if (options.clean)
    return clean({ minHours: options.cleanOldHours ?? "24", force: options.cleanForce === true });
  // Nothing that is read lives longer than a request: V8 would give the young generation 128 MB more, and gain nothing by it.
  setFlagsFromString("--semi-space-growth-factor=1");
  const loaded = settingsOf();
  const paths = pathsOf(given, foldersOf(loaded.settings, loaded.machine).wandb);
  const selection = {
    includeOnline: options.includeOnline ?? (options.skipOnline === false || options.syncAll === true),
    includeOffline: options.includeOffline,
    includeSynced: options.includeSynced ?? options.skipSynced === false,
    takes: namesTaken(options),
  };
  const eventPaths =
    given.length > 0 && options.syncTensorboard !== false ? paths.filter((path) => holdsEvents(path)) : [];
  const selected = select(
    paths.filter((path) => !eventPaths.includes(path)),
    selection,
  );
  if (selected.synced > 0) info(`Skipped ${selected.synced} synced run(s). Include with --include-synced.`);
  if (selected.online > 0) info(`Skipped ${selected.online} online run(s). Include with --include-online.`);
  const { watch = options.live === true } = options;
  if (selected.logs.length + eventPaths.length === 0 && !watch) {
    info("No runs to sync.");
    if (options.failEmpty) process.exitCode = EXIT.nothing;
    if (options.json) printJson([]);
    return;
  }
  list([...selected.logs, ...eventPaths], options);
  if (options.dryRun || options.view) return;
  const asks = given.length === 0 && !options.yes && !options.syncAll && !watch && isInteractive();
  if (asks && !(await confirm("Sync the listed runs?"))) throw new CommandError("Aborted!");
  const api = openApi(loaded);
  for (const path of eventPaths) {
    const log = await eventLog(path, options);
    if (log !== undefined) selected.logs.push(log);
  }
  const bar = new SyncProgressBar();
  bar.add(selected.logs);
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error("stopped"));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const results: object[] = [];
  let stopped = 0;
  const logs = new LogsSync(api.connection, {
    ...selection,
    ...overridesOf(options),
    defaultProject: projectOf(loaded),
    defaultEntity: loaded.settings.entity,
    ignoreGlobs: loaded.settings.ignoreGlobs,
    stagingFolder: join(foldersOf(loaded.settings, loaded.machine).data, ...STAGING),
    markSynced: options.markSynced,
    append: options.append,
    skipConsole: options.skipConsole,
    watch,
    atOnce: atOnceOf(options.n),
    signal: stop.signal,
    onProgress: (log, progress) => bar.show(log, progress),
    onRetry: (_log, reason) => bar.wait(`the server does not answer (${reason}); trying again`),
    onOpen(log, run, displayName) {
      if (!watch) return;
      bar.clear();
      info(`Following ${log} as ${displayName} in ${run.entity}/${run.project}`);
    },
    onSynced(log, { run, displayName, historyLines, files, losses }) {
      bar.end();
      const url = runUrl({ ...loaded.settings, entity: run.entity, project: run.project, runId: run.name });
      for (const loss of losses) warn(`[${log}] ${loss}`);
      info(`View run ${displayName} at ${url}`);
      info(`Finished syncing ${log}: ${historyLines} rows, ${files} files`);
      const { name, entity, project } = run;
      results.push({ log, run: name, entity, project, url, rows: historyLines, files, losses });
    },
    onFailed(log, error) {
      bar.end();
      results.push({ log, error: error.message });
      if (error instanceof StoppedError) {
        stopped++;
        return;
      }
      process.stderr.write(`${PROGRAM}: ${styled("red", `[${log}] ${error.message}`)}\n`);
      process.exitCode = EXIT.failed;
    },
  });
  if (watch) await logs.watch([...selected.logs, ...paths.filter((path) => !eventPaths.includes(path))]);
  else await logs.all(selected.logs);
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  bar.clear();
  if (options.json) printJson(results);
  if (!stop.signal.aborted) return;
  if (stopped > 0) info(`Stopped; the next \`${PROGRAM} sync\` goes on from here with ${stopped} run(s).`);
  process.exitCode = INTERRUPTED;
}

function pathsOf(given: readonly string[], wandbFolder: string): string[] {
  if (given.length === 0) return existsSync(wandbFolder) ? [wandbFolder] : [];
  return given.flatMap((path) => (isGlob(path) && !existsSync(path) ? globPaths(path) : [path]));
}

/**
 * The log of a run that is made of a path's event files. Its id is the path's: when they have grown, the same run gets what
 * is new.
 */
async function eventLog(path: string, options: Options): Promise<string | undefined> {
  const { name, project, entity, group, tags, notes, jobType = options.job_type } = options;
  const place = realpathSync(path);
  const id = options.id ?? createHash("sha256").update(place).digest("hex").slice(0, 8);
  const run = { name: name ?? basename(place), project, entity, group, tags, notes, jobType, id };
  const given = Object.entries(run).filter(([, value]) => value !== undefined);
  return importEventRun(eventFolders(path), { ...Object.fromEntries(given), skipBad: true }, path);
}

function select(paths: readonly string[], options: Parameters<typeof selectLogs>[1]): SelectedLogs {
  try {
    return selectLogs(paths, options);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

function list(logs: readonly string[], options: Options): void {
  info(`${options.dryRun || options.view ? "Would sync" : "Syncing"} ${logs.length} run(s):`);
  const shown = options.verbose ? logs.length : Math.max(1, Number(options.show) || 5);
  for (const log of logs.slice(0, shown)) info(`  ${log}`);
  if (logs.length > shown) info(`  +${logs.length - shown} more (--verbose names all)`);
}

function overridesOf(options: Options): Partial<LogsSyncOptions> {
  return {
    runId: options.id,
    project: options.project,
    entity: options.entity,
    displayName: options.name,
    group: options.group,
    notes: options.notes,
    jobType: options.jobType ?? options.job_type,
    tags: options.tags === undefined ? undefined : listOf(options.tags),
    replaceTags: renamesOf(options.replaceTags),
  };
}

function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

function renamesOf(text: string | undefined): Map<string, string> {
  return new Map(
    listOf(text).map((pair) => {
      const [old = "", name = ""] = pair.split("=").map((part) => part.trim());
      if (!old || !name)
        throw new CommandError(
          `--replace-tags takes old=new, separated by commas; "${pair}" is not`,
          EXIT.usage,
        );
      return [old, name] as const;
    }),
  );
}

/** Names of logs by the two lists of patterns; undefined where there is none. */
function namesTaken({ includeGlobs, excludeGlobs }: Options): ((name: string) => boolean) | undefined {
  if (includeGlobs === undefined && excludeGlobs === undefined) return undefined;
  const [included, excluded] = [includeGlobs, excludeGlobs].map((globs) => listOf(globs).map(globMatcher));
  const isOf = (matchers: typeof included, name: string) => (matchers ?? []).some((matches) => matches(name));
  return (name) => !isOf(excluded, name) && (includeGlobs === undefined || isOf(included, name));
}

function atOnceOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new CommandError(`-n takes a number of runs from 1, not ${text}`, EXIT.usage);
}
