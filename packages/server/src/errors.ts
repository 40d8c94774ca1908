/**
 * The catalogue of every error a client can meet: one stable code, one status, one sentence that says what to do.
 *
 * Statuses are chosen for the official client: it never retries 400, 401, 403, 404, 409, 410, 413, 422 and 501,
 * and retries everything else for minutes (GraphQL) or days (file stream). So what can heal is a 5xx, and what
 * cannot is one of the former.
 */
export const ERRORS = {
  "bad-request": { status: 400 },
  "invalid-name": { status: 400 },
  "invalid-filter": { status: 400 },
  "invalid-json": { status: 400 },
  "not-authenticated": { status: 401 },
  forbidden: { status: 403 },
  "not-found": { status: 404 },
  conflict: { status: 409 },
  "run-deleted": { status: 410 },
  "too-large": { status: 413 },
  "too-many-requests": { status: 429 },
  internal: { status: 500 },
  "storage-full": { status: 507 },
  unavailable: { status: 503 },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** An error whose message may be shown to the client as it is: one line, plain, says what to do next. */
export class SteelyardError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SteelyardError";
    this.code = code;
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
}
