import { type Dirent, readdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "./terminal.ts";

export interface Cached {
  path: string;
  bytes: number;
  usedMs: number;
}

/** Files themselves; a link is neither followed nor deleted. */
export function filesIn(folder: string): Cached[] {
  return entriesOf(folder)
    .filter((entry) => entry.isFile())
    .flatMap(({ parentPath, name }) => {
      const path = join(parentPath, name);
      const facts = statSync(path, { throwIfNoEntry: false });
      // Some file systems keep no time of reading.
      return facts ? [{ path, bytes: facts.size, usedMs: Math.max(facts.atimeMs, facts.mtimeMs) }] : [];
    });
}

/** What is below comes first. */
function entriesOf(folder: string): Dirent[] {
  try {
    // `recursive` of readdir goes through links.
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => [
      ...(entry.isDirectory() ? entriesOf(join(folder, entry.name)) : []),
      entry,
    ]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new CommandError(`${folder} cannot be read: ${(error as Error).message}`);
  }
}

/** All below this one with nothing in them. */
export function removeEmptyFolders(folder: string): void {
  for (const entry of entriesOf(folder).filter((entry) => entry.isDirectory()))
    try {
      rmdirSync(join(entry.parentPath, entry.name));
    } catch {
      // Something is in it.
    }
}
