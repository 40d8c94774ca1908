import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * The folder and those above it; false when it was there. In place of `mkdirSync` with `recursive`, which under `/proc`
 * never returns: whose parent is there and who still cannot be made is tried for ever. Throws the file system's error.
 */
export function makeFolder(path: string): boolean {
  try {
    return made(path);
  } catch (error) {
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || above === path) throw error;
    makeFolder(above);
    return made(path);
  }
}

function made(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    // Which error comes first for one that is there is the system's choice.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
    throw error;
  }
}
