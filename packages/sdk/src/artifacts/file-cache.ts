import { randomUUID } from "node:crypto";
import { constants, statSync } from "node:fs";
import { chmod, copyFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArtifactEntry } from "@steelyard/protocol/records";
import { makeFolder } from "../make-folder.ts";

/** Where the official client looks for content before it downloads it, below WANDB_CACHE_DIR. */
export function cachedPath(cache: string, digest: string): string {
  const hex = Buffer.from(digest, "base64").toString("hex");
  return join(cache, "artifacts", "obj", "md5", hex.slice(0, 2), hex.slice(2));
}

/**
 * Files whose content is at the server are kept for whoever reads the version here; `moves`: they are copies that nobody
 * needs any more. Throws the file system's errors.
 */
export async function keepInCache(
  cache: string,
  entries: readonly ArtifactEntry[],
  { moves }: { moves: boolean },
): Promise<void> {
  const temporary = join(cache, "artifacts", "tmp");
  makeFolder(temporary);
  for (const { localPath, digest, sizeBytes, ref } of entries) {
    const place = cachedPath(cache, digest);
    if (localPath === "" || ref !== "") continue;
    if (statSync(place, { throwIfNoEntry: false })?.size === sizeBytes) continue;
    makeFolder(dirname(place));
    // Whole or not at all: others read the cache meanwhile.
    const partial = join(temporary, randomUUID());
    try {
      const isMoved = moves && (await rename(localPath, partial).then(() => true, isOnAnotherDisk));
      if (!isMoved) await copyFile(localPath, partial, constants.COPYFILE_FICLONE);
      await chmod(partial, 0o666 & ~process.umask());
      await rename(partial, place);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }
}

function isOnAnotherDisk(error: NodeJS.ErrnoException): false {
  if (error.code === "EXDEV") return false;
  throw error;
}
