import type { Readable } from "node:stream";

export interface BlobStat {
  sizeBytes: number;
  /** base64 of the raw MD5, the form the client compares. */
  md5: string;
}

/**
 * Immutable content by key. Keys are made by us from ids and digests (`[a-z0-9/_-]+`), never from user paths.
 * Engines: `engines/folder` (one machine).
 * - `put` resolves when the content is durable (fsync, then rename); a half-written blob is never visible.
 * - Putting a key again replaces it atomically.
 */
export interface BlobStore {
  put(key: string, content: Readable, limits?: { maxBytes?: number }): Promise<BlobStat>;
  /** `undefined` when absent. Range is inclusive bytes, as in HTTP. */
  get(key: string, range?: { start: number; end: number }): Promise<Readable | undefined>;
  stat(key: string): Promise<{ sizeBytes: number } | undefined>;
  delete(key: string): Promise<void>;
  stats(): Promise<{ bytes: number; blobs: number }>;
  close(): Promise<void>;
}
