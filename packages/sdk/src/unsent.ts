import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { countText } from "./count-text.ts";

/** What of a run the server does not have, and how it gets there: for whoever reads the terminal. */
export class Unsent {
  readonly #hasLog: boolean;
  readonly #folder: string;
  readonly #filesDir: string;
  /** Being uploaded, or refused. */
  readonly #files = new Set<string>();
  #config = false;

  /** `hasLog`: nothing is lost that the log has. */
  constructor(logFile: string, filesDir: string, hasLog: boolean) {
    this.#hasLog = hasLog;
    this.#folder = dirname(logFile);
    this.#filesDir = filesDir;
  }

  /** The command that sends all of it, with its verb; or why none does. */
  way(verb: string): string {
    return this.#hasLog
      ? `\`steelyard sync ${this.#folder}\` ${verb}`
      : "there is no log to send it from (WANDB_X_SKIP_TRANSACTION_LOG)";
  }

  uploading(names: readonly string[]): void {
    for (const name of names) this.#files.add(name);
  }

  uploaded(names: readonly string[]): void {
    for (const name of names) this.#files.delete(name);
  }

  set config(unsent: boolean) {
    this.#config = unsent;
  }

  /** `1,200 rows, 2 files (3.4 MB) and the config`; "" when the server has everything. */
  text(rows: number): string {
    const parts: string[] = [];
    if (rows > 0) parts.push(`${countText(rows)} ${rows === 1 ? "row" : "rows"}`);
    const files = [...this.#files];
    if (files.length > 0)
      parts.push(
        `${files.length} ${files.length === 1 ? "file" : "files"} (${inMegabytes(this.#bytes(files))})`,
      );
    if (this.#config) parts.push("the config");
    const last = parts.pop() ?? "";
    return parts.length > 0 ? `${parts.join(", ")} and ${last}` : last;
  }

  #bytes(files: readonly string[]): number {
    return files.reduce(
      (sum, name) => sum + (statSync(join(this.#filesDir, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }
}

function inMegabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
