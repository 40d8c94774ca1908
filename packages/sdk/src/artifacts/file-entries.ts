import { createHash } from "node:crypto";
import { constants, type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { chmod, copyFile, open } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactEntry, EMPTY_ENTRY } from "@steelyard/protocol/records";

const READS_AT_ONCE = 8;
const READ_BYTES = 2 ** 20;

/** A file on the disk, and its place in an artifact, with `/`. */
export interface FileOnDisk {
  path: string;
  from: string;
  sizeBytes: number;
}

/**
 * Every file below a folder, in order. Links to files are those files, links to folders are gone through where `links` says
 * so: the official client does for what it uploads, and does not for what it refers to. Throws Error for what is neither
 * file nor folder, and for a link that leads around.
 */
export function filesBelow(root: string, { links }: { links: boolean }): FileOnDisk[] {
  const look = (folder: string, inside: string, above: readonly string[]): FileOnDisk[] => {
    const real = realpathSync(folder);
    if (above.includes(real)) throw new Error(`${folder} is a link to a folder that it is in`);
    const entries: Dirent[] = readdirSync(folder, { withFileTypes: true });
    return entries
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .flatMap((entry) => {
        const [from, path] = [join(folder, entry.name), `${inside}${entry.name}`];
        const facts = statSync(from, { throwIfNoEntry: false });
        if (facts?.isFile()) return { path, from, sizeBytes: facts.size };
        if (facts?.isDirectory())
          return entry.isSymbolicLink() && !links ? [] : look(from, `${path}/`, [...above, real]);
        throw new Error(`${from} is ${facts ? "neither a file nor a folder" : "a link to nothing"}`);
      });
  };
  return look(root, "", []);
}

export interface ReadingOptions {
  /** Where copies are made, which are uploaded in place of the files; undefined: the files are not to change till then. */
  copies: string | undefined;
  signal: AbortSignal;
  /** So many more were read. */
  onBytes: (bytes: number) => void;
}

/** What a version holds of these files, as they are now. Throws the file system's errors, or the signal's reason. */
export async function fileEntries(
  files: readonly FileOnDisk[],
  { copies, signal, onBytes }: ReadingOptions,
): Promise<ArtifactEntry[]> {
  const entries: ArtifactEntry[] = [];
  const waiting = files.entries();
  const read = async () => {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (const [at, { path, from }] of waiting) {
      signal.throwIfAborted();
      const localPath = copies === undefined ? from : join(copies, String(at));
      if (copies !== undefined) {
        await copyFile(from, localPath, constants.COPYFILE_FICLONE);
        await chmod(localPath, 0o400);
      }
      const content = await digestOf(localPath, buffer, signal, onBytes);
      entries[at] = { ...EMPTY_ENTRY, path, ...content, localPath };
    }
  };
  await Promise.all(Array.from({ length: Math.min(READS_AT_ONCE, files.length) }, read));
  return entries;
}

async function digestOf(
  path: string,
  buffer: Buffer,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Pick<ArtifactEntry, "digest" | "sizeBytes">> {
  const hash = createHash("md5");
  const file = await open(path);
  try {
    for (let sizeBytes = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { digest: hash.digest("base64"), sizeBytes };
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
      onBytes(bytesRead);
    }
  } finally {
    await file.close();
  }
}
