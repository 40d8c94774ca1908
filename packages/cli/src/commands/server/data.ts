import type { Config } from "@steelyard/server/config";
import { Command } from "commander";
import { EXIT } from "../../exit-status.ts";
import { CommandError, info, PROGRAM, print, printJson } from "../../terminal.ts";
import { ofServer } from "./package.ts";

/** Where the server's data is: its own flags, and its variables. */
export interface PlaceOptions {
  dataDir?: string;
  databaseUrl?: string;
  metricsUrl?: string;
  blobsUrl?: string;
}

export function withPlaces(command: Command): Command {
  return command
    .option("--data-dir <folder>", "the server's data folder (STEELYARD_DATA_DIR; ./data when neither says)")
    .option("--database-url <url>", "as the server's (STEELYARD_DATABASE_URL)")
    .option("--metrics-url <url>", "as the server's (STEELYARD_METRICS_URL)")
    .option("--blobs-url <url>", "as the server's (STEELYARD_BLOBS_URL)");
}

export async function configOf({
  dataDir,
  databaseUrl,
  metricsUrl,
  blobsUrl,
}: PlaceOptions): Promise<Config> {
  const { ConfigError, readConfig } = await ofServer(() => import("@steelyard/server/config"));
  const flags = Object.entries({
    "--data-dir": dataDir,
    "--database-url": databaseUrl,
    "--metrics-url": metricsUrl,
    "--blobs-url": blobsUrl,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  try {
    return readConfig(flags, process.env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, EXIT.usage);
    throw error;
  }
}

type DataFolder = typeof import("@steelyard/server/data-folder");

export const dataFolder = (): Promise<DataFolder> => ofServer(() => import("@steelyard/server/data-folder"));

/** What stands in the way is said without a stack. */
async function told<T>(work: Promise<T>): Promise<T> {
  const { DataFolderError } = await dataFolder();
  const { ConfigError } = await import("@steelyard/server/config");
  return work.catch((error: unknown) => {
    if (error instanceof DataFolderError || error instanceof ConfigError)
      throw new CommandError(error.message);
    throw error;
  });
}

export function dataCommands(): Command[] {
  return [
    withPlaces(
      new Command("backup").description(
        "copy everything a server keeps into a new folder; it may run meanwhile",
      ),
    )
      .argument("<folder>", "a folder that is new or empty")
      .option("--json", "what was copied, as JSON")
      .action(async (folder: string, options: PlaceOptions & { json?: boolean }) => {
        const config = await configOf(options);
        const { files, ...manifest } = await told((await dataFolder()).backUp(config, folder));
        const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        info(`Backed up ${config.dataDir} into ${folder}: ${files.length} files, ${bytes} bytes.`);
        if (options.json) printJson({ folder, ...manifest, files: files.length, bytes });
      }),
    withPlaces(
      new Command("restore").description(
        "check a backup and put it where a server's data is; no server may use it",
      ),
    )
      .argument("<backup>", "folder that `server backup` made")
      .option("--force", "also where there is data; that is moved aside, not deleted")
      .option("--json", "what was restored, as JSON")
      .action(async (backup: string, options: PlaceOptions & { force?: boolean; json?: boolean }) => {
        const config = await configOf(options);
        const { manifest, replaced } = await told(
          (await dataFolder()).restore(config, backup, { force: options.force === true }),
        );
        for (const path of replaced) info(`What was there is now ${path}`);
        info(`Restored the backup of ${manifest.createdAt} into ${config.dataDir}.`);
        const { files, ...facts } = manifest;
        if (options.json) printJson({ dataDir: config.dataDir, ...facts, files: files.length, replaced });
      }),
    withPlaces(
      new Command("upgrade-check").description(
        "which migrations starting this version would run; changes nothing",
      ),
    )
      .option("--try", "run them on a copy")
      .option("--json", "as JSON")
      .action(async (options: PlaceOptions & { try?: boolean; json?: boolean }) => {
        const config = await configOf(options);
        const check = await told((await dataFolder()).checkUpgrade(config, { tries: options.try === true }));
        if (options.json) printJson(check);
        const { catalog, metrics, usable, failure } = check;
        if (!usable || failure) process.exitCode = EXIT.failed;
        if (options.json) return;
        print(`catalog  schema ${catalog.schema}, this version has ${catalog.known}`);
        print(`metrics  format ${metrics.format}, this version has ${metrics.known}`);
        for (const { number, changes } of catalog.pending)
          print(`  migration ${number}: ${changes.join(", ")}`);
        if (!usable) print("The data is of a newer version: start that one, or restore a backup.");
        else if (failure) print(`On a copy it failed: ${failure}. Do not upgrade; nothing was changed.`);
        else if (catalog.pending.length === 0) print("Nothing is to be run.");
        else
          print(
            `${catalog.pending.length} migration(s) would be run${options.try ? ", and ran on a copy" : ""}. Back up first: ${PROGRAM} server backup FOLDER`,
          );
      }),
  ];
}
