import { Worker } from "node:worker_threads";
import type { FromWorker, WorkerStart } from "./messages.ts";

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

/** Resolves when the run's log takes rows: what is logged from then on is kept, even if the process is killed. */
export function begun(worker: Worker, waitS: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => done(new Error(`the run's thread did not start within ${waitS} s (WANDB_X_SERVICE_WAIT)`)),
      waitS * 1000,
    );
    const hear = (message: FromWorker) => {
      if (message.kind === "begun") done();
      else if (message.kind === "refused") done(new Error(message.message));
    };
    const done = (error?: Error) => {
      clearTimeout(timer);
      worker.off("message", hear).off("error", done);
      if (error) reject(error);
      else resolve();
    };
    worker.on("message", hear).on("error", done);
  });
}
