import { type Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { baseUrlOf, cookieOf, isFromAnotherSite, SESSION_COOKIE } from "../http/authenticate.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import {
  createSession,
  deleteSession,
  entitiesOf,
  userByPassword,
  useSignInLink,
  viewerByKey,
} from "./user-store.ts";

const SignIn = v.union([
  v.object({ apiKey: v.pipe(v.string(), v.maxLength(600)) }),
  v.object({
    username: v.pipe(v.string(), v.maxLength(200)),
    password: v.pipe(v.string(), v.maxLength(1000)),
  }),
]);

/** Wrong sign-ins allowed per name within a window; then the name waits. */
const MAX_FAILURES = 10;
const FAILURE_WINDOW_MS = 5 * 60_000;
const MAX_NAMES = 10_000;

/** The page's session: `/api/v1/session`, `/sign-in`, and what the page must know before anyone signed in. */
export function usersRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const failures = new Map<string, { count: number; untilMs: number }>();

  routes.get("/api/v1/server", async (c) => {
    const run = await services.catalog.db.selectFrom("runs").select("id").limit(1).executeTakeFirst();
    return c.json({
      version: services.config.version,
      baseUrl: baseUrlOf(services, c.req.raw.headers),
      empty: !run,
    });
  });

  routes.get("/api/v1/session", async (c) => {
    const viewer = requireViewer(c.get("viewer"));
    const entities = await entitiesOf(services.catalog.db, viewer.userId);
    return c.json({
      username: viewer.username,
      admin: viewer.admin,
      entity: viewer.username,
      teams: entities.filter((name) => name !== viewer.username),
    });
  });

  routes.post("/api/v1/session", async (c) => {
    // Else another site could sign a person in as somebody else and watch what they log.
    if (isFromAnotherSite(c.req.raw.headers))
      throw new SteelyardError("forbidden", "sign in on the page itself");
    const given = v.safeParse(SignIn, await c.req.json().catch(() => undefined));
    if (!given.success)
      throw new SteelyardError("bad-request", 'send {"apiKey": "…"} or {"username": "…", "password": "…"}');
    const nowMs = services.now();
    const name =
      "apiKey" in given.output ? `key of ${clientAddress(c)}` : given.output.username.toLowerCase();
    const past = failures.get(name);
    if (past && past.untilMs > nowMs && past.count >= MAX_FAILURES) {
      c.header("retry-after", String(Math.ceil((past.untilMs - nowMs) / 1000)));
      throw new SteelyardError(
        "too-many-requests",
        `too many wrong attempts; wait ${Math.ceil((past.untilMs - nowMs) / 1000)} s`,
      );
    }
    const userId =
      "apiKey" in given.output
        ? (await viewerByKey(services.catalog.db, given.output.apiKey.trim(), nowMs))?.userId
        : await userByPassword(services.catalog.db, given.output.username, given.output.password);
    if (userId === undefined) {
      if (failures.size > MAX_NAMES) failures.clear();
      const fresh = !past || past.untilMs <= nowMs;
      failures.set(name, { count: fresh ? 1 : past.count + 1, untilMs: nowMs + FAILURE_WINDOW_MS });
      throw new SteelyardError(
        "not-authenticated",
        "apiKey" in given.output ? "this key is not known here" : "name or password is wrong",
      );
    }
    failures.delete(name);
    await signIn(c, services, userId);
    return c.json({ ok: true });
  });

  routes.delete("/api/v1/session", async (c) => {
    const token = cookieOf(c.req.header("cookie") ?? null, SESSION_COOKIE);
    if (token) await services.catalog.write((tx) => deleteSession(tx, token));
    setCookie(c, SESSION_COOKIE, "", { path: "/", maxAge: 0 });
    return c.json({ ok: true });
  });

  routes.get("/sign-in", async (c) => {
    const userId = await services.catalog.write((tx) =>
      useSignInLink(tx, c.req.query("token") ?? "", services.now()),
    );
    if (userId === undefined) return c.redirect("/login?link=used", 303);
    await signIn(c, services, userId);
    return c.redirect("/home", 303);
  });

  return routes;
}

async function signIn(c: Context<AppEnv>, services: Services, userId: number): Promise<void> {
  const { token, maxAgeS } = await services.catalog.write((tx) => createSession(tx, userId, services.now()));
  setCookie(c, SESSION_COOKIE, token, {
    path: "/",
    httpOnly: true,
    sameSite: "Lax",
    secure: baseUrlOf(services, c.req.raw.headers).startsWith("https:"),
    maxAge: maxAgeS,
  });
}

function clientAddress(c: Context<AppEnv>): string {
  const bindings = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return bindings?.incoming?.socket?.remoteAddress ?? "unknown";
}
