/** What must be told when the process ends before its runs were finished. */
interface Unfinished {
  /** Orderly: the event loop is empty. */
  finish(exitCode: number): Promise<void>;
  /** The process is leaving: block until the worker has done what it can. */
  finishNow(exitCode: number): void;
}

const unfinished = new Set<Unfinished>();
let hooked = false;
let exitCode: number | undefined;

/** Signals that end a process, and the code a shell would show for each. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Returns the function to call when the run is finished. */
export function watchProcessEnd(run: Unfinished): () => void {
  unfinished.add(run);
  if (!hooked) hook();
  return () => unfinished.delete(run);
}

function hook(): void {
  hooked = true;
  process.on("beforeExit", () => {
    for (const run of [...unfinished]) void run.finish(Number(process.exitCode ?? 0));
  });
  // The monitor changes nothing of what Node does with the error.
  process.on("uncaughtExceptionMonitor", () => {
    // Who handles such errors lives on; how the process ends is seen later.
    if (process.listenerCount("uncaughtException") === 0) exitCode = 1;
  });
  process.on("exit", (code) => {
    for (const run of [...unfinished]) run.finishNow(exitCode ?? code);
  });
  for (const [signal, code] of Object.entries(SIGNALS) as [NodeJS.Signals, number][]) {
    const handler = () => {
      // Somebody else handles it too: how the process goes on is theirs to say, and `exit` follows if it ends.
      if (process.listenerCount(signal) > 1 || unfinished.size === 0) {
        if (process.listenerCount(signal) === 1) process.exit(code);
        return;
      }
      process.exit(code);
    };
    process.on(signal, handler);
  }
}
