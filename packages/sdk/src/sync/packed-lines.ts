import type { TakenLines } from "../line-queue.ts";

const encoder = new TextEncoder();

/**
 * Lines as a request has them, in memory that each request uses again: those of a log of gigabytes would be as many strings
 * and buffers for the collector, which comes for large ones late.
 */
export class PackedLines {
  #bytes = Buffer.allocUnsafe(2 ** 20);

  /** Good until the next call. */
  pack(lines: readonly string[]): TakenLines {
    let length = 0;
    for (const line of lines) {
      const text = `${JSON.stringify(line)},\n`;
      if (length + text.length * 3 > this.#bytes.length) this.#grow(length + text.length * 3, length);
      length += encoder.encodeInto(text, this.#bytes.subarray(length)).written;
    }
    return { count: lines.length, blocks: [this.#bytes.subarray(0, length)] };
  }

  #grow(needed: number, length: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, length);
    this.#bytes = larger;
  }
}
