import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LoggedRunReader } from "../logged-run.ts";
import { writeOwnFile } from "../run-files/own-file.ts";

/** Where files of a log's run are. */
export function filesFolderOf(logFile: string): string {
  return join(dirname(logFile), "files");
}

/** What the process that wrote the log told of its machine. Logs of the SDK have no record of it: old clients stop there. */
export function metadataIn(folder: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "wandb-metadata.json"), "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** What an offline process left to whoever sends its log. */
export function writeOwnFiles(
  folder: string,
  { config, summaryJson, environment, losses }: LoggedRunReader,
): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeOwnFile(join(folder, "config.yaml"), config.yaml);
    writeOwnFile(join(folder, "wandb-summary.json"), summaryJson);
    const metadata = join(folder, "wandb-metadata.json");
    if (environment && !existsSync(metadata)) writeOwnFile(metadata, JSON.stringify(environment, null, 2));
  } catch (error) {
    losses.push(`config.yaml and wandb-summary.json could not be written: ${(error as Error).message}`);
  }
}
