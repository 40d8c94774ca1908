import { SteelyardError } from "../errors.ts";

/** Wrong attempts within a window, then that address waits with that name. */
const MAX_WRONG = 10;
/** Of one address with any names: a list of names is no way around it. */
const MAX_WRONG_OF_ADDRESS = 100;
const WINDOW_MS = 5 * 60_000;
const MAX_KNOWN = 10_000;
/** Passwords checked at once, whoever asks: a check takes 32 MiB and some 50 ms. */
const MAX_CHECKS = 2;
/** Of one address, running and waiting: nobody can fill the queue alone. */
const MAX_CHECKS_OF_ADDRESS = 5;
const MAX_WAITING = 200;

/**
 * Bounds on guessing. Counted by address and name together, so that nobody can keep a person out from elsewhere by being
 * wrong in their name; many addresses at once are slowed, because all checks share one short queue.
 */
export class SignInAttempts {
  readonly #now: () => number;
  readonly #wrong = new Map<string, { count: number; untilMs: number }>();
  readonly #running = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #checks = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Seconds this address must wait before it tries this name; 0 = it may. */
  waitS(address: string, name: string): number {
    const nowMs = this.#now();
    const left = (key: string, most: number) => {
      const wrong = this.#wrong.get(key);
      return wrong && wrong.count >= most ? Math.max(0, Math.ceil((wrong.untilMs - nowMs) / 1000)) : 0;
    };
    return Math.max(left(both(address, name), MAX_WRONG), left(address, MAX_WRONG_OF_ADDRESS));
  }

  wrong(address: string, name: string): void {
    this.#count(both(address, name));
    this.#count(address);
  }

  right(address: string, name: string): void {
    this.#wrong.delete(both(address, name));
  }

  /** Run a check in its turn. Throws too-many-requests when too many wait. */
  async inTurn<T>(address: string, check: () => Promise<T>): Promise<T> {
    const own = this.#running.get(address) ?? 0;
    if (own >= MAX_CHECKS_OF_ADDRESS || this.#waiting.length >= MAX_WAITING)
      throw new SteelyardError("too-many-requests", "too many sign-ins at once; wait a moment and try again");
    this.#running.set(address, own + 1);
    if (this.#checks >= MAX_CHECKS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#checks++;
    try {
      return await check();
    } finally {
      const left = (this.#running.get(address) ?? 1) - 1;
      if (left > 0) this.#running.set(address, left);
      else this.#running.delete(address);
      // The turn is handed on, so that nobody who comes meanwhile takes it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#checks--;
    }
  }

  #count(key: string): void {
    const nowMs = this.#now();
    const past = this.#wrong.get(key);
    const count = past && past.untilMs > nowMs ? past.count + 1 : 1;
    // Re-inserted so that the oldest is first: forgetting all at once would be a way around the bound.
    this.#wrong.delete(key);
    this.#wrong.set(key, { count, untilMs: nowMs + WINDOW_MS });
    const oldest = this.#wrong.keys().next().value;
    if (this.#wrong.size > MAX_KNOWN && oldest !== undefined) this.#wrong.delete(oldest);
  }
}

const both = (address: string, name: string) => `${address}\n${name}`;
