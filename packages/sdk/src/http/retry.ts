import type { Patience } from "./connection.ts";

/** The statuses the official client does not try again either; all others from 400 may heal. */
const FINAL = new Set([400, 401, 402, 403, 404, 409, 410, 413, 422, 501]);

/** Whether that answer is the last word. 407 is a proxy's: it will not know us the next time either. */
export function isFinal(status: number): boolean {
  return FINAL.has(status) || status === 407;
}

const MEANINGS = new Map([
  [401, "check WANDB_API_KEY"],
  [403, "this key may not do that; check WANDB_API_KEY, WANDB_ENTITY and WANDB_PROJECT"],
  [404, "check WANDB_BASE_URL, WANDB_ENTITY and WANDB_PROJECT"],
  [413, "that is more than it takes"],
]);

/** For an answer that says nothing itself. */
export function meaningOf(status: number): string {
  const meaning = MEANINGS.get(status);
  return `the server answers ${status}${meaning ? `: ${meaning}` : ""}`;
}

/** Before the try after `tried` ones; spread, so that many clients do not come back in one moment. */
export function waitMs(tried: number, { firstWaitMs, longestWaitMs }: Patience): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** tried * (1 + Math.random() / 4));
}

/** What a `Retry-After` asks for, seconds or a date of HTTP; undefined when it says nothing that can be understood. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

const CERTIFICATE = /CERT|VERIFY_LEAF_SIGNATURE/;

/** Why no other try can help, for an error of the connection; undefined when one may. */
export function hopeless(
  { code = "", message }: NodeJS.ErrnoException,
  { origin, host }: URL,
): string | undefined {
  if (CERTIFICATE.test(code))
    return `the certificate of ${origin} is not trusted (${code}); name its authority's in SSL_CERT_FILE`;
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER")
    return `${origin} speaks no TLS (${code}); is it http://${host}?`;
  return code === "ERR_INVALID_CHAR" || code === "ERR_INVALID_HTTP_TOKEN"
    ? `a header cannot be sent: ${message}; check WANDB_X_EXTRA_HTTP_HEADERS and the key`
    : undefined;
}
