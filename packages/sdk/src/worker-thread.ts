import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerStart } from "./messages.ts";

/** What the thread is started with: it takes messages one by one, which only a channel's port can do everywhere. */
export type WorkerData = WorkerStart & { inbox: MessagePort };

/** The run's own thread, as the program's sees it. */
export class RunThread {
  readonly #worker: Worker;
  readonly #outbox: MessagePort;

  constructor(start: WorkerStart) {
    // The tree runs from source, the package from what was compiled.
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    // It says what a program in the command line is; with it a thread takes no file.
    const execArgv = process.execArgv.filter((argument) => !argument.startsWith("--input-type"));
    const { port1, port2 } = new MessageChannel();
    this.#outbox = port1;
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { ...start, inbox: port2 } satisfies WorkerData,
      transferList: [port2],
      // Given only where it differs: a thread inherits options that it does not take from here.
      ...(execArgv.length < process.execArgv.length ? { execArgv } : {}),
      name: `steelyard ${start.runId}`,
      stdout: true,
      stderr: true,
    });
  }

  tell(message: ToWorker): void {
    this.#outbox.postMessage(message);
  }

  /** From here on it keeps no process alive, until `hold`. `failed` = what it cannot tell of itself any more. */
  listen(hear: (message: FromWorker) => void, failed: (error: Error) => void): void {
    this.#worker.on("message", hear);
    this.#worker.on("error", failed);
    this.#worker.unref();
  }

  /** The process stays until it has ended. */
  hold(): void {
    this.#worker.ref();
  }
}
