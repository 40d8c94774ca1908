import type { Logger } from "pino";

/**
 * Do `work` every so often while the server runs, never twice at once; a failure is logged as "`what` failed" and the next
 * time comes. Returns the function that ends it.
 */
export function repeat(log: Logger, everyMs: number, what: string, work: () => Promise<unknown>): () => void {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    work()
      .catch((error: unknown) => log.error({ err: error }, `${what} failed`))
      .finally(() => {
        busy = false;
      });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
