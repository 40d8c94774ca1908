import type { IncomingHttpHeaders } from "node:http";
import { SteelyardError } from "../errors.ts";
import type { Services } from "../services.ts";
import { viewerByKey, viewerBySession } from "../users/user-store.ts";
import type { Viewer } from "./viewer.ts";

export const SESSION_COOKIE = "steelyard_session";
/** Of who opened the link of an anonymous run; beside the session of who has an account. */
export const GUEST_COOKIE = "steelyard_guest";

/**
 * Who sends this request: `Authorization: Basic` (any user name, the key as password: old downloads say `user`, the rest
 * `api`), `Bearer`, or the page's cookie. Undefined when nothing was presented. Throws not-authenticated when a key was
 * presented and is not known: an answer to nobody would hide the mistake.
 */
export async function authenticate(
  services: Services,
  headers: Headers,
  method: string,
): Promise<Viewer | undefined> {
  const authorization = headers.get("authorization");
  const key = authorization ? keyOf(authorization) : "";
  // The old clients say "no key" with an empty one.
  if (key !== "") {
    const viewer = key === undefined ? undefined : await viewerByKey(services.catalog, key, services.now());
    if (viewer) return viewer;
    throw new SteelyardError(
      "not-authenticated",
      "API key is not known to this server (mistyped, revoked, or of another server); create one at /authorize and set WANDB_API_KEY",
    );
  }
  const viewer = await viewerByCookies(services, headers.get("cookie"));
  if (viewer && method !== "GET" && method !== "HEAD" && !isSameOrigin(headers)) {
    throw new SteelyardError("forbidden", "this request came from another site; open the page itself");
  }
  return viewer;
}

async function viewerByCookies(services: Services, cookies: string | null): Promise<Viewer | undefined> {
  const bySession = (name: string) => {
    const token = cookieOf(cookies, name);
    return token ? viewerBySession(services.catalog.db, token, services.now()) : undefined;
  };
  const viewer = await bySession(SESSION_COOKIE);
  const guest = services.config.anonymous ? await bySession(GUEST_COOKIE) : undefined;
  if (guest?.kind !== "anonymous") return viewer;
  const { userId, username, entityId } = guest;
  const guestOf = { userId, username, entityId };
  return viewer ? { ...viewer, guestOf } : { ...guest, guestOf };
}

function keyOf(authorization: string): string | undefined {
  const [scheme = "", value = ""] = authorization.split(/ +/, 2);
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1);
}

export function cookieOf(cookies: string | null, name: string): string | undefined {
  for (const part of cookies?.split(";") ?? []) {
    const at = part.indexOf("=");
    if (part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** A cookie travels by itself, so what changes something must come from our own page (OWASP: verify the origin). */
export function isSameOrigin(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site) return site === "same-origin" || site === "none";
  const origin = headers.get("origin");
  return (
    origin !== null && URL.parse(origin)?.host === (headers.get("x-forwarded-host") ?? headers.get("host"))
  );
}

/** Where this request reached us, for links that must be absolute; no trailing slash. */
export function baseUrlOf(services: Services, headers: Headers | IncomingHttpHeaders): string {
  if (services.config.publicUrl) return services.config.publicUrl;
  const get = (name: string) =>
    headers instanceof Headers ? headers.get(name) : (headers[name] as string | undefined);
  const first = (value: string | null | undefined) => value?.split(",")[0]?.trim();
  const proto = first(get("x-forwarded-proto")) === "https" ? "https" : "http";
  const host =
    first(get("x-forwarded-host")) ?? get("host") ?? `${services.config.host}:${services.config.port}`;
  return `${proto}://${/^[A-Za-z0-9.:[\]_-]+$/.test(host) ? host : "invalid.host"}`;
}

/** A browser says when another site sends a request; who says nothing is no browser and carries nobody's cookies. */
export function isFromAnotherSite(headers: Headers): boolean {
  return (headers.get("sec-fetch-site") !== null || headers.get("origin") !== null) && !isSameOrigin(headers);
}
