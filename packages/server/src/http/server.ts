import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import { featureResolvers, featureRoutes } from "../features.ts";
import type { Services } from "../services.ts";
import type { AppEnv } from "./app.ts";
import { authenticate, baseUrlOf } from "./authenticate.ts";
import { parseJson, readBody } from "./body.ts";
import { clientAddress } from "./client-address.ts";
import { answerOf } from "./error-answer.ts";
import { type GraphqlRequest, graphqlEndpoint, mergeResolvers } from "./graphql.ts";
import { createMonitoring, routeKind } from "./monitoring.ts";
import { pageRoutes } from "./page.ts";

/** `wandb verify` posts 10 MB variables; configs and summaries are GraphQL too. */
const MAX_GRAPHQL_BYTES = 32 * 2 ** 20;
/** Of who shows no key: enough for any question that may be asked without one. */
const MAX_ANONYMOUS_BYTES = 64 * 2 ** 10;

/** Every door of the server on one app; testable without a socket. */
export async function createApp(services: Services): Promise<Hono<AppEnv>> {
  const app = new Hono<AppEnv>();
  const monitoring = createMonitoring(services);
  const { basePath } = services.config;
  const graphql = graphqlEndpoint(mergeResolvers(featureResolvers()));
  /** Filled from the routes below: a counter per address that anyone thinks of would grow without end. */
  const kinds = new Set<string>();
  const kindOf = (path: string) => {
    const kind = routeKind(path);
    return kinds.has(kind) || !kind.startsWith("api/") ? kind : "api";
  };

  app.use(async (c, next) => {
    const requestId = randomUUID().slice(0, 8);
    c.set("requestId", requestId);
    const began = performance.now();
    c.header("x-request-id", requestId);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    if (c.req.path.includes("//") && (c.req.method === "GET" || c.req.method === "HEAD")) {
      // WANDB_APP_URL with a slash at its end makes such links.
      return c.redirect(basePath + c.req.path.replace(/\/{2,}/g, "/") + new URL(c.req.url).search, 301);
    }
    await next();
    const seconds = (performance.now() - began) / 1000;
    const route = kindOf(c.req.path);
    monitoring.request(c.req.method, route, c.res.status, seconds);
    services.log.debug(
      { requestId, method: c.req.method, route, status: c.res.status, ms: Math.round(seconds * 1000) },
      "request",
    );
  });
  app.onError((error, c) => {
    const answer = answerOf(error, services.log, {
      requestId: c.get("requestId"),
      method: c.req.method,
      route: kindOf(c.req.path),
    });
    if (answer.retryAfterS !== undefined) c.header("retry-after", String(answer.retryAfterS));
    const body =
      c.req.path === "/graphql"
        ? { errors: [{ message: answer.message, extensions: { code: answer.code } }] }
        : { error: answer.message, code: answer.code };
    return c.json(body, answer.status as 400);
  });

  app.get("/healthz", (c) => c.json({ ok: true }));
  for (const path of ["/readyz", "/ready"]) {
    app.get(path, async (c) => {
      await services.catalog.db.selectFrom("server_state").select("key").limit(1).execute();
      return c.json({ ok: true });
    });
  }
  app.get("/metrics", async (c) => {
    c.header("content-type", monitoring.registry.contentType);
    return c.body(await monitoring.registry.metrics());
  });
  // Those above are asked of an idle server too, every few seconds.
  app.use(async (_, next) => {
    services.metrics.wake();
    await next();
  });
  // 404 tells the client that telemetry is not taken here; it stops sending.
  app.all("/sdk/otel/*", (c) => c.json({ error: "this server takes no telemetry" }, 404));
  app.post("/oidc/token", (c) =>
    c.json({ error: "identity tokens are not configured on this server; use an API key" }, 400),
  );

  app.use(async (c, next) => {
    // What signs itself in its address needs no viewer; a wrong key on it must not break the download.
    if (!c.req.path.startsWith("/storage/")) {
      c.set("viewer", await authenticate(services, c.req.raw.headers, c.req.method));
    }
    await next();
  });

  app.post("/graphql", async (c) => {
    const body = c.get("viewer")
      ? await readBody(c.req.raw, MAX_GRAPHQL_BYTES)
      : await readBody(c.req.raw, MAX_ANONYMOUS_BYTES).catch(asMissingKey);
    const request = parseGraphqlBody(body);
    const answer = await graphql(request, {
      services,
      viewer: c.get("viewer"),
      baseUrl: baseUrlOf(services, c.req.raw.headers),
      headers: c.req.raw.headers,
      address: clientAddress(c),
    });
    if (answer.retryAfterS !== undefined) c.header("retry-after", String(answer.retryAfterS));
    return c.json(answer.body as Record<string, unknown>, answer.status as 200);
  });

  for (const routes of featureRoutes(services, monitoring)) app.route("/", routes);
  app.all("/api/*", (c) =>
    c.json({ error: `there is no ${c.req.method} ${c.req.path}`, code: "not-found" }, 404),
  );
  app.route("/", await pageRoutes(undefined, basePath));
  for (const { path } of app.routes) kinds.add(routeKind(path));
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path}`, code: "not-found" }, 404));
  return app;
}

/** Too much from nobody: the size is right for who has a key, so the key is what is missing. */
function asMissingKey(error: unknown): never {
  if (!(error instanceof SteelyardError) || error.code !== "too-large") throw error;
  throw new SteelyardError(
    "not-authenticated",
    "a request this large needs an API key; create one at /authorize and set WANDB_API_KEY",
    { cause: error },
  );
}

function parseGraphqlBody(body: Buffer): GraphqlRequest {
  const value = parseJson(body);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new SteelyardError("bad-request", 'the body must be {"query": "…", "variables": {…}}');
}
