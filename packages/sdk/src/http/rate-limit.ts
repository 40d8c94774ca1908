/** Bounds of what is asked for, requests a second, and how many may come at once: those of the official client. */
const MIN_PER_SECOND = 0.1;
const MAX_PER_SECOND = 65_536;
const BURST = 10;
/** How much of the last estimate stays. */
const SMOOTHING = 0.2;
/** Fewer requests say too little of what one costs. */
const MIN_REQUESTS = 5;

/**
 * Requests as fast as a server allows by `RateLimit-Remaining` and `RateLimit-Reset`
 * (draft-polli-ratelimit-headers-02). What is left is in units of the server's own: how many requests one pays for is
 * learnt on the way. A server that says nothing is asked without limit. The same as the official client's.
 */
export class RateLimit {
  #perSecond = MAX_PER_SECOND;
  #tokens = BURST;
  #refilledMs = 0;
  #requestsPerUnit = 1;
  #requests = 0;
  #remaining = 0;
  /** When the remaining units are no longer valid. */
  #resetMs = 0;

  /** How long the next request has to wait, milliseconds; it counts as made. */
  wait(nowMs: number): number {
    this.#requests++;
    if (this.#perSecond >= MAX_PER_SECOND) return 0;
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * this.#perSecond) - 1;
    this.#refilledMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }

  /** What an answer said, its headers in small letters. */
  hear(headers: Readonly<Record<string, string | string[] | undefined>>, nowMs: number): void {
    const remaining = numberIn(headers["ratelimit-remaining"]);
    const resetS = numberIn(headers["ratelimit-reset"]);
    // With a second left there is nothing to divide.
    if (remaining === undefined || resetS === undefined || resetS <= 1) return;
    const isNew = nowMs > this.#resetMs;
    if (!isNew && this.#requests < MIN_REQUESTS) return;
    const used = this.#remaining - remaining;
    const unitsPerSecond = remaining / resetS;
    // Where nothing was used, or the units are new ones, more may be possible than was thought.
    const estimate = used < 1 || isNew ? MAX_PER_SECOND / unitsPerSecond : this.#requests / used;
    this.#requestsPerUnit =
      this.#requestsPerUnit * SMOOTHING + Math.min(estimate, MAX_PER_SECOND) * (1 - SMOOTHING);
    this.#requests = 0;
    this.#remaining = remaining;
    this.#resetMs = nowMs + resetS * 1000;
    this.#perSecond = Math.min(
      MAX_PER_SECOND,
      Math.max(MIN_PER_SECOND, this.#requestsPerUnit * unitsPerSecond),
    );
  }
}

function numberIn(header: string | string[] | undefined): number | undefined {
  if (typeof header !== "string" || header.trim() === "") return undefined;
  const value = Number(header);
  return value >= 0 && Number.isFinite(value) ? value : undefined;
}

const limits = new Map<string, RateLimit>();

/** Of a server's door: all that this thread sends there counts together, as it does at the server. */
export function rateLimitOf(door: string): RateLimit {
  const known = limits.get(door);
  if (known) return known;
  const made = new RateLimit();
  limits.set(door, made);
  return made;
}
