import { type Logger, pino } from "pino";

/** JSON lines on standard error; what a person reads at the start goes to standard output. Secrets never get here. */
export function createLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}
