import { lstatSync, rmSync } from "node:fs";
import { join, sep } from "node:path";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { settingsOf } from "../../api.ts";
import { type Cached, filesIn } from "../../cached-files.ts";
import { EXIT } from "../../exit-status.ts";
import { humanSize, sizeOfText } from "../../sizes.ts";
import { CommandError, info, PROGRAM, warn } from "../../terminal.ts";

const REMOVES_TEMP = `\`${PROGRAM} artifact cache cleanup SIZE --remove-temp\``;

export function artifactCacheCommand(): Command {
  const cleanup = new Command("cleanup")
    .description("delete the least recently used files of the cache until it is no larger than SIZE")
    .argument("<size>", "how large it may be: 10GB, 500 MB, 1GiB, a number of bytes")
    .option("--remove-temp", "temporary files too, which somebody may be writing")
    .option("--no-remove-temp", "those not")
    .action(clean);
  return new Command("cache").description("the artifact files that are kept here").addCommand(cleanup);
}

/** The cache is the official client's: `obj` holds files by their content, `tmp` those that are being written. */
function clean(size: string, options: { removeTemp?: boolean }): void {
  const limit = sizeOfText(size);
  if (limit === undefined)
    throw new CommandError(
      `SIZE is a number of bytes, or one with B, KB, MB, GB or TB, such as 10GB; "${size}" is not`,
      EXIT.usage,
    );
  const loaded = settingsOf();
  const { cache } = foldersOf(loaded.settings, loaded.machine);
  const artifacts = join(cache, "artifacts");
  // Seen from above: no link on the way is gone through. Folders stay, others may be about to write into them.
  const all = filesIn(cache);
  const below = (name: string) => all.filter(({ path }) => path.startsWith(join(artifacts, name) + sep));
  const [objects, temporary] = [below("obj"), below("tmp")];
  for (const place of [artifacts, join(artifacts, "obj")])
    if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink())
      warn(`${place} is a link: nothing behind it is counted or deleted`);
  const sum = (files: readonly Cached[]) => files.reduce((bytes, file) => bytes + file.bytes, 0);
  const before = sum(objects) + sum(temporary);
  let left = before;
  const remove = ({ path, bytes }: Cached) => {
    try {
      rmSync(path, { force: true });
      left -= bytes;
    } catch {
      // Of a folder that is another user's: what is left is told.
    }
  };
  if (options.removeTemp) temporary.forEach(remove);
  else if (temporary.length > 0)
    warn(
      `Cache contains ${humanSize(sum(temporary))} of temporary files. Run ${REMOVES_TEMP} to remove them.`,
    );
  for (const file of objects.sort((one, other) => one.usedMs - other.usedMs)) {
    if (left <= limit) break;
    remove(file);
  }
  info(`Reclaimed ${humanSize(before - left)} of space`);
  if (left > limit)
    throw new CommandError(
      `Failed to reclaim enough space in ${artifacts}: ${humanSize(left)} are left. Try ${REMOVES_TEMP}, or look whose files they are.`,
    );
}
