import { stillWrites } from "../anonymous/claimed-run.ts";
import { SteelyardError } from "../errors.ts";
import type { Viewer } from "../http/viewer.ts";
import type { AccountKind, Catalog, CatalogReader, CatalogTransaction } from "../ports/catalog.ts";
import { prepare, type Values } from "../ports/prepared-query.ts";
import { hashPassword, hashToken, isApiKey, newApiKey, newToken, passwordMatches } from "./secrets.ts";

/** First segments of the page's and the client's addresses: no user, team or organization may be called so. */
const RESERVED = new Set(
  "api graphql files artifacts artifactsV2 artifacts-upload storage healthz ready readyz metrics assets oidc login signup logout authorize settings home orgs registry admin-console console search quickstart new teams profile system service-redirect __unstable__ sign-in sdk"
    .toLowerCase()
    .split(" "),
);

const SESSION_MS = 30 * 24 * 3_600_000;
const LINK_MS = 24 * 3_600_000;
/** Written at most this often per key: a busy run must not turn every request into a catalog write. */
const LAST_USED_EVERY_MS = 60_000;

export interface NewUser {
  username: string;
  email?: string | null;
  /** Of `hashPassword`: hashing takes too long for a transaction that every other write waits for. */
  passwordHash?: string | null;
  admin?: boolean;
  kind?: AccountKind;
}

/** Throws invalid-name. */
export function checkEntityName(name: string, what: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(name)) {
    throw new SteelyardError(
      "invalid-name",
      `${what} "${name.slice(0, 80)}" must be 1 to 128 letters, digits, _ or -, beginning with a letter or digit`,
    );
  }
  if (RESERVED.has(name.toLowerCase())) {
    throw new SteelyardError(
      "invalid-name",
      `${what} "${name}" is a word of this server's addresses; choose another`,
    );
  }
}

/** A user with their own entity. Throws conflict when the name or e-mail is taken. */
export async function createUser(
  tx: CatalogTransaction,
  user: NewUser,
  nowMs: number,
): Promise<{ id: number; entityId: number }> {
  checkEntityName(user.username, "username");
  if (await tx.selectFrom("entities").select("id").where("name", "=", user.username).executeTakeFirst()) {
    throw new SteelyardError("conflict", `the name "${user.username}" is taken`);
  }
  const email = user.email?.trim() || null;
  if (email && (await tx.selectFrom("users").select("id").where("email", "=", email).executeTakeFirst())) {
    throw new SteelyardError("conflict", `a user with the e-mail ${email} exists`);
  }
  const entity = await tx
    .insertInto("entities")
    .values({ name: user.username, kind: "user", organization_id: null, created_at: nowMs })
    .returning("id")
    .executeTakeFirstOrThrow();
  const created = await tx
    .insertInto("users")
    .values({
      entity_id: entity.id,
      username: user.username,
      email,
      display_name: null,
      password_hash: user.passwordHash ?? null,
      admin: user.admin ? 1 : 0,
      kind: user.kind ?? "user",
      created_at: nowMs,
      deleted_at: null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return { id: created.id, entityId: entity.id };
}

/** The key itself is answered once and not kept. Throws bad-request on a given key of wrong form, conflict on one in use. */
export async function createApiKey(
  tx: CatalogTransaction,
  userId: number,
  options: { key?: string; description?: string | null },
  nowMs: number,
): Promise<{ id: number; key: string }> {
  const key = options.key ?? newApiKey();
  if (!isApiKey(key)) {
    throw new SteelyardError("bad-request", "apiKey must be 40 to 512 letters, digits, _ or -");
  }
  const hash = hashToken(key);
  const known = await tx
    .selectFrom("api_keys")
    .select(["id", "user_id"])
    .where("hash", "=", hash)
    .executeTakeFirst();
  if (known) {
    if (known.user_id === userId) return { id: known.id, key };
    throw new SteelyardError("conflict", "this apiKey cannot be used; give another or leave it out");
  }
  const { id } = await tx
    .insertInto("api_keys")
    .values({
      user_id: userId,
      hash,
      prefix: key.slice(0, 6),
      description: options.description ?? null,
      created_at: nowMs,
      last_used_at: null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return { id, key };
}

const VIEWER_COLUMNS = [
  "users.id",
  "users.username",
  "users.entity_id",
  "users.admin",
  "users.kind",
] as const;

function viewerOf(
  row: { id: number; username: string; entity_id: number; admin: number; kind: AccountKind },
  via: Viewer["via"],
): Viewer {
  return {
    userId: row.id,
    username: row.username,
    entityId: row.entity_id,
    admin: row.admin === 1,
    kind: row.kind,
    via,
  };
}

/** No entity has this number. */
const NO_ENTITY = 0;

const keyRow = prepare((db, value: Values<{ hash: string }>) =>
  db
    .selectFrom("api_keys")
    .innerJoin("users", "users.id", "api_keys.user_id")
    .select([...VIEWER_COLUMNS, "api_keys.id as keyId", "api_keys.last_used_at", "users.deleted_at"])
    .where("api_keys.hash", "=", value("hash")),
);

/** Undefined for an unknown or revoked key, or a deleted user. */
export async function viewerByKey(catalog: Catalog, key: string, nowMs: number): Promise<Viewer | undefined> {
  if (!isApiKey(key)) return undefined;
  const { db } = catalog;
  const [row] = await keyRow(db, { hash: hashToken(key) });
  if (!row) return undefined;
  if (row.deleted_at !== null) {
    if (row.kind !== "anonymous" || !(await stillWrites(db, row.id, nowMs))) return undefined;
    // Its runs are somebody's now: it has no place of its own to begin another in.
    return viewerOf({ ...row, entity_id: NO_ENTITY }, "key");
  }
  if (nowMs - (row.last_used_at ?? 0) > LAST_USED_EVERY_MS) {
    // A full disk must not turn a good key away: when it was last used is worth less than the request.
    await catalog
      .write((tx) =>
        tx.updateTable("api_keys").set({ last_used_at: nowMs }).where("id", "=", row.keyId).execute(),
      )
      .catch(() => {});
  }
  return viewerOf(row, "key");
}

export async function viewerBySession(
  db: CatalogReader,
  token: string,
  nowMs: number,
): Promise<Viewer | undefined> {
  const row = await db
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(VIEWER_COLUMNS)
    .where("sessions.hash", "=", hashToken(token))
    .where("sessions.expires_at", ">", nowMs)
    .where("users.deleted_at", "is", null)
    .executeTakeFirst();
  return row && viewerOf(row, "session");
}

/** Undefined when name or password is wrong; takes as long either way, so that names cannot be told apart by time. */
export async function userByPassword(
  db: CatalogReader,
  name: string,
  password: string,
): Promise<number | undefined> {
  const user = await db
    .selectFrom("users")
    .select(["id", "password_hash"])
    .where((where) => where.or([where("username", "=", name), where("email", "=", name)]))
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  const matches = await passwordMatches(password, user?.password_hash ?? (await absentHash()));
  return matches && user?.password_hash ? user.id : undefined;
}

let absent: Promise<string> | undefined;
/** A hash of nothing anyone knows, to spend the same time on. */
function absentHash(): Promise<string> {
  absent ??= hashPassword(newToken());
  return absent;
}

/** The cookie's token and its life in seconds. Expired sessions go on the way. */
export async function createSession(
  tx: CatalogTransaction,
  userId: number,
  nowMs: number,
): Promise<{ token: string; maxAgeS: number }> {
  const token = newToken();
  await tx.deleteFrom("sessions").where("expires_at", "<", nowMs).execute();
  await tx
    .insertInto("sessions")
    .values({ user_id: userId, hash: hashToken(token), created_at: nowMs, expires_at: nowMs + SESSION_MS })
    .execute();
  return { token, maxAgeS: SESSION_MS / 1000 };
}

export async function deleteSession(tx: CatalogTransaction, token: string): Promise<void> {
  await tx.deleteFrom("sessions").where("hash", "=", hashToken(token)).execute();
}

/** Token of a link that signs in once, within a day. */
export async function createSignInLink(
  tx: CatalogTransaction,
  userId: number,
  nowMs: number,
): Promise<string> {
  const token = newToken();
  await tx.deleteFrom("sign_in_links").where("expires_at", "<", nowMs).execute();
  await tx
    .insertInto("sign_in_links")
    .values({ user_id: userId, hash: hashToken(token), expires_at: nowMs + LINK_MS, used_at: null })
    .execute();
  return token;
}

/** The user of a link that was never used; it is used now. */
export async function useSignInLink(
  tx: CatalogTransaction,
  token: string,
  nowMs: number,
): Promise<number | undefined> {
  const link = await tx
    .updateTable("sign_in_links")
    .set({ used_at: nowMs })
    .where("hash", "=", hashToken(token))
    .where("used_at", "is", null)
    .where("expires_at", ">", nowMs)
    .returning("user_id")
    .executeTakeFirst();
  return link?.user_id;
}

/** Names of the entities a user may log to: their own first, then their teams. */
export async function entitiesOf(db: CatalogReader, userId: number): Promise<string[]> {
  const rows = await db
    .selectFrom("entities")
    .leftJoin("members", "members.entity_id", "entities.id")
    .leftJoin("users", "users.entity_id", "entities.id")
    .select(["entities.name", "entities.kind"])
    .distinct()
    .where((where) => where.or([where("members.user_id", "=", userId), where("users.id", "=", userId)]))
    .orderBy("entities.kind", "desc")
    .orderBy("entities.name")
    .execute();
  return rows.map(({ name }) => name);
}
