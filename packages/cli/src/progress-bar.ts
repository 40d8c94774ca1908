import { info, styled } from "./terminal.ts";

const WIDTH = 24;
/** Of a bar that is drawn anew; of lines where there is no terminal. */
const DRAWN_EVERY_MS = 100;
const TOLD_EVERY_MS = 10_000;

/** How far something has got: a bar on a terminal, kept below what is said meanwhile; elsewhere a line now and then. */
export class ProgressBar {
  readonly isDrawn = process.stderr.isTTY === true;
  #shownAtMs = performance.now();

  /** False when it was shown a moment ago. */
  get isDue(): boolean {
    return performance.now() - this.#shownAtMs >= (this.isDrawn ? DRAWN_EVERY_MS : TOLD_EVERY_MS);
  }

  /** `share` is 1 when all is done. */
  show(share: number, words: string): void {
    this.#shownAtMs = performance.now();
    const text = `${Math.floor(share * 100)} %, ${words}`;
    if (!this.isDrawn) {
      info(text);
      return;
    }
    const filled = Math.round(share * WIDTH);
    const bar = styled("cyan", "█".repeat(filled)) + styled("dim", "░".repeat(WIDTH - filled));
    const room = Math.max(10, (process.stderr.columns || 80) - WIDTH - 2);
    process.stderr.write(`\r\x1b[K${bar} ${text.slice(0, room)}`);
  }

  /** Room for a line of text. */
  clear(): void {
    if (this.isDrawn) process.stderr.write("\r\x1b[K");
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
