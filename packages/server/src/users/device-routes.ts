import { Hono } from "hono";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { readJson } from "../http/body.ts";
import { clientAddress } from "../http/client-address.ts";
import type { Viewer } from "../http/viewer.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { DeviceLogins } from "./device-logins.ts";
import { createApiKey } from "./user-store.ts";

const MAX_BYTES = 4 * 2 ** 10;
const Begin = v.object({ name: v.optional(v.pipe(v.string(), v.maxLength(200)), "") });
const Code = v.pipe(v.string(), v.maxLength(100));
const Answer = v.object({ code: Code, allow: v.boolean() });
const Take = v.object({ deviceCode: Code });

/** `steelyard login --device`: a terminal asks, a person on the page answers, the terminal has a key. */
export function deviceRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const logins = new DeviceLogins(services.now);

  async function body<Schema extends v.GenericSchema>(request: Request, schema: Schema) {
    const given = v.safeParse(schema, await readJson(request, MAX_BYTES));
    if (given.success) return given.output;
    throw new SteelyardError("bad-request", given.issues[0].message);
  }
  const waiting = (code: string) => {
    const login = logins.find(code);
    if (login) return login;
    throw new SteelyardError(
      "not-found",
      "no terminal waits with this code; start `steelyard login --device` again",
    );
  };

  routes.post("/api/v1/device-login", async (c) => {
    const { name } = await body(c.req.raw, Begin);
    return c.json(logins.begin(name, clientAddress(c)));
  });

  routes.get("/api/v1/device-login", (c) => {
    requirePerson(c.get("viewer"));
    const { userCode, name, address } = waiting(c.req.query("code") ?? "");
    return c.json({ code: userCode, name, address });
  });

  routes.post("/api/v1/device-login/answer", async (c) => {
    const { userId, username } = requirePerson(c.get("viewer"));
    const { code, allow } = await body(c.req.raw, Answer);
    const login = waiting(code);
    login.answer = allow ? { userId } : "refused";
    services.log.info({ by: username, address: login.address, allow }, "a device's sign-in was answered");
    return c.json({ ok: true });
  });

  routes.post("/api/v1/device-login/take", async (c) => {
    const { deviceCode } = await body(c.req.raw, Take);
    const answer = logins.take(deviceCode);
    if (answer === undefined)
      throw new SteelyardError(
        "not-found",
        "nobody answered in time; start `steelyard login --device` again",
      );
    if (typeof answer === "string") return c.json({ state: answer });
    const { key } = await services.catalog.write((tx) =>
      createApiKey(tx, answer.userId, { description: "steelyard login --device" }, services.now()),
    );
    return c.json({ state: "allowed", apiKey: key });
  });

  return routes;
}

/** A person at the page: a key must not make another by itself. */
function requirePerson(viewer: Viewer | undefined): Viewer {
  const known = requireViewer(viewer);
  if (known.via === "session" && known.kind !== "anonymous") return known;
  throw new SteelyardError("forbidden", "sign in on the page to answer");
}
