import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { deleteExpired } from "./expiry.ts";

const CREATE = "mutation CreateAnonymousApiKey { createAnonymousEntity(input: {}) { apiKey { name } } }";
const DAY_MS = 24 * 3_600_000;

suite("anonymous runs", () => {
  let doors: Doors;
  let now = Date.now();
  let ann = "";
  let eve = "";
  before(async () => {
    doors = await openDoors({ now: () => now, anonymous: "on" });
    ann = await doors.user("ann");
    eve = await doors.user("eve");
  });
  after(() => doors.close());

  /** From an address of its own, so that nobody is slowed. */
  let addresses = 0;
  async function account(): Promise<string> {
    const headers = { "x-forwarded-for": `192.0.2.${++addresses}` };
    const reply = await doors.ask(undefined, "POST", "/graphql", { query: CREATE }, headers);
    assert.equal(reply.status, 200, reply.text);
    const { data } = reply.json<{ data: { createAnonymousEntity: { apiKey: { name: string } } } }>();
    return data.createAnonymousEntity.apiKey.name;
  }
  const nameOf = async (key: string) =>
    (await doors.graphql<{ viewer: { username: string } }>(key, "{ viewer { username } }")).viewer.username;
  const visit = (apiKey: string) => doors.ask(undefined, "POST", "/api/v1/anonymous/visit", { apiKey });
  const cookieOf = (reply: { headers: Headers }) => reply.headers.get("set-cookie")?.split(";")[0] ?? "";
  const guestCookie = async (apiKey: string) => {
    const reply = await visit(apiKey);
    assert.equal(reply.status, 200, reply.text);
    return cookieOf(reply);
  };
  /** Cookies of someone who signed in and opened the link. */
  async function signedIn(key: string, guest?: string): Promise<string> {
    const reply = await doors.ask(undefined, "POST", "/api/v1/session", { apiKey: key });
    assert.equal(reply.status, 200, reply.text);
    return [cookieOf(reply), guest].filter(Boolean).join("; ");
  }
  const byCookies = (cookie: string, query: string) =>
    doors.ask(undefined, "POST", "/graphql", { query }, { cookie, origin: doors.server.url });
  const claim = (cookie: string) =>
    doors.ask(undefined, "POST", "/api/v1/anonymous/claim", {}, { cookie, origin: doors.server.url });
  const look = (entity: string, project = "p", run = "r") =>
    `{ project(name: "${project}", entityName: "${entity}") { run(name: "${run}") { id state user { username } } } }`;
  const rows = (entity: string, step: number, more: object = {}) => ({
    path: `/files/${entity}/p/r/file_stream`,
    body: {
      files: { "wandb-history.jsonl": { offset: step, content: [`{"_step":${step},"loss":1}`] } },
      ...more,
    },
  });
  const stream = (key: string, { path, body }: ReturnType<typeof rows>) => doors.ask(key, "POST", path, body);

  test("its key makes private runs of its own entity, and can do nothing else", async () => {
    const key = await account();
    const entity = await nameOf(key);
    assert.match(entity, /^anonymous-[a-z0-9]{12}$/);
    await makeRun(doors, key, { project: "p", name: "r" });
    assert.equal((await stream(key, rows(entity, 0))).status, 200);
    const other = await account();
    for (const stranger of [undefined, ann, eve, other]) {
      const reply = await doors.ask(stranger, "POST", "/graphql", { query: look(entity) });
      assert.deepEqual(reply.json<{ data: object }>().data, { project: null });
      const export_ = `/api/v1/export?entity=${entity}&project=p&run=r`;
      assert.ok([401, 404].includes((await doors.ask(stranger, "GET", export_)).status));
    }
    const refused = async (query: string, status: number) => {
      const reply = await doors.ask(key, "POST", "/graphql", { query });
      assert.equal(reply.status, status, `${query}: ${reply.text}`);
    };
    await refused("mutation { generateApiKey(input: {}) { apiKey { name } } }", 403);
    for (const access of ["USER_READ", "USER_WRITE", "RESTRICTED"])
      await refused(`mutation { upsertModel(input: {name: "p", access: "${access}"}) { inserted } }`, 403);
    await refused(`mutation { createTeam(input: {teamName: "mine"}) { entity { id } } }`, 403);
    await refused(
      `mutation { moveProject(input: {entityName: "${entity}", projectName: "p", newEntityName: "ann"}) { project { id } } }`,
      404,
    );
    assert.equal((await doors.ask(key, "GET", "/api/v1/admin/users")).status, 403);
    assert.equal((await doors.ask(undefined, "POST", "/api/v1/session", { apiKey: key })).status, 401);
    // What is open to everyone who signed in is not open to who did not.
    await doors.graphql(
      ann,
      `mutation { upsertModel(input: {name: "open", access: "USER_WRITE"}) { inserted } }`,
    );
    await refused(
      `mutation { upsertBucket(input: {entityName: "ann", modelName: "open", name: "x"}) { inserted } }`,
      403,
    );
    // Nobody can make it a member of anything.
    const invite = `mutation { createInvite(input: {entityName: "lab", username: "${entity}"}) { invite { id } } }`;
    await doors.ask(doors.admin, "POST", "/api/v1/admin/teams", {
      name: "lab",
      members: [{ username: "ann", role: "admin" }],
    });
    assert.equal((await doors.ask(ann, "POST", "/graphql", { query: invite })).status, 404);
    assert.equal(
      (
        await doors.ask(doors.admin, "PATCH", "/api/v1/admin/teams/lab", {
          add: [{ username: entity, role: "member" }],
        })
      ).status,
      404,
    );
  });

  test("its link opens it without a sign-in, and nothing more; the key stands in no log line", async () => {
    const key = await account();
    const entity = await nameOf(key);
    await makeRun(doors, key, { project: "p", name: "r" });
    const cookie = await guestCookie(key);
    const session = await doors.ask(undefined, "GET", "/api/v1/session", undefined, { cookie });
    const told = session.json<{
      kind: string;
      username: string;
      openLink: { entity: string; expiresAt: string };
    }>();
    assert.deepEqual([told.kind, told.username, told.openLink.entity], ["anonymous", entity, entity]);
    assert.equal(Date.parse(told.openLink.expiresAt), now + 7 * DAY_MS);
    assert.match((await byCookies(cookie, look(entity))).text, /"state":"running"/);
    assert.equal((await claim(cookie)).status, 403);
    // A person who opened it looks, and changes nothing before it is theirs.
    const cookies = await signedIn(ann, cookie);
    assert.match((await byCookies(cookies, look(entity))).text, /"state":"running"/);
    const stop = `mutation { upsertBucket(input: {entityName: "${entity}", modelName: "p", name: "r", notes: "mine"}) { inserted } }`;
    assert.equal((await byCookies(cookies, stop)).status, 403);
    assert.equal((await claim(await signedIn(eve))).status, 404);
    for (const wrong of ["x".repeat(40), ann, ""]) assert.equal((await visit(wrong)).status, 404);
    assert.equal((await doors.ask(undefined, "POST", "/api/v1/anonymous/visit", {})).status, 400);
    const foreign = { origin: "https://evil.example" };
    const visits = await doors.ask(undefined, "POST", "/api/v1/anonymous/visit", { apiKey: key }, foreign);
    assert.equal(visits.status, 403);
    assert.equal(
      (await doors.ask(undefined, "POST", "/api/v1/anonymous/claim", {}, { cookie: cookies, ...foreign }))
        .status,
      403,
    );
    assert.ok(!JSON.stringify(doors.log).includes(key));
  });

  test("claimed, it is the user's: project, author and old address; the key is good for nothing", async () => {
    const key = await account();
    const entity = await nameOf(key);
    const id = await makeRun(doors, key, { project: "p", name: "r" });
    assert.equal((await stream(key, rows(entity, 0, { complete: true, exitcode: 0 }))).status, 200);
    await makeRun(doors, ann, { project: "p", name: "r" });
    const guest = await guestCookie(key);
    const cookies = await signedIn(ann, guest);
    const claimed = await claim(cookies);
    assert.deepEqual(claimed.json(), {
      entity: "ann",
      projects: [{ name: "p", newName: "p-2", runs: 1 }],
    });
    assert.match(claimed.headers.get("set-cookie") ?? "", /steelyard_guest=;/);
    const run = { id: btoa("Run:v1:r:p-2:ann"), state: "finished", user: { username: "ann" } };
    const read = async (query: string) =>
      (await doors.graphql<{ project: { run: object } }>(ann, query)).project.run;
    assert.deepEqual(await read(look("ann", "p-2")), run);
    // The old address leads to it; for nobody else.
    assert.deepEqual(await read(look(entity)), run);
    const keys = await doors.ask(ann, "GET", `/api/v1/keys?entity=${entity}&project=p&run=r`);
    assert.match(keys.text, /loss/);
    const others = await doors.ask(eve, "POST", "/graphql", { query: look(entity) });
    assert.deepEqual(others.json<{ data: object }>().data, { project: null });
    now += 11 * 60_000;
    for (const path of ["/api/v1/session", `/api/v1/keys?entity=${entity}&project=p&run=r`])
      assert.equal((await doors.ask(key, "GET", path)).status, 401, path);
    assert.equal((await doors.ask(key, "POST", "/graphql", { query: "{ viewer { id } }" })).status, 401);
    assert.equal(
      (
        await doors.ask(key, "POST", "/graphql", {
          query: `mutation { deleteRun(input: {id: "${id}"}) { success } }`,
        })
      ).status,
      401,
    );
    assert.equal(
      (await doors.ask(undefined, "GET", "/api/v1/session", undefined, { cookie: guest })).status,
      401,
    );
    const again = await visit(key);
    assert.equal(again.status, 409);
    assert.match(again.text, /have been claimed/);
    assert.equal((await claim(cookies)).status, 404);
  });

  test("a run that is claimed while it is written is written to its end, and no other is begun", async () => {
    const key = await account();
    const entity = await nameOf(key);
    const id = await makeRun(doors, key, { project: "p", name: "r" });
    await stream(key, rows(entity, 0));
    const answer = await claim(await signedIn(eve, await guestCookie(key)));
    assert.equal(answer.status, 200);
    assert.equal((await stream(key, rows(entity, 1))).status, 200);
    const edit = (given: object) =>
      doors.ask(key, "POST", "/graphql", {
        query: "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id } } }",
        variables: { i: given },
      });
    assert.equal((await edit({ id, config: "{}" })).status, 200);
    // Its new address, which it was told just now, is good too; the runs beside it are not its business.
    assert.equal((await edit({ id: btoa("Run:v1:r:p:eve"), notes: "n" })).status, 200);
    await makeRun(doors, eve, { project: "p", name: "hers" });
    assert.equal((await edit({ id: btoa("Run:v1:hers:p:eve"), notes: "n" })).status, 404);
    assert.equal((await edit({ entityName: entity, modelName: "p", name: "next" })).status, 404);
    assert.equal((await edit({ modelName: "new", name: "next" })).status, 404);
    const files = await doors.ask(key, "POST", "/graphql", {
      query: `mutation { createRunFiles(input: {entityName: "${entity}", projectName: "p", runName: "r", files: ["a.txt"]}) { files { uploadUrl } } }`,
    });
    assert.equal(files.status, 200, files.text);
    assert.equal((await stream(key, rows(entity, 2, { complete: true, exitcode: 0 }))).status, 200);
    // Its last words may still come; then it is over.
    assert.equal((await edit({ id, summaryMetrics: '{"loss":1}' })).status, 200);
    now += 11 * 60_000;
    assert.equal((await edit({ id, notes: "late" })).status, 401);
    const { project } = await doors.graphql<{ project: { run: { historyLineCount: number; user: object } } }>(
      eve,
      `{ project(name: "p", entityName: "eve") { run(name: "r") { historyLineCount user { username } } } }`,
    );
    assert.deepEqual(project.run, { historyLineCount: 3, user: { username: "eve" } });
  });

  test("who signs out takes the open link with them", async () => {
    const key = await account();
    const guest = await guestCookie(key);
    const cookie = await signedIn(ann, guest);
    const origin = doors.server.url;
    const out = await doors.ask(undefined, "DELETE", "/api/v1/session", undefined, { cookie, origin });
    assert.match(out.headers.get("set-cookie") ?? "", /steelyard_guest=;/);
    const after = await doors.ask(undefined, "GET", "/api/v1/session", undefined, { cookie: guest });
    assert.equal(after.status, 401);
    // The link itself is good as before.
    assert.equal((await visit(key)).status, 200);
  });

  test("unclaimed, all of it goes seven days after the last that was heard of it", async () => {
    const key = await account();
    const entity = await nameOf(key);
    await makeRun(doors, key, { project: "p", name: "r" });
    const reserved = await doors.graphql<{ createRunFiles: { files: { uploadUrl: string }[] } }>(
      key,
      `mutation { createRunFiles(input: {entityName: "${entity}", projectName: "p", runName: "r", files: ["a.txt"]}) { files { uploadUrl } } }`,
    );
    const upload = new URL(reserved.createRunFiles.files[0]?.uploadUrl ?? "");
    assert.equal((await doors.ask(undefined, "PUT", upload.pathname, "private")).status, 200);
    const stored = () =>
      globSync("**", { cwd: join(doors.dataDir, "files"), withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      ).length;
    const before = stored();
    now += 6 * DAY_MS;
    await stream(key, rows(entity, 0));
    now += 6 * DAY_MS;
    await deleteExpired(doors.server.services);
    assert.equal(await nameOf(key), entity);
    const { services } = doors.server;
    const { id } = await services.catalog.db
      .selectFrom("runs")
      .innerJoin("projects", "projects.id", "runs.project_id")
      .innerJoin("entities", "entities.id", "projects.entity_id")
      .select("runs.id")
      .where("entities.name", "=", entity)
      .executeTakeFirstOrThrow();
    assert.equal((await services.metrics.tail(id, "history", 10)).length, 1);
    now += 2 * DAY_MS;
    assert.ok((await deleteExpired(services)) > 0);
    assert.equal((await doors.ask(key, "GET", "/api/v1/session")).status, 401);
    assert.equal((await visit(key)).status, 404);
    assert.equal(stored(), before - 1);
    assert.deepEqual(await services.metrics.tail(id, "history", 10), []);
    const left = await doors.graphql<{ entity: object | null }>(
      doors.admin,
      `{ entity(name: "${entity}") { id } }`,
    );
    assert.equal(left.entity, null);
    // What was claimed stays where it went.
    const { project } = await doors.graphql<{ project: { run: object } }>(ann, look("ann", "p-2"));
    assert.ok(project.run);
  });

  test("an address makes twenty in an hour", async () => {
    const headers = { "x-forwarded-for": "203.0.113.77" };
    const make = () => doors.ask(undefined, "POST", "/graphql", { query: CREATE }, headers);
    for (let made = 0; made < 20; made++) assert.equal((await make()).status, 200);
    const refused = await make();
    // Final for the clients: an hour is too long to be waited for.
    assert.equal(refused.status, 403);
    assert.match(refused.text, /too many anonymous accounts from this address/);
    now += 3_600_001;
    assert.equal((await make()).status, 200);
  });
});

test("STEELYARD_ANONYMOUS: off, there is no such account and no link opens", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "steelyard-doors-"));
  const on = await openDoors({ dataDir, anonymous: "on" });
  const made = await on.graphql<{ createAnonymousEntity: { apiKey: { name: string } } }>(undefined, CREATE);
  await on.server.close();
  const off = await openDoors({ dataDir });
  try {
    const reply = await off.ask(undefined, "POST", "/graphql", { query: CREATE });
    assert.equal(reply.status, 403);
    assert.match(reply.text, /takes no anonymous runs/);
    const apiKey = made.createAnonymousEntity.apiKey.name;
    assert.equal((await off.ask(undefined, "POST", "/api/v1/anonymous/visit", { apiKey })).status, 404);
    // What began goes on.
    await makeRun(off, apiKey, { project: "p", name: "r" });
  } finally {
    await off.close();
    assert.ok(!existsSync(dataDir));
    rmSync(dataDir, { recursive: true, force: true });
  }
});
