import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Lines in memory before the rest waits on disk: a server that is away must not fill the process. */
const MEMORY_BYTES = 16 * 2 ** 20;
/** Lines are kept and taken in blocks of about this size, or of a request's when that is smaller. */
const BLOCK_BYTES = 256 * 2 ** 10;

/** Lines taken, each a JSON string with `,\n` behind it. */
export interface TakenLines {
  count: number;
  blocks: Uint8Array[];
}

interface Block {
  count: number;
  length: number;
  /** Undefined when it waits on disk, at `at`. */
  bytes: Uint8Array | undefined;
  at: number;
}

const encoder = new TextEncoder();

/**
 * Lines of a file stream in order, each taken once, kept as the bytes that the request has: JSON strings with `,\n` behind
 * each. Beyond `MEMORY_BYTES` they wait in a file beside the log. A line is written where it will stand, between `begin`
 * and `end`.
 */
export class LineQueue {
  /** Of the open block; another array after each `begin`. */
  bytes: Uint8Array;
  readonly #blockBytes: number;
  #length = 0;
  #count = 0;
  /** Full ones, oldest first. */
  #blocks: Block[] = [];
  #memoryBytes = 0;
  readonly #path: string;
  #file: number | undefined;
  #fileLength = 0;

  constructor(path: string, maxRequestBytes = BLOCK_BYTES) {
    this.#path = path;
    this.#blockBytes = Math.min(BLOCK_BYTES, maxRequestBytes);
    this.bytes = new Uint8Array(this.#blockBytes);
  }

  get empty(): boolean {
    return this.#count === 0 && this.#blocks.length === 0;
  }

  /** Lines that wait. */
  get count(): number {
    return this.#blocks.reduce((sum, block) => sum + block.count, this.#count);
  }

  /** Where in `bytes` a line of at most `size` bytes is to be written; `end` follows. */
  begin(size: number): number {
    if (this.#length + size > this.bytes.length) {
      if (this.#count > 0) this.#seal();
      if (size > this.bytes.length) this.bytes = new Uint8Array(size);
    }
    return this.#length;
  }

  /** The line, its `,\n` included, ends before `bytes[at]`. */
  end(at: number): void {
    this.#length = at;
    this.#count++;
  }

  push(line: string): void {
    const text = `${JSON.stringify(line)},\n`;
    const at = this.begin(text.length * 3);
    this.end(at + encoder.encodeInto(text, this.bytes.subarray(at)).written);
  }

  #seal(): void {
    const block: Block = { count: this.#count, length: this.#length, bytes: undefined, at: 0 };
    const filled = this.bytes.subarray(0, this.#length);
    if (this.#file === undefined && this.#memoryBytes < MEMORY_BYTES) {
      block.bytes = filled;
      this.#memoryBytes += this.#length;
      this.bytes = new Uint8Array(this.#blockBytes);
    } else {
      this.#file ??= openSync(this.#path, "w+", 0o600);
      block.at = this.#fileLength;
      let from = 0;
      while (from < filled.length)
        from += writeSync(this.#file, filled, from, filled.length - from, block.at + from);
      this.#fileLength += filled.length;
    }
    this.#blocks.push(block);
    this.#length = 0;
    this.#count = 0;
  }

  /** About `maxBytes` of lines, and at most a block more than `maxLines`; one block at least when there is one. */
  take(maxBytes: number, maxLines: number): TakenLines {
    const taken: TakenLines = { count: 0, blocks: [] };
    let bytes = 0;
    let blocks = 0;
    for (const block of this.#blocks) {
      if (blocks > 0 && (bytes + block.length > maxBytes || taken.count >= maxLines)) break;
      taken.blocks.push(this.#content(block));
      taken.count += block.count;
      bytes += block.length;
      blocks++;
    }
    this.#blocks.splice(0, blocks);
    if (this.#blocks.length === 0) {
      this.close();
      if (this.#count > 0 && (blocks === 0 || bytes + this.#length <= maxBytes)) {
        taken.blocks.push(this.bytes.slice(0, this.#length));
        taken.count += this.#count;
        this.#length = 0;
        this.#count = 0;
      }
    }
    return taken;
  }

  #content(block: Block): Uint8Array {
    if (block.bytes) {
      this.#memoryBytes -= block.length;
      return block.bytes;
    }
    const bytes = new Uint8Array(block.length);
    let from = 0;
    while (from < bytes.length) {
      const read = readSync(this.#file as number, bytes, from, bytes.length - from, block.at + from);
      if (read === 0) throw new Error(`${this.#path} was cut: it held rows that were not sent yet`);
      from += read;
    }
    return bytes;
  }

  /** What waits is forgotten. */
  forget(): void {
    this.#blocks = [];
    this.#memoryBytes = 0;
    this.#length = 0;
    this.#count = 0;
    this.close();
  }

  /** What waits on disk is forgotten. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
    this.#file = undefined;
    this.#fileLength = 0;
  }
}
