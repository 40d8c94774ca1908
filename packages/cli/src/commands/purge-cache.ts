import { rmSync } from "node:fs";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { filesIn, removeEmptyFolders } from "../cached-files.ts";
import { humanSize } from "../sizes.ts";
import { CommandError, confirm, info, isInteractive } from "../terminal.ts";

/** Seconds; a month has 30 days and a year 365, as with the official client. */
const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  M: 30 * 86_400,
  y: 365 * 86_400,
};

export function purgeCacheCommand(): Command {
  return new Command("purge-cache")
    .description("delete files of the cache that nobody used for some time")
    .option("--age <age>", "only what was not used for so long: 30s, 5m, 8h, 7d, 6M, 1y", "0d")
    .option("--force", "do not ask")
    .action(purge);
}

async function purge(options: { age: string; force?: boolean }): Promise<void> {
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)([smhdMy])$/.exec(options.age) ?? [];
  if (count === undefined)
    throw new CommandError(
      `--age takes a number and one of s m h d M y, such as 7d; "${options.age}" is not`,
    );
  const before = Date.now() - Number(count) * (UNITS[unit] ?? 0) * 1000;
  const loaded = settingsOf();
  const { cache } = foldersOf(loaded.settings, loaded.machine);
  const old = filesIn(cache).filter(({ usedMs }) => usedMs <= before);
  const bytes = old.reduce((sum, file) => sum + file.bytes, 0);
  if (old.length > 0 && !options.force) {
    if (!isInteractive())
      throw new CommandError(
        `there is no terminal to ask at; --force deletes ${old.length} files of ${cache}`,
      );
    if (!(await confirm(`Delete ${old.length} file(s) (${humanSize(bytes)}) of ${cache}?`)))
      throw new CommandError("Aborted!");
  }
  for (const { path } of old) rmSync(path, { force: true });
  removeEmptyFolders(cache);
  info(`Deleted ${old.length} file(s) (${humanSize(bytes)})`);
}
