import { renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Files that the client itself puts into a run's folder. */
export const OWN_FILES: readonly string[] = [
  "wandb-metadata.json",
  "requirements.txt",
  "config.yaml",
  "wandb-summary.json",
  "output.log",
  "diff.patch",
];

/**
 * Write a file of the SDK's own into the run's folder, whole or not at all. What has its name there gives way and is not
 * written into: it may be a link to a file of the user's, who saved one of that name.
 */
export function writeOwnFile(path: string, content: string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
