import { type Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import * as v from "valibot";
import { openLink } from "../anonymous/routes.ts";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import {
  baseUrlOf,
  cookieOf,
  GUEST_COOKIE,
  isFromAnotherSite,
  SESSION_COOKIE,
} from "../http/authenticate.ts";
import { checked, readJson } from "../http/body.ts";
import { clientAddress } from "../http/client-address.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { hashPassword } from "./secrets.ts";
import { SignInAttempts } from "./sign-in-attempts.ts";
import {
  createSession,
  createUser,
  deleteSession,
  entitiesOf,
  userByPassword,
  useSignInLink,
  viewerByKey,
} from "./user-store.ts";

const MAX_SIGN_IN_BYTES = 16 * 2 ** 10;
const SignIn = v.union([
  v.object({ apiKey: v.pipe(v.string(), v.maxLength(600)) }),
  v.object({
    username: v.pipe(v.string(), v.maxLength(200)),
    password: v.pipe(v.string(), v.maxLength(1000)),
  }),
]);

/** As an administrator may give them. */
const SignUp = v.strictObject({
  username: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  email: v.optional(v.union([v.literal(""), v.pipe(v.string(), v.email(), v.maxLength(254))])),
  password: v.pipe(v.string(), v.minLength(8), v.maxLength(1000)),
});
/** No username: what is counted under it is not a name's. */
const SIGN_UP = " sign-up";

/** The page's session: `/api/v1/session`, `/sign-in`, and what the page must know before anyone signed in. */
export function usersRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const attempts = new SignInAttempts(services.now);

  routes.get("/api/v1/server", async (c) => {
    const run = await services.catalog.db.selectFrom("runs").select("id").limit(1).executeTakeFirst();
    return c.json({
      version: services.config.version,
      baseUrl: baseUrlOf(services, c.req.raw.headers),
      empty: !run,
      signUp: services.config.signUp,
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
      kind: viewer.kind,
      openLink: await openLink(services, viewer.guestOf),
    });
  });

  routes.post("/api/v1/session", async (c) => {
    // Else another site could sign a person in as somebody else and watch what they log.
    if (isFromAnotherSite(c.req.raw.headers))
      throw new SteelyardError("forbidden", "sign in on the page itself");
    const given = v.safeParse(SignIn, await readJson(c.req.raw, MAX_SIGN_IN_BYTES));
    if (!given.success)
      throw new SteelyardError("bad-request", 'send {"apiKey": "…"} or {"username": "…", "password": "…"}');
    const { output } = given;
    const address = clientAddress(c);
    // Keys are too long to be guessed: all of one address count together.
    const name = "apiKey" in output ? "" : output.username.toLowerCase();
    const waitS = attempts.waitS(address, name);
    if (waitS > 0) {
      c.header("retry-after", String(waitS));
      throw new SteelyardError("too-many-requests", `too many wrong attempts; wait ${waitS} s`);
    }
    const { db } = services.catalog;
    const userId =
      "apiKey" in output
        ? await userByKey(services, output.apiKey.trim())
        : await attempts.inTurn(address, () => userByPassword(db, output.username, output.password));
    if (userId === undefined) {
      attempts.wrong(address, name);
      services.log.info({ address, code: "not-authenticated" }, "a sign-in was wrong");
      throw new SteelyardError(
        "not-authenticated",
        "apiKey" in output ? "this key is not known here" : "name or password is wrong",
      );
    }
    attempts.right(address, name);
    await signIn(c, services, userId);
    return c.json({ ok: true });
  });

  routes.post("/api/v1/sign-up", async (c) => {
    if (isFromAnotherSite(c.req.raw.headers))
      throw new SteelyardError("forbidden", "sign up on the page itself");
    if (!services.config.signUp)
      throw new SteelyardError("forbidden", "this server has no sign-up; its administrator makes accounts");
    const { username, email, password } = checked(SignUp, await readJson(c.req.raw, MAX_SIGN_IN_BYTES));
    const address = clientAddress(c);
    const waitS = attempts.waitS(address, SIGN_UP);
    if (waitS > 0) {
      c.header("retry-after", String(waitS));
      throw new SteelyardError("too-many-requests", `too many accounts from your address; wait ${waitS} s`);
    }
    // Every try counts, so that nobody makes accounts by the hundred or asks for all names there are.
    attempts.wrong(address, SIGN_UP);
    const passwordHash = await attempts.inTurn(address, () => hashPassword(password));
    const { id } = await services.catalog.write((tx) =>
      createUser(tx, { username, email: email || null, passwordHash }, services.now()),
    );
    services.log.info({ address, username }, "signed up");
    await signIn(c, services, id);
    return c.json({ username }, 201);
  });

  routes.delete("/api/v1/session", async (c) => {
    // The next at this machine must not see what the last one's link had opened either.
    for (const name of [SESSION_COOKIE, GUEST_COOKIE]) {
      const token = cookieOf(c.req.header("cookie") ?? null, name);
      if (token) await services.catalog.write((tx) => deleteSession(tx, token));
      setCookie(c, name, "", { path: "/", maxAge: 0 });
    }
    return c.json({ ok: true });
  });

  routes.get("/sign-in", async (c) => {
    const userId = await services.catalog.write((tx) =>
      useSignInLink(tx, c.req.query("token") ?? "", services.now()),
    );
    if (userId === undefined) return c.redirect(`${services.config.basePath}/login?link=used`, 303);
    await signIn(c, services, userId);
    return c.redirect(`${services.config.basePath}/home`, 303);
  });

  return routes;
}

/** An anonymous account's key opens its link, and signs nobody in: it is nobody's account. */
async function userByKey(services: Services, key: string): Promise<number | undefined> {
  const viewer = await viewerByKey(services.catalog, key, services.now());
  return viewer?.kind === "anonymous" ? undefined : viewer?.userId;
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
