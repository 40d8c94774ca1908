import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { SteelyardError } from "../errors.ts";
import type { Services } from "../services.ts";

/**
 * Addresses that carry their own permission: the client uploads and downloads without credentials. `/storage/<door>/<claims>.<mac>/<name>`;
 * the name at the end is for people and for the client's file endings, the claims decide.
 */
export interface Claims {
  /** What it is for: an upload address must not read, one of runs not touch artifacts. */
  door: string;
  /** Number of the object behind the door. */
  id: number;
  /** Milliseconds since 1970 UTC. */
  expiresAt: number;
}

/** Long enough for a slow upload queue, short enough for a leaked log. */
export const SIGNED_URL_MS = 24 * 3_600_000;

const secrets = new WeakMap<Services["catalog"], Promise<Buffer>>();

function secretOf(services: Services): Promise<Buffer> {
  let secret = secrets.get(services.catalog);
  if (!secret) {
    secret = loadSecret(services);
    secrets.set(services.catalog, secret);
  }
  return secret;
}

async function loadSecret({ catalog }: Services): Promise<Buffer> {
  return catalog.write(async (tx) => {
    const known = await tx
      .selectFrom("server_state")
      .select("value")
      .where("key", "=", "signed-url-secret")
      .executeTakeFirst();
    if (known) return Buffer.from(known.value, "base64url");
    const secret = randomBytes(32);
    await tx
      .insertInto("server_state")
      .values({ key: "signed-url-secret", value: secret.toString("base64url") })
      .execute();
    return secret;
  });
}

/** Absolute address, good until `SIGNED_URL_MS` from now. */
export async function signUrl(
  services: Services,
  baseUrl: string,
  door: string,
  id: number,
  name: string,
): Promise<string> {
  const secret = await secretOf(services);
  // Rounded so that the same file keeps one address for an hour: browsers cache by it.
  const hour = 3_600_000;
  const expiresAt = Math.ceil(services.now() / hour) * hour + SIGNED_URL_MS;
  const claims = `${id.toString(36)}-${expiresAt.toString(36)}`;
  const path = name.split("/").map(encodeURIComponent).join("/");
  return `${baseUrl}/storage/${door}/${claims}.${mac(secret, door, claims)}/${path}`;
}

/** The claims of an address; throws forbidden when it is forged or too old. */
export async function readSignedUrl(services: Services, door: string, token: string): Promise<Claims> {
  const [claims = "", given = ""] = token.split(".", 2);
  const wanted = Buffer.from(mac(await secretOf(services), door, claims));
  const found = Buffer.from(given);
  const [id, expiresAt] = claims.split("-").map((part) => Number.parseInt(part, 36));
  if (
    wanted.length !== found.length ||
    !timingSafeEqual(wanted, found) ||
    id === undefined ||
    expiresAt === undefined
  ) {
    throw new SteelyardError("forbidden", "this address was not made by this server; ask for a new one");
  }
  if (expiresAt < services.now())
    throw new SteelyardError("forbidden", "this address has expired; ask for a new one");
  return { door, id, expiresAt };
}

function mac(secret: Buffer, door: string, claims: string): string {
  return createHmac("sha256", secret).update(`${door}\0${claims}`).digest("base64url");
}
