import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { createApp } from "../server.ts";
import { adminOnly, openTeam, REFUSED, ROLES, type Role, type Team } from "./team.test-part.ts";

/** Every route, asked by everyone. What is not in the table fails the test: whoever adds one says here whom it is for. */
let team: Team;
const ids: Record<string, string> = {};
before(async () => {
  team = await openTeam();
  Object.assign(ids, team.ids);
});
after(() => team.doors.close());

/** A tree whose page was never built says so. */
const PAGE_STATUS = existsSync(new URL("../../../../web/assets/index.html", import.meta.url)) ? 200 : 503;
const RUN = "entity=lab&project=p&run=r";

interface Door {
  /** Of a request of this kind. */
  path: () => string;
  method?: string;
  body?: () => unknown;
  /** The least of those it is for. */
  from: Role;
  /** Where those who may not are told something else: "is it there" may not be asked at all. */
  refused?: Partial<Record<Role, number>>;
  /** What those who may hear, when it is not 200. */
  status?: number;
}
const DOORS: Record<string, Door> = {
  "GET /healthz": { path: () => "/healthz", from: "nobody" },
  "GET /readyz": { path: () => "/readyz", from: "nobody" },
  "GET /ready": { path: () => "/ready", from: "nobody" },
  "GET /metrics": { path: () => "/metrics", from: "nobody" },
  "ALL /sdk/otel/*": { path: () => "/sdk/otel/x", from: "nobody", status: 404 },
  "POST /oidc/token": {
    path: () => "/oidc/token",
    method: "POST",
    body: () => ({}),
    from: "nobody",
    status: 400,
  },
  "POST /graphql": {
    path: () => "/graphql",
    method: "POST",
    body: () => ({ query: "{ viewer { id } }" }),
    from: "nobody",
  },
  "ALL /api/*": { path: () => "/api/none", from: "nobody", status: 404 },
  // The page is the same for all; what it shows it asks for.
  "GET /*": { path: () => "/home", from: "nobody", status: PAGE_STATUS },
  "GET /api/v1/server": { path: () => "/api/v1/server", from: "nobody" },
  "GET /api/v1/session": { path: () => "/api/v1/session", from: "stranger" },
  "POST /api/v1/session": {
    path: () => "/api/v1/session",
    method: "POST",
    body: () => ({ apiKey: "x".repeat(40) }),
    from: "nobody",
    status: 401,
  },
  // Off unless the server is told otherwise.
  "POST /api/v1/sign-up": {
    path: () => "/api/v1/sign-up",
    method: "POST",
    body: () => ({ username: "newcomer", password: "long enough" }),
    from: "nobody",
    status: 403,
  },
  "DELETE /api/v1/session": { path: () => "/api/v1/session", method: "DELETE", from: "nobody" },
  // Whose key it is decides; of no anonymous account, and where none are taken, it opens nothing.
  "POST /api/v1/anonymous/visit": {
    path: () => "/api/v1/anonymous/visit",
    method: "POST",
    body: () => ({ apiKey: "x".repeat(40) }),
    from: "nobody",
    status: 404,
  },
  // For who has opened such a link; what it does then is in anonymous.test.ts.
  "POST /api/v1/anonymous/claim": {
    path: () => "/api/v1/anonymous/claim",
    method: "POST",
    body: () => ({}),
    from: "stranger",
    status: 404,
  },
  "POST /api/v1/device-login": {
    path: () => "/api/v1/device-login",
    method: "POST",
    body: () => ({}),
    from: "nobody",
  },
  // For a person at the page: no key may answer, whoever's it is.
  "GET /api/v1/device-login": {
    path: () => "/api/v1/device-login?code=x",
    from: "stranger",
    status: 403,
  },
  "POST /api/v1/device-login/answer": {
    path: () => "/api/v1/device-login/answer",
    method: "POST",
    body: () => ({ code: "x", allow: true }),
    from: "stranger",
    status: 403,
  },
  "POST /api/v1/device-login/take": {
    path: () => "/api/v1/device-login/take",
    method: "POST",
    body: () => ({ deviceCode: "x" }),
    from: "nobody",
    status: 404,
  },
  "GET /sign-in": { path: () => "/sign-in?token=x", from: "nobody", status: 303 },
  "GET /api/v1/admin/users": { path: () => "/api/v1/admin/users", from: "admin", refused: adminOnly },
  "POST /api/v1/admin/users": {
    path: () => "/api/v1/admin/users",
    method: "POST",
    body: () => ({ username: "made" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/users/:username": {
    path: () => "/api/v1/admin/users/made",
    method: "PATCH",
    body: () => ({ email: "m@example.org" }),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/users/:username": {
    path: () => "/api/v1/admin/users/made",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "GET /api/v1/admin/organizations": {
    path: () => "/api/v1/admin/organizations",
    from: "admin",
    refused: adminOnly,
  },
  "POST /api/v1/admin/organizations": {
    path: () => "/api/v1/admin/organizations",
    method: "POST",
    body: () => ({ name: "org" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/organizations/:name": {
    path: () => "/api/v1/admin/organizations/org",
    method: "PATCH",
    body: () => ({}),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/organizations/:name": {
    path: () => "/api/v1/admin/organizations/org",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "GET /api/v1/admin/teams": { path: () => "/api/v1/admin/teams", from: "admin", refused: adminOnly },
  "POST /api/v1/admin/teams": {
    path: () => "/api/v1/admin/teams",
    method: "POST",
    body: () => ({ name: "other" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/teams/:name": {
    path: () => "/api/v1/admin/teams/other",
    method: "PATCH",
    body: () => ({}),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/teams/:name": {
    path: () => "/api/v1/admin/teams/other",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "POST /files/:entity/:project/:run/file_stream": {
    path: () => "/files/lab/p/r/file_stream",
    method: "POST",
    body: () => ({}),
    from: "member",
  },
  "POST /api/v1/series": {
    path: () => "/api/v1/series",
    method: "POST",
    body: () => ({
      entity: "lab",
      project: "p",
      runs: ["r"],
      questions: [{ keys: ["loss"], stream: "history", x: { kind: "step" }, buckets: 10 }],
    }),
    from: "viewer",
  },
  "POST /api/v1/sql": {
    path: () => "/api/v1/sql",
    method: "POST",
    body: () => ({ entity: "lab", project: "p", sql: "SELECT run FROM runs" }),
    from: "viewer",
  },
  "GET /api/v1/histogram-keys": { path: () => `/api/v1/histogram-keys?${RUN}`, from: "viewer" },
  "GET /api/v1/keys": { path: () => `/api/v1/keys?${RUN}`, from: "viewer" },
  "GET /api/v1/run-keys": { path: () => `/api/v1/run-keys?${RUN}`, from: "viewer" },
  "GET /api/v1/export": {
    path: () => `/api/v1/export?${RUN}&format=csv`,
    from: "viewer",
  },
  "GET /api/v1/console": { path: () => `/api/v1/console?${RUN}`, from: "viewer" },
  "GET /api/v1/console/search": {
    path: () => `/api/v1/console/search?${RUN}&q=x`,
    from: "viewer",
  },
  "GET /api/v1/console/download": {
    path: () => `/api/v1/console/download?${RUN}`,
    from: "viewer",
  },
  "GET /api/v1/live": {
    path: () => "/api/v1/live?entity=lab&project=p",
    from: "viewer",
  },
  // What signs itself: who has the address may use it, nobody can make one.
  "PUT /storage/upload/:token/*": {
    path: () => "/storage/upload/x.y/a.txt",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "OPTIONS /storage/file/*": {
    path: () => ids.download ?? "",
    method: "OPTIONS",
    from: "nobody",
    status: 204,
  },
  "GET /storage/history/:token/*": {
    path: () => "/storage/history/x.y/r.parquet",
    from: "nobody",
    status: 403,
  },
  "GET /storage/file/:token/*": { path: () => ids.download ?? "", from: "nobody" },
  "PUT /storage/artifact/:token/*": {
    path: () => "/storage/artifact/x.y/a",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "PUT /storage/manifest/:token/*": {
    path: () => "/storage/manifest/x.y/a",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "GET /storage/artifact-file/:token/*": {
    path: () => "/storage/artifact-file/x.y/a",
    from: "nobody",
    status: 403,
  },
  "GET /storage/manifest-file/:token/*": {
    path: () => "/storage/manifest-file/x.y/a",
    from: "nobody",
    status: 403,
  },
  "GET /artifactsV2/*": {
    path: () => "/artifactsV2/default/lab/p/data/x/x/00/a",
    from: "stranger",
    refused: { nobody: 404 },
    status: 404,
  },
  "GET /artifacts/:entity/:hex": {
    path: () => `/artifacts/lab/${"0".repeat(32)}`,
    from: "stranger",
    status: 404,
  },
};

suite("who may do what: routes", () => {
  test("every route is in the table", async () => {
    const app = await createApp(team.doors.server.services);
    const found = new Set(
      app.routes
        .filter(({ method, path, handler }) => !(method === "ALL" && path === "/*") && handler.length < 2)
        .map(({ method, path }) => `${method} ${path}`),
    );
    assert.deepEqual([...found].sort(), Object.keys(DOORS).sort());
  });

  for (const [name, { path, method = "GET", body, from, refused = {}, status = 200 }] of Object.entries(
    DOORS,
  )) {
    test(`${name}: for ${from === "nobody" ? "everyone" : `${from} and up`}`, async () => {
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(from);
        // What can be done once is done by the first who may.
        if (may && method === "DELETE" && from === "admin" && role !== from) continue;
        const answer = await team.ask(team.keys[role], method, path(), body?.());
        const expected = may ? status : (refused[role] ?? REFUSED[role]);
        assert.equal(answer.status, expected, `${role}: ${answer.text.slice(0, 300)}`);
        if (!may) assert.ok(!answer.text.includes("loss"), `${role} is shown data`);
      }
      if (path().startsWith("/storage/")) return;
      const wrong = await team.ask("x".repeat(40), method, path(), body?.());
      const open =
        from === "nobody" &&
        ["/healthz", "/readyz", "/ready", "/metrics", "/sdk/otel/x", "/oidc/token"].includes(path());
      assert.equal(wrong.status, open ? status : 401, `a wrong key: ${wrong.text.slice(0, 300)}`);
    });
  }
});
