import { randomInt } from "node:crypto";
import { SteelyardError } from "../errors.ts";
import type { CatalogReader } from "../ports/catalog.ts";
import type { Services } from "../services.ts";
import { hashToken } from "../users/secrets.ts";
import { createApiKey, createUser } from "../users/user-store.ts";

/** Unclaimed runs go so long after their last sign of life. The official clients tell people "7 days". */
export const KEPT_MS = 7 * 24 * 3_600_000;
/** Accounts of one address within an hour; its client keeps the key, so that a person needs one. */
const MAX_OF_ADDRESS = 20;
const WINDOW_MS = 3_600_000;
/** Addresses that are remembered: the oldest goes. */
const MAX_ADDRESSES = 10_000;
/** Unclaimed accounts at a time, whoever made them. */
const MAX_ACCOUNTS = 10_000;

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** A user that nobody is yet: a private entity, and the key that opens it. */
export class AnonymousAccounts {
  readonly #services: Services;
  readonly #made = new Map<string, number[]>();

  constructor(services: Services) {
    this.#services = services;
  }

  /**
   * The new account's key. Throws forbidden where it is not offered or there are too many: a client waits for nothing then,
   * as it would for minutes on a 429.
   */
  async create(address: string): Promise<{ id: number; key: string }> {
    const { config, catalog, log } = this.#services;
    if (!config.anonymous)
      throw new SteelyardError(
        "forbidden",
        "this server takes no anonymous runs; create an API key at /authorize and set WANDB_API_KEY",
      );
    const nowMs = this.#services.now();
    const recent = (this.#made.get(address) ?? []).filter((madeMs) => madeMs > nowMs - WINDOW_MS);
    if (recent.length >= MAX_OF_ADDRESS)
      throw new SteelyardError(
        "forbidden",
        "too many anonymous accounts from this address; use the key of one of them, or try again in an hour",
      );
    const made = await catalog.write(async (tx) => {
      const { n } = await tx
        .selectFrom("users")
        .select((select) => select.fn.countAll<number>().as("n"))
        .where("kind", "=", "anonymous")
        .where("deleted_at", "is", null)
        .executeTakeFirstOrThrow();
      if (n >= MAX_ACCOUNTS)
        throw new SteelyardError(
          "forbidden",
          "this server has as many anonymous accounts as it takes; try again later, or ask for an account",
        );
      const username = `anonymous-${randomName()}`;
      const user = await createUser(tx, { username, kind: "anonymous" }, nowMs);
      const key = await createApiKey(tx, user.id, { description: "anonymous" }, nowMs);
      return { ...key, username };
    });
    this.#count(address, [...recent, nowMs]);
    log.info({ address, username: made.username }, "an anonymous account was made");
    return made;
  }

  #count(address: string, times: number[]): void {
    this.#made.delete(address);
    this.#made.set(address, times);
    const oldest = this.#made.keys().next().value;
    if (this.#made.size > MAX_ADDRESSES && oldest !== undefined) this.#made.delete(oldest);
  }
}

/** 60 bits: that there is such an account must not be guessed, though only its key opens it. */
function randomName(): string {
  return Array.from({ length: 12 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}

export interface AnonymousAccount {
  id: number;
  username: string;
  entityId: number;
  /** Somebody claimed its runs. */
  claimed: boolean;
}

/** Whose key this is; undefined for every other kind of account's. */
export async function accountByKey(db: CatalogReader, key: string): Promise<AnonymousAccount | undefined> {
  const row = await db
    .selectFrom("api_keys")
    .innerJoin("users", "users.id", "api_keys.user_id")
    .select(["users.id", "users.username", "users.entity_id", "users.deleted_at"])
    .where("api_keys.hash", "=", hashToken(key))
    .where("users.kind", "=", "anonymous")
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    id: row.id,
    username: row.username,
    entityId: row.entity_id,
    claimed: row.deleted_at !== null,
  };
}

/** When unclaimed runs of the account go, if nothing more is heard of them. */
export async function expiresAtMs(db: CatalogReader, userId: number): Promise<number | undefined> {
  const row = await db
    .selectFrom("users")
    .leftJoin("projects", "projects.entity_id", "users.entity_id")
    .leftJoin("runs", "runs.project_id", "projects.id")
    .select((select) => ["users.created_at", select.fn.max("runs.heartbeat_at").as("heard_at")])
    .where("users.id", "=", userId)
    .groupBy("users.id")
    .executeTakeFirst();
  return row && Math.max(row.created_at, row.heard_at ?? 0) + KEPT_MS;
}
