import { appendFileSync } from "node:fs";
import { threadId } from "node:worker_threads";

/**
 * The story of a run for whoever looks into it later, as the official client tells it: `debug.log` by the program's
 * thread, one line of text an event; `debug-internal.log` by the run's thread, one JSON object a line. Never a key or
 * a password. What cannot be written is left out: a log of faults must not be one.
 */
type Level = "DEBUG" | "INFO" | "WARNING" | "ERROR";

function append(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch {
    // The disk is full or the folder gone; the run has told of it where it matters.
  }
}

export class DebugLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** `place` = what of the SDK speaks. */
  write(level: Level, place: string, text: string): void {
    const now = new Date();
    const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
    const time = `${local.slice(0, 10)} ${local.slice(11, 19)},${local.slice(20, 23)}`;
    const head = `${time} ${level.padEnd(7)} ${threadId === 0 ? "MainThread" : `Thread-${threadId}`}:${process.pid} [${place}]`;
    const lines = text.split("\n").filter((line) => line !== "");
    append(this.#path, lines.map((line) => `${head} ${line}\n`).join(""));
  }
}

export class InternalLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  write(level: Level, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    append(
      this.#path,
      `${JSON.stringify({ time: new Date().toISOString(), level, msg: message, ...facts })}\n`,
    );
  }
}
