import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { SteelyardError } from "../../errors.ts";
import type { BlobStat, BlobStore } from "../../ports/blob-store.ts";

/** Parts of letters, digits, `_` and `-`: no dot, so no `..`, no hidden file, no suffix with a meaning. */
const KEY = /^[a-z0-9_-]{1,128}(?:\/[a-z0-9_-]{1,128}){0,15}$/;

/**
 * Blobs as files under `path`/blobs, by key. What is being written lies in `path`/incoming, which is emptied at start:
 * nothing there was ever acknowledged.
 */
export async function openFolder(path: string): Promise<BlobStore> {
  const incoming = join(path, "incoming");
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const root = join(path, "blobs");
  await mkdir(root, { recursive: true, mode: 0o700 });
  await syncFolder(path);
  return new FolderBlobStore(root, incoming);
}

class FolderBlobStore implements BlobStore {
  readonly #root: string;
  readonly #incoming: string;
  /** Folders known to exist and to be durable, so that only the first blob in one pays for its making. */
  readonly #folders = new Set<string>();

  constructor(root: string, incoming: string) {
    this.#root = root;
    this.#incoming = incoming;
  }

  async put(key: string, content: Readable, limits: { maxBytes?: number } = {}): Promise<BlobStat> {
    const path = this.#path(key);
    const draft = join(this.#incoming, randomBytes(12).toString("hex"));
    try {
      const stat = await writeDraft(draft, content, limits.maxBytes ?? Number.POSITIVE_INFINITY);
      await this.#makeFolder(dirname(path));
      await rename(draft, path);
      await syncFolder(dirname(path));
      return stat;
    } catch (cause) {
      content.destroy();
      await rm(draft, { force: true });
      throw asStorageError(cause);
    }
  }

  async get(key: string, range?: { start: number; end: number }): Promise<Readable | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.#path(key), "r");
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw asStorageError(cause);
    }
    // The open file outlives a replacement or a deletion of its name: a reader sees one whole blob.
    return createReadStream("", { fd: file, ...range });
  }

  async stat(key: string): Promise<{ sizeBytes: number } | undefined> {
    try {
      const found = await stat(this.#path(key));
      return found.isFile() ? { sizeBytes: found.size } : undefined;
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw asStorageError(cause);
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await rm(path);
      await syncFolder(dirname(path));
    } catch (cause) {
      if (!isAbsent(cause)) throw asStorageError(cause);
    }
  }

  async stats(): Promise<{ bytes: number; blobs: number }> {
    let bytes = 0;
    let blobs = 0;
    const folders = [this.#root];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          folders.push(path);
        } else {
          blobs++;
          bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
        }
      }
    }
    return { bytes, blobs };
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    if (!KEY.test(key)) {
      throw new SteelyardError("bad-request", "blob keys are parts of a-z, 0-9, _ and - between slashes");
    }
    return join(this.#root, key);
  }

  /** A new folder is durable only when its parent's entry is. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#root || this.#folders.has(folder)) return;
    await this.#makeFolder(dirname(folder));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(folder));
    if (this.#folders.size > 10_000) this.#folders.clear();
    this.#folders.add(folder);
  }
}

async function writeDraft(path: string, content: Readable, maxBytes: number): Promise<BlobStat> {
  const file = await open(path, "wx", 0o600);
  try {
    const md5 = createHash("md5");
    let sizeBytes = 0;
    for await (const piece of content) {
      const bytes: Uint8Array = typeof piece === "string" ? Buffer.from(piece) : piece;
      sizeBytes += bytes.length;
      if (sizeBytes > maxBytes) {
        throw new SteelyardError("too-large", `the content is larger than the allowed ${maxBytes} bytes`);
      }
      md5.update(bytes);
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    }
    await file.sync();
    return { sizeBytes, md5: md5.digest("base64") };
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows can neither open nor sync a folder; its journal orders the rename.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isAbsent(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function asStorageError(cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SteelyardError("storage-full", "the disk of the server is full: free space, then send again", {
      cause,
    });
  }
  return cause;
}
