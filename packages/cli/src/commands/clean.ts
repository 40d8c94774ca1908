import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { isSynced, missingUploads } from "steelyard/command-line";
import { type Api, openApi, projectOf, settingsOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { CommandError, confirm, info, PROGRAM, warn } from "../terminal.ts";

interface Options {
  minHours: string;
  includeUnsynced?: boolean;
  force?: boolean;
}

interface RunFolder {
  path: string;
  log: string;
  /** Why the server does not have everything of it; undefined when it has. */
  unsent: string | undefined;
}

const HOUR_MS = 3_600_000;

export function cleanCommand(): Command {
  return new Command("clean")
    .description("remove folders of runs that the server has all of")
    .option("--min-hours <hours>", "only runs that were begun so long ago", "24")
    .option("--include-unsynced", "also runs that the server does not have all of: they are lost then")
    .option("--force", "do not ask")
    .action(clean);
}

/** A run is removed when a mark says that it was sent, or when the server, asked, has all that its log has. */
export async function clean(options: Options): Promise<void> {
  const minHours = Number(options.minHours);
  if (options.minHours.trim() === "" || !(minHours >= 0))
    throw new CommandError(`--min-hours takes hours from 0, not ${options.minHours}`, EXIT.usage);
  const loaded = settingsOf();
  const { wandb } = foldersOf(loaded.settings, loaded.machine);
  if (!isFolder(wandb)) throw new CommandError(`there is no folder ${wandb}`);
  const found: RunFolder[] = [];
  let api: Api | undefined;
  for (const name of readdirSync(wandb).sort()) {
    const begun = begunAtMs(name);
    if (begun === undefined || Date.now() - begun < minHours * HOUR_MS) continue;
    const path = join(wandb, name);
    if (!isFolder(path)) continue;
    const logs = readdirSync(path).filter((file) => file.endsWith(".wandb"));
    const [only] = logs;
    if (only === undefined || logs.length > 1) continue;
    const log = join(path, only);
    let unsent: string | undefined;
    if (!isSynced(log)) {
      if (name.startsWith("offline-")) unsent = "it was never sent";
      else {
        try {
          api ??= openApi(loaded);
          const http = {
            ...api.connection,
            graphql: { ...api.connection.graphql, retries: 0 },
            signal: new AbortController().signal,
            onRetry() {},
          };
          unsent = await missingUploads(log, http, {
            project: projectOf(loaded),
            entity: loaded.settings.entity,
          });
        } catch (error) {
          unsent = `it cannot be compared with the server: ${(error as Error).message}`;
        }
      }
    }
    found.push({ path, log, unsent });
  }
  await remove(found, options);
}

async function remove(found: readonly RunFolder[], { includeUnsynced, force }: Options): Promise<void> {
  const kept = found.filter(({ unsent }) => unsent !== undefined && !includeUnsynced);
  for (const { path, unsent } of kept) info(`Kept ${path}: ${unsent}`);
  if (kept.length > 0) info(`\`${PROGRAM} sync --include-online\` sends what is kept.`);
  const removed = found.filter((folder) => !kept.includes(folder));
  if (removed.length === 0) {
    info("Found no runs to clean up.");
    return;
  }
  info(`Would remove ${removed.length} run(s):`);
  for (const { path, unsent } of removed) info(`  ${path}${unsent === undefined ? "" : ` (${unsent})`}`);
  const unsynced = removed.filter(({ unsent }) => unsent !== undefined).length;
  const question = `Are you sure you want to remove ${removed.length} run(s)${unsynced > 0 ? `, ${unsynced} of which are unsynced` : ""}?`;
  if (!force && !(await confirm(question))) throw new CommandError("Aborted!");
  for (const { path } of removed) {
    try {
      rmSync(path, { recursive: true });
    } catch (error) {
      warn(`${path} cannot be removed: ${(error as Error).message}`);
      process.exitCode = EXIT.failed;
    }
  }
  if (process.exitCode === undefined) info("Success.");
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Of a run's folder by its name, `run-20261127_010203-id`; undefined for what is none. */
function begunAtMs(name: string): number | undefined {
  const parts = /^(?:offline-)?run-(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)-./.exec(name);
  if (!parts) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return new Date(year, month - 1, day, hour, minute, second).getTime();
}
