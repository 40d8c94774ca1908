import { type LeftRun, tellLeft } from "./run-report.ts";

/** What must be told when the process ends before its runs were finished. */
interface Unfinished {
  /** Orderly: the event loop is empty. With `left` the run adds itself there, unsaid, when the server lacks some of it. */
  finish(exitCode: number, left: LeftRun[] | undefined): Promise<void>;
  /** The process is leaving: the run's thread is told to end it. Undefined when it has ended. */
  leave(exitCode: number): LeavingRun | undefined;
}

/** Its thread works on while this one, in which nothing asynchronous happens any more, waits. */
export interface LeavingRun {
  /** How long its thread may take to start, and then to end it. */
  readonly startWaitMs: number;
  readonly limitMs: number;
  /** Each blocks, so long at most. */
  waitForStart(ms: number): void;
  waitForEnd(ms: number): void;
  /** Says how it ended; answers the run when the server does not have all of it. */
  tellEnd(): LeftRun | undefined;
}

/** A process that is leaving waits so long for a run that does not say how long, once its thread has started. */
export const EXIT_DEADLINE_MS = 5000;
/** A thread gives a run up when its time is over, and then has to say so. */
const GRACE_MS = 1000;

const unfinished = new Set<Unfinished>();
/** Those that end together, and which of them are left and not yet told of. */
const ended = { left: [] as LeftRun[], of: 0 };
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
    const runs = [...unfinished];
    ended.of += runs.length;
    const together = runs.length > 1 ? ended.left : undefined;
    const ends = runs.map((run) => run.finish(Number(process.exitCode ?? 0), together));
    void Promise.allSettled(ends).then(() => tellEnded());
    // One that throws ends the process as any rejection does.
    void Promise.all(ends);
  });
  // The monitor changes nothing of what Node does with the error.
  process.on("uncaughtExceptionMonitor", () => {
    // Who handles such errors lives on; how the process ends is seen later.
    if (process.listenerCount("uncaughtException") === 0) exitCode = 1;
  });
  process.on("exit", (code) => {
    leaveTogether([...unfinished].flatMap((run) => run.leave(exitCode ?? code) ?? []));
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

/** All of them end meanwhile: waiting for many takes no longer than for the one that may take longest. */
function leaveTogether(runs: readonly LeavingRun[]): void {
  const toldMs = performance.now();
  for (const run of runs) run.waitForStart(msTo(toldMs + run.startWaitMs));
  const startedMs = performance.now();
  for (const run of runs) run.waitForEnd(msTo(startedMs + run.limitMs + GRACE_MS));
  ended.left.push(...runs.flatMap((run) => run.tellEnd() ?? []));
  ended.of = Math.max(ended.of, runs.length);
  tellEnded();
}

function tellEnded(): void {
  tellLeft(ended.left.splice(0), ended.of);
  ended.of = 0;
}

const msTo = (untilMs: number) => Math.max(0, untilMs - performance.now());
