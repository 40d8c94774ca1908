import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Lines in memory before the rest waits on disk: a server that is away must not fill the process. */
const MEMORY_BYTES = 16 * 2 ** 20;
/** Taken back from disk at once. */
const REFILL_BYTES = 4 * 2 ** 20;

/** Lines in order, each taken once; beyond `MEMORY_BYTES` they wait in a file beside the log. */
export class LineQueue {
  #lines: string[] = [];
  #head = 0;
  #bytes = 0;
  readonly #path: string;
  #file: number | undefined;
  #writeAt = 0;
  #readAt = 0;
  #partial = "";

  constructor(path: string) {
    this.#path = path;
  }

  get empty(): boolean {
    return this.#head === this.#lines.length && this.#readAt === this.#writeAt;
  }

  push(line: string): void {
    if (this.#file === undefined && this.#bytes < MEMORY_BYTES) {
      this.#lines.push(line);
      this.#bytes += line.length;
      return;
    }
    this.#file ??= openSync(this.#path, "w+", 0o600);
    const bytes = Buffer.from(`${line}\n`);
    writeSync(this.#file, bytes, 0, bytes.length, this.#writeAt);
    this.#writeAt += bytes.length;
  }

  /** Up to `maxBytes` of lines (one at least when there is one). */
  take(maxBytes: number, maxLines: number): string[] {
    if (this.#head === this.#lines.length) this.#refill();
    const taken: string[] = [];
    let bytes = 0;
    while (this.#head < this.#lines.length && taken.length < maxLines) {
      const line = this.#lines[this.#head] as string;
      if (taken.length > 0 && bytes + line.length > maxBytes) break;
      taken.push(line);
      bytes += line.length;
      this.#head++;
    }
    this.#bytes -= bytes;
    if (this.#head === this.#lines.length) {
      this.#lines = [];
      this.#head = 0;
    }
    return taken;
  }

  #refill(): void {
    if (this.#file === undefined) return;
    const buffer = Buffer.alloc(Math.min(REFILL_BYTES, this.#writeAt - this.#readAt));
    const length = readSync(this.#file, buffer, 0, buffer.length, this.#readAt);
    this.#readAt += length;
    // Cut at the last newline: what follows is the beginning of a line (or of a character).
    const end = buffer.lastIndexOf(10, length - 1);
    if (end < 0) {
      this.#partial += buffer.toString("latin1", 0, length);
      if (this.#readAt < this.#writeAt) this.#refill();
      return;
    }
    const whole = Buffer.concat([Buffer.from(this.#partial, "latin1"), buffer.subarray(0, end)]).toString(
      "utf8",
    );
    this.#partial = buffer.toString("latin1", end + 1, length);
    this.#lines = whole.split("\n");
    this.#head = 0;
    this.#bytes = whole.length;
    if (this.#readAt === this.#writeAt) this.close();
  }

  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
    this.#file = undefined;
    this.#readAt = 0;
    this.#writeAt = 0;
  }
}
