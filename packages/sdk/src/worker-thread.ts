import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort, SHARE_ENV, Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerStart } from "./messages.ts";
import { type RingMemory, spareRing } from "./ring.ts";
import type { ToThread } from "./worker.ts";

/**
 * Threads of a process, for all of its runs together: each costs some 60 ms of the processor to start, and 20 MB. So many
 * can take what one program logs.
 */
const MOST_THREADS = Math.min(4, availableParallelism());
/** A thread without runs waits so long for the next one. */
const IDLE_MS = 10_000;

const threads = new Set<SharedThread>();

class SharedThread {
  readonly runs = new Set<RunThread>();
  readonly #worker: Worker;
  #held = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    // The tree runs from source, the package from what was compiled.
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    // It says what a program in the command line is; with it a thread takes no file.
    const execArgv = process.execArgv.filter((argument) => !argument.startsWith("--input-type"));
    this.#worker = new Worker(new URL(file, import.meta.url), {
      // Given only where it differs: a thread inherits options that it does not take from here.
      ...(execArgv.length < process.execArgv.length ? { execArgv } : {}),
      // As it is when a run begins, not when the thread did.
      env: SHARE_ENV,
      name: "steelyard",
      stdout: true,
      stderr: true,
    });
    threads.add(this);
    this.#worker.on("error", (error) => this.#died(error));
    this.#worker.on("exit", () => this.#died(new Error("its thread has ended")));
    this.#worker.unref();
  }

  begin(run: RunThread, start: WorkerStart, inbox: MessagePort): void {
    clearTimeout(this.#idle);
    this.runs.add(run);
    this.#worker.postMessage({ ...start, inbox } satisfies ToThread, [inbox]);
  }

  /** The process stays until what is held is left. */
  hold(): void {
    if (this.#held++ === 0) this.#worker.ref();
  }

  leave(run: RunThread, isHeld: boolean): void {
    this.runs.delete(run);
    if (isHeld && --this.#held === 0) this.#worker.unref();
    if (this.runs.size === 0) this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
  }

  #end(): void {
    threads.delete(this);
    this.#worker.postMessage("end" satisfies ToThread);
  }

  /** It found no memory, its file is gone. */
  #died(error: Error): void {
    threads.delete(this);
    for (const run of [...this.runs]) run.failed(error);
  }
}

/** The one with the fewest runs; a new one rather than one that works, as long as there may be more. */
function threadForRun(): SharedThread {
  const [least] = [...threads].sort((a, b) => a.runs.size - b.runs.size);
  return least && (least.runs.size === 0 || threads.size >= MOST_THREADS) ? least : new SharedThread();
}

/** The run's side of a thread, as the program sees it. */
export class RunThread {
  readonly #thread = threadForRun();
  readonly #outbox: MessagePort;
  readonly #ring: RingMemory;
  #isHeld = false;
  #isLeft = false;
  /** Hears what the thread cannot tell of itself any more. */
  failed: (error: Error) => void = () => {};

  constructor(start: WorkerStart) {
    const { port1, port2 } = new MessageChannel();
    this.#outbox = port1;
    this.#ring = start.ring;
    this.#thread.begin(this, start, port2);
  }

  tell(message: ToWorker): void {
    this.#outbox.postMessage(message);
  }

  /** It keeps no process alive, until `hold`. */
  listen(hear: (message: FromWorker) => void, failed: (error: Error) => void): void {
    this.failed = failed;
    this.#outbox.on("message", (message: FromWorker) => {
      hear(message);
      // Neither side writes any more; of a run that was refused, a row may be held here.
      if (message.kind === "finished") spareRing(this.#ring);
    });
    this.#outbox.unref();
  }

  /** The process stays until the run is left. */
  hold(): void {
    if (this.#isHeld || this.#isLeft) return;
    this.#isHeld = true;
    this.#thread.hold();
  }

  /** It has ended: nothing more is heard of it. */
  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#outbox.close();
    this.#thread.leave(this, this.#isHeld);
  }
}
