import { existsSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { foldersOf, runUrl } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { globPaths, isGlob, type LoadedSettings, syncLog } from "steelyard/command-line";
import { type Api, openApi, projectOf, settingsOf } from "../api.ts";
import { CommandError, confirm, info, isInteractive, PROGRAM, printJson, styled, warn } from "../terminal.ts";

interface Options {
  id?: string;
  project?: string;
  entity?: string;
  jobType?: string;
  job_type?: string;
  includeOnline?: boolean;
  includeSynced?: boolean;
  markSynced: boolean;
  replaceTags?: string;
  dryRun?: boolean;
  yes?: boolean;
  show: string;
  failEmpty?: boolean;
  clean?: boolean;
  json?: boolean;
}

/** Exit statuses: 1 when a run failed, 3 with --fail-empty when there was nothing to send. */
const NOTHING = 3;

export function syncCommand(): Command {
  return new Command("sync")
    .description(
      "send runs that are in .wandb logs: offline ones, and those that lost their server or were killed",
    )
    .argument(
      "[paths...]",
      "logs, run folders or folders of runs, * and ** allowed; the wandb folder here when none is given",
    )
    .option("--id <id>", "id of the run at the server (one log only)")
    .option("-p, --project <name>", "project at the server")
    .option("-e, --entity <name>", "user or team at the server")
    .option("--job-type <type>", "job type at the server")
    .option("--job_type <type>", "the same")
    .option("--include-online", "of a folder of runs, also those that were online")
    .option("--no-include-online", "the default")
    .option("--include-synced", "also logs that were sent before")
    .option("--no-include-synced", "the default")
    .option("--mark-synced", "mark what was sent", true)
    .option("--no-mark-synced", "leave no mark")
    .option("--replace-tags <old=new,...>", "tags that get another name")
    .option("--dry-run", "only say what would be sent")
    .option("--yes", "do not ask")
    .option("--show <n>", "logs to name", "5")
    .option("--fail-empty", `end with ${NOTHING} when there is nothing to send`)
    .option("--clean", "said of old; `clean` is a command of its own")
    .option("--json", "results as JSON on standard output")
    .action(sync);
}

async function sync(paths: string[], options: Options): Promise<void> {
  if (options.clean)
    throw new CommandError(`Use \`${PROGRAM} clean\` instead of \`${PROGRAM} sync --clean\``);
  const loaded = settingsOf();
  const logs = logsOf(paths, loaded, options);
  if (options.id && logs.length > 1) throw new CommandError("id can only be set for a single run.");
  if (logs.length === 0) {
    info("No runs to sync.");
    if (options.failEmpty) process.exitCode = NOTHING;
    if (options.json) printJson([]);
    return;
  }
  list(logs, options);
  if (options.dryRun) return;
  if (paths.length === 0 && !options.yes && isInteractive() && !(await confirm("Sync the listed runs?")))
    throw new CommandError("Aborted!");
  const api = openApi(loaded);
  const results: object[] = [];
  for (const log of logs) results.push(await one(log, api, loaded, options));
  if (options.json) printJson(results);
}

/** Each log once, oldest first; what was sent before, and online runs of a folder, only when asked for. */
function logsOf(paths: readonly string[], loaded: LoadedSettings, options: Options): string[] {
  const found = new Map<string, string>();
  let synced = 0;
  let online = 0;
  const add = (log: string, named: boolean) => {
    if (existsSync(`${log}.synced`) && !options.includeSynced) synced++;
    else if (!named && !options.includeOnline && !basename(dirname(log)).startsWith("offline-")) online++;
    else found.set(realpathSync(log), log);
  };
  const asked = paths.length > 0 ? paths : [foldersOf(loaded.settings, loaded.machine).wandb];
  for (const path of asked.flatMap(expanded)) {
    if (!existsSync(path)) {
      if (paths.length > 0) throw new CommandError(`${path} is not there`);
      continue;
    }
    if (statSync(path).isFile()) {
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
  if (synced > 0) info(`Skipped ${synced} synced run(s). Include with --include-synced.`);
  if (online > 0) info(`Skipped ${online} online run(s). Include with --include-online.`);
  return [...found.values()].sort((a, b) => (basename(dirname(a)) < basename(dirname(b)) ? -1 : 1));
}

const expanded = (path: string): string[] => (isGlob(path) && !existsSync(path) ? globPaths(path) : [path]);

function logsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wandb"))
    .map((name) => join(folder, name));
}

function list(logs: readonly string[], { show, dryRun }: Options): void {
  info(`${dryRun ? "Would sync" : "Syncing"} ${logs.length} run(s):`);
  const shown = Math.max(1, Number(show) || 5);
  for (const log of logs.slice(0, shown)) info(`  ${log}`);
  if (logs.length > shown) info(`  +${logs.length - shown} more (--show ${logs.length} names all)`);
}

async function one(log: string, api: Api, loaded: LoadedSettings, options: Options): Promise<object> {
  const bar = progressBar(basename(log));
  const retried = new AbortController();
  try {
    const { run, displayName, historyLines, files, losses, incomplete } = await syncLog(
      log,
      {
        ...api.connection,
        signal: retried.signal,
        onRetry: (reason) => bar.say(`the server does not answer (${reason}); trying again`),
      },
      {
        runId: options.id,
        project: options.project,
        entity: options.entity,
        jobType: options.jobType ?? options.job_type,
        defaultProject: projectOf(loaded),
        ignoreGlobs: loaded.settings.ignoreGlobs,
        replaceTags: tagsOf(options.replaceTags),
        onProgress: ({ bytes, ofBytes }) => bar.show(ofBytes === 0 ? 1 : bytes / ofBytes),
        again: options.includeSynced === true,
      },
    );
    bar.end();
    const url = runUrl({ ...loaded.settings, entity: run.entity, project: run.project, runId: run.name });
    for (const loss of losses) warn(`[${log}] ${loss}`);
    info(`View run ${displayName} at ${url}`);
    info(`Finished syncing ${log}: ${historyLines} rows, ${files} files`);
    // What is not whole at the server keeps asking for another try.
    if (options.markSynced && !incomplete) writeFileSync(`${log}.synced`, "");
    return {
      log,
      run: run.name,
      entity: run.entity,
      project: run.project,
      url,
      rows: historyLines,
      files,
      losses,
    };
  } catch (error) {
    bar.end();
    const { message } = error as Error;
    process.stderr.write(`${PROGRAM}: ${styled("red", `[${log}] ${message}`)}\n`);
    process.exitCode = 1;
    return { log, error: message };
  }
}

function tagsOf(text: string | undefined): Map<string, string> {
  const pairs = (text ?? "").split(",").filter((pair) => pair.trim() !== "");
  return new Map(
    pairs.map((pair) => {
      const [old = "", name = ""] = pair.split("=").map((part) => part.trim());
      if (!old || !name)
        throw new CommandError(`--replace-tags takes old=new, separated by commas; "${pair}" is not`);
      return [old, name] as const;
    }),
  );
}

interface ProgressBar {
  show(share: number): void;
  say(text: string): void;
  end(): void;
}

const WIDTH = 30;

/** On a terminal only; elsewhere what is said is a line of its own. */
function progressBar(name: string): ProgressBar {
  if (process.stderr.isTTY !== true) return { show() {}, say: info, end() {} };
  const line = (text: string) => process.stderr.write(`\r\x1b[K${text}`);
  return {
    show(share) {
      const filled = Math.round(share * WIDTH);
      line(`${name} ${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${Math.round(share * 100)} %`);
    },
    say: (text) => line(`${name} ${text}`),
    end: () => line(""),
  };
}
