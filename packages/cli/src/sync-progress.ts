import { statSync } from "node:fs";
import { info, styled } from "./terminal.ts";

const WIDTH = 24;
/** Of a bar that is drawn anew; of lines where there is no terminal. */
const DRAWN_EVERY_MS = 100;
const TOLD_EVERY_MS = 10_000;

interface LogProgress {
  bytes: number;
  ofBytes: number;
  rows: number;
}

/**
 * How far logs have got, together: a bar on a terminal, kept below what is said meanwhile; elsewhere a line now and then.
 */
export class SyncProgressBar {
  readonly #logs = new Map<string, LogProgress>();
  readonly #isDrawn = process.stderr.isTTY === true;
  #over = 0;
  #shownAtMs = performance.now();
  #note = "";

  /** What is to be sent. */
  add(logs: readonly string[]): void {
    for (const log of logs)
      this.#logs.set(log, {
        bytes: 0,
        ofBytes: statSync(log, { throwIfNoEntry: false })?.size ?? 0,
        rows: 0,
      });
  }

  show(log: string, progress: LogProgress): void {
    this.#note = "";
    this.#logs.set(log, progress);
    this.#show();
  }

  /** Why nothing moves; until something does. */
  wait(note: string): void {
    if (this.#isDrawn) {
      this.#note = note;
      this.#shownAtMs = Number.NEGATIVE_INFINITY;
      this.#show();
    } else info(note);
  }

  /** The log needs no more watching. */
  end(): void {
    this.#over++;
    this.clear();
  }

  /** Room for a line of text. */
  clear(): void {
    if (this.#isDrawn) process.stderr.write("\r\x1b[K");
  }

  #show(): void {
    const now = performance.now();
    if (now - this.#shownAtMs < (this.#isDrawn ? DRAWN_EVERY_MS : TOLD_EVERY_MS)) return;
    this.#shownAtMs = now;
    const sum = { bytes: 0, ofBytes: 0, rows: 0 };
    for (const { bytes, ofBytes, rows } of this.#logs.values()) {
      sum.bytes += Math.min(bytes, ofBytes);
      sum.ofBytes += ofBytes;
      sum.rows += rows;
    }
    const share = sum.ofBytes === 0 ? 1 : sum.bytes / sum.ofBytes;
    const filled = Math.round(share * WIDTH);
    const words = [
      `${Math.floor(share * 100)} %`,
      `${sizeOf(sum.bytes)} of ${sizeOf(sum.ofBytes)}`,
      `${sum.rows.toLocaleString("en")} rows`,
      ...(this.#logs.size > 1 ? [`${this.#over} of ${this.#logs.size} runs`] : []),
      ...(this.#note === "" ? [] : [this.#note]),
    ].join(", ");
    if (!this.#isDrawn) {
      info(words);
      return;
    }
    const bar = styled("cyan", "█".repeat(filled)) + styled("dim", "░".repeat(WIDTH - filled));
    const room = Math.max(10, (process.stderr.columns || 80) - WIDTH - 2);
    process.stderr.write(`\r\x1b[K${bar} ${words.slice(0, room)}`);
  }
}

export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
