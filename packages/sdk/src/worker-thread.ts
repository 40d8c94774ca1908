import { Worker } from "node:worker_threads";
import type { WorkerStart } from "./messages.ts";

/** The run's own thread, as the program's sees it. */
export function startWorker(start: WorkerStart): Worker {
  // The tree runs from source, the package from what was compiled.
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  // It says what a program in the command line is; with it a thread takes no file.
  const execArgv = process.execArgv.filter((argument) => !argument.startsWith("--input-type"));
  return new Worker(new URL(file, import.meta.url), {
    workerData: start,
    // Given only where it differs: a thread inherits options that it does not take from here.
    ...(execArgv.length < process.execArgv.length ? { execArgv } : {}),
    name: `steelyard ${start.runId}`,
    stdout: true,
    stderr: true,
  });
}
