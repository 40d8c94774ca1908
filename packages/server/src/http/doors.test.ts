import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ConfigError, readConfig } from "../config.ts";
import { type RunningServer, startServer } from "../main.ts";

const folder = () => mkdtempSync(join(tmpdir(), "steelyard-doors-"));
const start = (dataDir: string) =>
  startServer(readConfig(["--port", "0", "--data-dir", dataDir, "--log-level", "silent"], {}));

suite("doors of the server", () => {
  const dataDir = folder();
  let server: RunningServer;
  let admin = "";
  let ann = "";

  before(async () => {
    server = await start(dataDir);
    admin = server.adminApiKey ?? "";
    ann = (
      (await (
        await post("/api/v1/admin/users", admin, { username: "ann", email: "ann@example.org" })
      ).json()) as { apiKey: string }
    ).apiKey;
    await post("/api/v1/admin/teams", admin, {
      name: "lab",
      members: [{ username: "admin", role: "admin" }],
    });
    // The same number as the team's entity has, whatever that is: many organizations, ann in all of them.
    for (let index = 0; index < 6; index++) {
      await post("/api/v1/admin/organizations", admin, {
        name: `o${index}`,
        members: [{ username: "ann", role: "member" }],
      });
    }
    await query(
      admin,
      `mutation { upsertModel(input: {entityName: "lab", name: "open", access: "USER_READ"}) { inserted } }`,
    );
  });
  after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  function post(path: string, key: string | undefined, body: unknown, headers: Record<string, string> = {}) {
    return fetch(server.url + path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...headers,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }
  async function query(key: string | undefined, text: string) {
    const response = await post("/graphql", key, { query: text });
    const answer = (await response.json()) as {
      data?: Record<string, unknown>;
      errors?: { message: string }[];
    };
    return { status: response.status, data: answer.data ?? {}, errors: answer.errors };
  }

  test("a good key is known by Basic and Bearer; wrong, short and revoked ones get 401", async () => {
    const basic = (key: string) =>
      fetch(`${server.url}/api/v1/session`, { headers: { authorization: `Basic ${btoa(`user:${key}`)}` } });
    assert.equal((await basic(ann)).status, 200);
    assert.equal((await basic("x".repeat(40))).status, 401);
    assert.equal((await basic("short")).status, 401);
    const made = await query(ann, `mutation { generateApiKey(input: {}) { apiKey { id name } } }`);
    const { apiKey } = made.data.generateApiKey as { apiKey: { id: string; name: string } };
    assert.equal((await basic(apiKey.name)).status, 200);
    await query(ann, `mutation { deleteApiKey(input: {id: "${apiKey.id}"}) { success } }`);
    assert.equal((await basic(apiKey.name)).status, 401);
    const refused = await query("x".repeat(40), "{ viewer { id } }");
    assert.equal(refused.status, 401);
    assert.match(refused.errors?.[0]?.message ?? "", /WANDB_API_KEY/);
  });

  test("an administrator's doors are closed to others", async () => {
    for (const path of ["/api/v1/admin/users", "/api/v1/admin/teams", "/api/v1/admin/organizations"]) {
      assert.equal((await post(path, ann, { name: "x", username: "x" })).status, 403, path);
      assert.equal((await post(path, undefined, { name: "x", username: "x" })).status, 401, path);
    }
  });

  test("an organization shows nobody of the team that has its number", async () => {
    for (let index = 0; index < 6; index++) {
      const { data } = await query(
        ann,
        `{ organization(name: "o${index}") { orgEntity { entityType members { email } storageBytes user { email } } } }`,
      );
      assert.deepEqual(data.organization, {
        orgEntity: { entityType: "organization", members: [], storageBytes: 0, user: null },
      });
    }
  });

  test("a public project does not say who works on it", async () => {
    for (const key of [undefined, ann]) {
      const { data } = await query(
        key,
        `{ project(name: "open", entityName: "lab") { name entity { members { username email } storageBytes } user { username email } } }`,
      );
      const { entity, user } = data.project as { entity: unknown; user: { email: unknown } };
      assert.deepEqual(entity, { members: [], storageBytes: 0 });
      assert.equal(user.email, null);
    }
    const { data } = await query(admin, `{ entity(name: "lab") { members { username } } }`);
    assert.deepEqual(data.entity, { members: [{ username: "admin" }] });
  });

  test("another site can neither sign in nor act with the page's cookie", async () => {
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal(
      (
        await post(
          "/api/v1/session",
          undefined,
          { apiKey: ann },
          { ...foreign, "content-type": "text/plain" },
        )
      ).status,
      403,
    );
    const signedIn = await post("/api/v1/session", undefined, { apiKey: ann });
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    assert.match(signedIn.headers.get("set-cookie") ?? "", /HttpOnly.*SameSite=Lax/);
    const change = { query: "mutation { generateApiKey(input: {}) { apiKey { id } } }" };
    assert.equal((await post("/graphql", undefined, change, { cookie, ...foreign })).status, 403);
    assert.equal((await post("/graphql", undefined, change, { cookie, origin: server.url })).status, 200);
  });

  test("ten wrong passwords make a name wait", async () => {
    const attempt = () => post("/api/v1/session", undefined, { username: "ann", password: "wrong" });
    for (let index = 0; index < 10; index++) assert.equal((await attempt()).status, 401);
    const last = await attempt();
    assert.equal(last.status, 429);
    assert.ok(Number(last.headers.get("retry-after")) > 0);
  });

  test("a query is as deep and wide as its fragments make it", async () => {
    const fragments = Array.from(
      { length: 14 },
      (_, at) =>
        `fragment F${at} on Entity { a: user { id ...G${at} } b: user { id ...G${at} } } fragment G${at} on User { ${at < 13 ? `teams { edges { node { ...F${at + 1} } } }` : "id"} }`,
    );
    const { status, errors } = await query(
      ann,
      `{ viewer { teams { edges { node { ...F0 } } } } } ${fragments.join(" ")}`,
    );
    assert.equal(status, 400);
    assert.match(errors?.[0]?.message ?? "", /nests \d+ deep/);
  });

  test("nonsense gets a precise refusal", async () => {
    assert.notEqual((await fetch(`${server.url}/%zz`)).status, 500);
    const broken = await post("/graphql", ann, "{");
    assert.equal(broken.status, 400);
    assert.match(
      ((await broken.json()) as { errors: { message: string }[] }).errors[0]?.message ?? "",
      /not JSON/,
    );
    assert.equal(
      (await query(ann, "{ nope }")).errors?.[0]?.message,
      'Cannot query field "nope" on type "Query".',
    );
    assert.equal((await fetch(`${server.url}/sdk/otel/v1/metrics`, { method: "POST" })).status, 404);
    assert.equal((await fetch(`${server.url}//admin//first`, { redirect: "manual" })).status, 301);
  });

  test("one data folder, one server", async () => {
    await assert.rejects(
      start(dataDir),
      (error: Error) => error instanceof ConfigError && /another Steelyard server/.test(error.message),
    );
  });

  test("the administrator's key file is for its owner only", () => {
    assert.equal(statSync(join(dataDir, "admin-api-key")).mode & 0o777, 0o600);
  });
});

test("a data folder that cannot be written is not said to be taken", async () => {
  const dataDir = folder();
  mkdirSync(join(dataDir, "server.lock"));
  await assert.rejects(
    start(dataDir),
    (error: Error) => error instanceof ConfigError && /cannot be written .*--data-dir/.test(error.message),
  );
  rmSync(dataDir, { recursive: true });
});

test("a server with an open page stops at once, and its folder is free again", async () => {
  const dataDir = folder();
  const server = await start(dataDir);
  const live = await fetch(`${server.url}/api/v1/live`, {
    headers: { authorization: `Bearer ${server.adminApiKey}` },
  });
  const reader = live.body?.getReader();
  await reader?.read();
  const stopped = server.close();
  // What is not told to end is cut off after five seconds: the page would be told of an error.
  while (!(await reader?.read())?.done);
  await stopped;
  await (await start(dataDir)).close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("a killed server leaves no lock behind", async () => {
  const dataDir = folder();
  const child = spawn(
    process.execPath,
    [new URL("../main.ts", import.meta.url).pathname, "--port", "0", "--data-dir", dataDir],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  await (await start(dataDir)).close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("a wrong setting is named with what is allowed, without its secrets", () => {
  const wrong = (flags: string[], environment = {}) => {
    try {
      readConfig(flags, environment);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.match(wrong(["--prot", "1"]), /unknown flag "--prot"/);
  assert.match(wrong(["--port", "99999"]), /--port is "99999"; allowed: a number/);
  assert.match(wrong([], { STEELYARD_PORT: "x" }), /STEELYARD_PORT is "x"/);
  const secret = wrong(["--database-url", "postgres://ann:hunter2@db/steelyard?password=hunter3"]);
  assert.match(secret, /--database-url/);
  assert.doesNotMatch(secret, /hunter/);
});
