import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { baseUrlOf, GUEST_COOKIE, isFromAnotherSite } from "../http/authenticate.ts";
import { readJson } from "../http/body.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { createSession } from "../users/user-store.ts";
import { accountByKey, expiresAtMs } from "./account.ts";
import { claimRuns } from "./claim.ts";

const MAX_BYTES = 16 * 2 ** 10;
const Visit = v.object({ apiKey: v.pipe(v.string(), v.maxLength(600)) });

/** The link that an anonymous run's client prints: opening it, and making what it shows one's own. */
export function anonymousRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  // The key of the link is exchanged for a cookie at once, so that it stands in no address.
  routes.post("/api/v1/anonymous/visit", async (c) => {
    if (isFromAnotherSite(c.req.raw.headers))
      throw new SteelyardError("forbidden", "open the link on the page itself");
    const given = v.safeParse(Visit, await readJson(c.req.raw, MAX_BYTES));
    if (!given.success) throw new SteelyardError("bad-request", 'send {"apiKey": "…"}');
    const { apiKey } = given.output;
    const account = services.config.anonymous ? await accountByKey(services.catalog.db, apiKey) : undefined;
    if (!account) throw new SteelyardError("not-found", "this link opens nothing here");
    if (account.claimed)
      throw new SteelyardError(
        "conflict",
        "the runs of this link have been claimed; who did so finds them by signing in",
      );
    const { token, maxAgeS } = await services.catalog.write((tx) =>
      createSession(tx, account.id, services.now()),
    );
    setCookie(c, GUEST_COOKIE, token, {
      path: "/",
      httpOnly: true,
      sameSite: "Lax",
      secure: baseUrlOf(services, c.req.raw.headers).startsWith("https:"),
      maxAge: maxAgeS,
    });
    return c.json({ entity: account.username });
  });

  routes.post("/api/v1/anonymous/claim", async (c) => {
    const viewer = requireViewer(c.get("viewer"));
    if (viewer.kind === "anonymous")
      throw new SteelyardError("forbidden", "sign in first: runs are claimed into an account");
    if (!viewer.guestOf)
      throw new SteelyardError("not-found", "open the link of the anonymous runs in this browser first");
    const projects = await claimRuns(services, viewer.guestOf, viewer);
    setCookie(c, GUEST_COOKIE, "", { path: "/", maxAge: 0 });
    services.log.info({ by: viewer.username, projects: projects.length }, "anonymous runs were claimed");
    return c.json({ entity: viewer.username, projects });
  });

  return routes;
}

/** What the page says of the anonymous account whose link is open in this browser; null: none is. */
export async function openLink(
  services: Services,
  guestOf: { userId: number; username: string } | undefined,
): Promise<{ entity: string; expiresAt: string } | null> {
  const atMs = guestOf && (await expiresAtMs(services.catalog.db, guestOf.userId));
  return guestOf && atMs !== undefined
    ? { entity: guestOf.username, expiresAt: new Date(atMs).toISOString() }
    : null;
}
