import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Files that are made of stored rows when they are asked for, and can be made again. */

const KEPT_BYTES = 2 * 2 ** 30;
/** A file that somebody was given is left alone for so long. */
const IN_USE_MS = 15 * 60_000;

const UNFINISHED = "unfinished-";

/** Of a file that is being written, or read by the one it was written for: it is not kept. */
export function unfinishedName(ending: string): string {
  return `${UNFINISHED}${process.hrtime.bigint()}.${ending}`;
}

/** What a server that was killed left behind, at the start of the next. */
export function dropUnfinished(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (name.startsWith(UNFINISHED)) rmSync(join(folder, name));
}

/** The files used longest ago go first. What a query that was killed left behind goes with them. */
export function makeRoom(folder: string, now: number, keptBytes = KEPT_BYTES): void {
  if (!existsSync(folder)) return;
  const files = readdirSync(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      const isLeft = name.startsWith(UNFINISHED);
      return found ? [{ path, isLeft, bytes: found.size, usedAt: found.mtimeMs }] : [];
    })
    .sort((a, b) => Number(b.isLeft) - Number(a.isLeft) || a.usedAt - b.usedAt);
  let bytes = files.reduce((sum, file) => sum + (file.isLeft ? 0 : file.bytes), 0);
  for (const file of files) {
    if ((bytes <= keptBytes && !file.isLeft) || now - file.usedAt < IN_USE_MS) continue;
    rmSync(file.path, { force: true });
    if (!file.isLeft) bytes -= file.bytes;
  }
}
