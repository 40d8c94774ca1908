import {
  type MessagePort,
  parentPort,
  type ResourceLimits,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { ERRORS, type ErrorCode, SteelyardError } from "../errors.ts";

/** Calls from the main thread to a worker of an engine and the answers back: one message each way. */

export interface Call {
  id: number;
  name: string;
  argument: unknown;
}
interface Answer {
  id: number;
  value?: unknown;
  error?: { code?: ErrorCode; message: string };
}

type Transfer = readonly ArrayBuffer[];

/** A worker as seen from the main thread. When it dies, every waiting and later call fails with `unavailable`. */
export class CalledWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (cause: unknown) => void }
  >();
  readonly #of: string;
  #next = 0;
  #dead: Error | undefined;

  /** `of`: what stops when the worker dies, for the message; `beside`: the caller's `import.meta.url`, where `name` lies. */
  constructor(
    of: string,
    beside: string,
    name: string,
    workerData: unknown,
    resourceLimits: ResourceLimits = {},
  ) {
    this.#of = of;
    // TypeScript in the tree, JavaScript in the published package.
    const extension = beside.endsWith(".ts") ? ".ts" : ".js";
    this.#worker = new Worker(new URL(`./${name}${extension}`, beside), { name, workerData, resourceLimits });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (cause) => this.#die(cause));
    this.#worker.on("exit", () => this.#die(new Error("it ended")));
    this.#worker.unref();
  }

  call<T>(name: string, argument: unknown, transfer: Transfer = []): Promise<T> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      // A waiting call keeps the process alive; an idle store does not.
      this.#worker.ref();
      this.#worker.postMessage({ id, name, argument } satisfies Call, transfer as ArrayBuffer[]);
    });
  }

  async end(): Promise<void> {
    if (!this.#dead) await this.#worker.terminate();
  }

  #settle({ id, value, error }: Answer): void {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (!error) call?.resolve(value);
    else call?.reject(error.code ? new SteelyardError(error.code, error.message) : new Error(error.message));
  }

  #die(cause: unknown): void {
    this.#dead ??= new SteelyardError("unavailable", `the ${this.#of} stopped: restart the server`, {
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#dead);
    this.#waiting.clear();
  }
}

/** Port of the worker this runs in. */
export function callerPort(): MessagePort {
  if (!parentPort) throw new Error("this file is started as a worker of an engine");
  return parentPort;
}

/** Calls that have arrived already, without going back to the event loop: what makes a group commit. */
export function arrivedCalls(first: Call): Call[] {
  const calls = [first];
  for (let next = receiveMessageOnPort(callerPort()); next; next = receiveMessageOnPort(callerPort())) {
    calls.push(next.message as Call);
  }
  return calls;
}

export function answer(id: number, value: unknown, transfer: Transfer = []): void {
  callerPort().postMessage({ id, value } satisfies Answer, transfer as ArrayBuffer[]);
}

export function answerError(id: number, cause: unknown): void {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof SteelyardError && cause.code in ERRORS ? cause.code : undefined;
  callerPort().postMessage({ id, error: { ...(code ? { code } : undefined), message } } satisfies Answer);
}
