import type { Viewer } from "../http/viewer.ts";
import type { Services } from "../services.ts";

/** Long enough for the client's next question, short enough that a key nobody fetched does not lie about. */
const KEPT_MS = 10 * 60_000;
const MAX_KEPT = 1000;

interface NewKey {
  key: string;
  makerId: number;
  untilMs: number;
}

/** By catalog: two servers in a process do not mix. */
const kept = new WeakMap<Services["catalog"], Map<number, NewKey>>();

function keysOf(services: Services): Map<number, NewKey> {
  let keys = kept.get(services.catalog);
  if (!keys) {
    keys = new Map();
    kept.set(services.catalog, keys);
  }
  return keys;
}

/**
 * The key of a service account that was just made. Only its hash is stored, and `createServiceAccount` has no room for it
 * in the client's documents: the client lists the team's members next and takes the key from the last of them.
 */
export function keepNewKey(services: Services, maker: Viewer, userId: number, key: string): void {
  const keys = keysOf(services);
  const oldest = keys.keys().next().value;
  if (keys.size >= MAX_KEPT && oldest !== undefined) keys.delete(oldest);
  keys.set(userId, { key, makerId: maker.userId, untilMs: services.now() + KEPT_MS });
}

/** To who made the account, once; null for everyone else and ever after. */
export function takeNewKey(services: Services, viewer: Viewer | undefined, userId: number): string | null {
  const keys = keysOf(services);
  const found = keys.get(userId);
  if (!found) return null;
  if (found.untilMs <= services.now()) keys.delete(userId);
  else if (viewer?.userId === found.makerId) {
    keys.delete(userId);
    return found.key;
  }
  return null;
}
