import { type MessagePort, parentPort } from "node:worker_threads";
import type { WorkerStart } from "./messages.ts";
import { refuse } from "./run-release.ts";
import { RunWorker } from "./run-worker.ts";

/** A run that is to be worked for in this thread: it listens at the port, and tells there. */
export type RunGiven = WorkerStart & { inbox: MessagePort };
/** `end` = no run comes any more. */
export type ToThread = RunGiven | "end";

/** The SDK's thread: runs come and go. */
const port = parentPort as NonNullable<typeof parentPort>;
if (!port) throw new Error("this file is the SDK's worker; import the package instead");
const runs = new Set<RunWorker>();

function begin({ inbox, ...start }: RunGiven): void {
  try {
    const run: RunWorker = new RunWorker(start, inbox, () => runs.delete(run));
    runs.add(run);
  } catch (error) {
    refuse(start, inbox, error as Error);
  }
}

/** Of what is thrown where no run is to be seen, nobody can say which of them is whole. */
function crash(error: Error): void {
  for (const run of [...runs]) run.crash(error);
}

process.on("uncaughtException", crash);
process.on("exit", () => crash(new Error("its thread has ended")));
// What is printed here, a warning of the runtime, is read by nobody, and would keep the process alive.
process.removeAllListeners("warning");
port.on("message", (message: ToThread) => {
  if (message === "end") port.close();
  else begin(message);
});
