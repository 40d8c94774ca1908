import type { Readable } from "node:stream";
import type { BlobStat, BlobStore } from "../ports/blob-store.ts";

/**
 * A blob store that knows what it holds: the store behind it is asked once, in the background, and every put and delete
 * is counted from then on. A blob written while the first count runs may count twice until the next start.
 */
export function countBlobs(store: BlobStore): BlobStore {
  return new CountedBlobs(store);
}

class CountedBlobs implements BlobStore {
  readonly #store: BlobStore;
  readonly #counted: Promise<void>;
  #bytes = 0;
  #blobs = 0;

  constructor(store: BlobStore) {
    this.#store = store;
    this.#counted = store.stats().then(({ bytes, blobs }) => this.#add(bytes, blobs));
    // Told to whoever asks for the numbers; until then nobody waits for it.
    this.#counted.catch(() => {});
  }

  async put(key: string, content: Readable, limits?: { maxBytes?: number }): Promise<BlobStat> {
    const before = await this.#store.stat(key);
    const stat = await this.#store.put(key, content, limits);
    this.#add(stat.sizeBytes - (before?.sizeBytes ?? 0), before ? 0 : 1);
    return stat;
  }

  get(key: string, range?: { start: number; end: number }): Promise<Readable | undefined> {
    return this.#store.get(key, range);
  }

  stat(key: string): Promise<{ sizeBytes: number } | undefined> {
    return this.#store.stat(key);
  }

  async delete(key: string): Promise<void> {
    const before = await this.#store.stat(key);
    await this.#store.delete(key);
    if (before) this.#add(-before.sizeBytes, -1);
  }

  async stats(): Promise<{ bytes: number; blobs: number }> {
    await this.#counted;
    return { bytes: Math.max(0, this.#bytes), blobs: Math.max(0, this.#blobs) };
  }

  async close(): Promise<void> {
    await this.#counted.catch(() => {});
    await this.#store.close();
  }

  #add(bytes: number, blobs: number): void {
    this.#bytes += bytes;
    this.#blobs += blobs;
  }
}
