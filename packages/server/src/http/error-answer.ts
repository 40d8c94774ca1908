import type { Logger } from "pino";
import { type ErrorCode, SteelyardError } from "../errors.ts";

export interface ErrorAnswer {
  status: number;
  code: ErrorCode;
  /** One line, plain: the client prints the whole body. */
  message: string;
  /** Seconds, when trying again may help. */
  retryAfterS?: number;
}

/** What a client is told of an error, whatever was thrown; what it is not told goes to the log with the cause. */
export function answerOf(error: unknown, log: Logger, details: Record<string, unknown>): ErrorAnswer {
  const known = answeredError(error);
  if (known.status >= 500) log.error({ ...details, err: error, code: known.code }, known.message);
  else log.info({ ...details, code: known.code, cause: known.cause }, known.message);
  return {
    status: known.status,
    code: known.code,
    message: known.message.replace(/\s*\n\s*/g, " "),
    ...(known.status === 503 || known.status === 507 ? { retryAfterS: 5 } : {}),
  };
}

/** The error of the catalogue that stands for whatever was thrown. */
export function answeredError(error: unknown): SteelyardError {
  return error instanceof SteelyardError ? error : fromEngine(error);
}

/** SQLite's and the file system's ways of saying "full" and "busy": both heal, so both must be answers the client retries. */
function fromEngine(error: unknown): SteelyardError {
  const { code, errcode, message } = (error ?? {}) as { code?: string; errcode?: number; message?: string };
  const SQLITE_BUSY = 5;
  const SQLITE_LOCKED = 6;
  const SQLITE_FULL = 13;
  const primary = errcode === undefined ? undefined : errcode & 0xff;
  if (code === "ENOSPC" || code === "EDQUOT" || primary === SQLITE_FULL) {
    return new SteelyardError(
      "storage-full",
      "the server's disk is full; nothing of this request was stored, it can be sent again",
      { cause: error },
    );
  }
  if (primary === SQLITE_BUSY || primary === SQLITE_LOCKED) {
    return new SteelyardError("unavailable", "the server's database is busy; send it again", {
      cause: error,
    });
  }
  return new SteelyardError("internal", "the server failed; its log names the cause by this request's id", {
    cause: error instanceof Error ? error : new Error(message ?? String(error)),
  });
}
