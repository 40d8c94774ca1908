import { randomInt } from "node:crypto";
import { SteelyardError } from "../errors.ts";
import { hashToken, newToken } from "./secrets.ts";

/** Time to find a browser and sign in. */
const KEPT_MS = 10 * 60_000;
const MAX_OF_ADDRESS = 20;
const MAX_KEPT = 10_000;
/** RFC 8628, 6.1: no vowels, so no words; nothing that looks like something else. 20^8 codes. */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";

export interface DeviceLogin {
  /** What the terminal shows and the page repeats, for the person to compare. */
  userCode: string;
  /** What the device calls itself, as it says. */
  name: string;
  address: string;
  untilMs: number;
  answer?: { userId: number } | "refused";
}

/**
 * Terminals that wait for somebody to let them in on the page (as in RFC 8628): the terminal shows a code and asks now and
 * then with a secret of its own; a person who is signed in sees the code and says yes. In memory: what waits when the
 * server stops asks again.
 */
export class DeviceLogins {
  readonly #now: () => number;
  /** By the hash of the terminal's secret. */
  readonly #waiting = new Map<string, DeviceLogin>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Throws too-many-requests. */
  begin(name: string, address: string): { deviceCode: string; userCode: string; expiresInS: number } {
    this.#forget();
    const own = [...this.#waiting.values()].filter((one) => one.address === address);
    if (own.length >= MAX_OF_ADDRESS || this.#waiting.size >= MAX_KEPT)
      throw new SteelyardError(
        "too-many-requests",
        "too many sign-ins wait; answer one, or wait ten minutes",
      );
    const deviceCode = newToken();
    const userCode = newUserCode();
    this.#waiting.set(hashToken(deviceCode), { userCode, name, address, untilMs: this.#now() + KEPT_MS });
    return { deviceCode, userCode, expiresInS: KEPT_MS / 1000 };
  }

  /** One that nobody answered yet. */
  find(userCode: string): DeviceLogin | undefined {
    this.#forget();
    const wanted = userCode.toUpperCase();
    for (const login of this.#waiting.values())
      if (login.userCode === wanted && login.answer === undefined) return login;
    return undefined;
  }

  /** What became of it; an answer is given once. Undefined for one that is not known, or no more. */
  take(deviceCode: string): DeviceLogin["answer"] | "waiting" | undefined {
    this.#forget();
    const key = hashToken(deviceCode);
    const login = this.#waiting.get(key);
    if (login?.answer !== undefined) this.#waiting.delete(key);
    return login && (login.answer ?? "waiting");
  }

  #forget(): void {
    // In the order they began, which is the order they end.
    for (const [key, { untilMs }] of this.#waiting) {
      if (untilMs > this.#now()) break;
      this.#waiting.delete(key);
    }
  }
}

function newUserCode(): string {
  const letters = Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
