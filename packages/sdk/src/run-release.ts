import type { MessagePort } from "node:worker_threads";
import { writeCrashReport } from "./crash-report.ts";
import { InternalLog } from "./debug-log.ts";
import type { FromWorker, WorkerStart } from "./messages.ts";
import { RingReader } from "./ring.ts";

/** The program hears why the run cannot go on; who logs, or is leaving, waits no more. */
export function refuse(start: WorkerStart, inbox: MessagePort, error: Error): void {
  const report = writeCrashReport(start.crashReport, error);
  const message = `the run cannot go on: ${(start.debug && error.stack) || error.message}; what it has is in ${start.logFile}${report}`;
  new InternalLog(start.internalLog).write("ERROR", message);
  tellEnd(start, inbox, { kind: "refused", message }, 1);
}

/** The last that is told of a run: from here on its ring is another's. `done` as in `WorkerStart`. */
export function tellEnd(start: WorkerStart, inbox: MessagePort, message: FromWorker, done: 1 | 2): void {
  new RingReader(start.ring).desert();
  inbox.postMessage(message);
  const ended = new Int32Array(start.done);
  Atomics.store(ended, 0, done);
  Atomics.notify(ended, 0);
  inbox.close();
}
