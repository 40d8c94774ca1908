import { statSync } from "node:fs";
import { ProgressBar, sizeOf } from "./progress-bar.ts";
import { info } from "./terminal.ts";

interface LogProgress {
  bytes: number;
  ofBytes: number;
  rows: number;
}

/** How far logs have got, together. */
export class SyncProgressBar {
  readonly #logs = new Map<string, LogProgress>();
  readonly #bar = new ProgressBar();
  #over = 0;
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
    if (this.#bar.isDue) this.#show();
  }

  /** Why nothing moves; until something does. */
  wait(note: string): void {
    this.#note = note;
    if (this.#bar.isDrawn) this.#show();
    else info(note);
  }

  /** The log needs no more watching. */
  end(): void {
    this.#over++;
    this.clear();
  }

  /** Room for a line of text. */
  clear(): void {
    this.#bar.clear();
  }

  #show(): void {
    const sum = { bytes: 0, ofBytes: 0, rows: 0 };
    for (const { bytes, ofBytes, rows } of this.#logs.values()) {
      sum.bytes += Math.min(bytes, ofBytes);
      sum.ofBytes += ofBytes;
      sum.rows += rows;
    }
    const words = [
      `${sizeOf(sum.bytes)} of ${sizeOf(sum.ofBytes)}`,
      `${sum.rows.toLocaleString("en")} rows`,
      ...(this.#logs.size > 1 ? [`${this.#over} of ${this.#logs.size} runs`] : []),
      ...(this.#note === "" ? [] : [this.#note]),
    ];
    this.#bar.show(sum.ofBytes === 0 ? 1 : sum.bytes / sum.ofBytes, words.join(", "));
  }
}
