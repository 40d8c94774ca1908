import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A tool that hangs (a driver in trouble) is given up. */
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 8 * 2 ** 20;

/** Path of a program, looked up without starting one; undefined when it is not here. */
export function findTool(name: string): string | undefined {
  const suffix = process.platform === "win32" ? ".exe" : "";
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, name + suffix);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** What it prints. Throws Error with what it said when it fails. */
export function runTool(path: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      path,
      args,
      { timeout: TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT, windowsHide: true, signal },
      (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else reject(new Error((stdout + stderr).trim().slice(0, 500) || error.message));
      },
    );
  });
}

/** A source of measures that not every machine has. */
export interface Devices {
  /** For the story of the run. */
  name: string;
  /** Names without the `system.` of the wire. Throws when nothing can be learned now. */
  sample(signal: AbortSignal): Promise<Record<string, number>>;
  /** For `wandb-metadata.json`. Throws like `sample`. */
  hardware(signal: AbortSignal): Promise<Record<string, unknown>>;
}
