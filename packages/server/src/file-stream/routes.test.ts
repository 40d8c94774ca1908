import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { sql } from "kysely";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";

const RUN = "/files/admin/p/r/file_stream";
const history = (offset: number, content: string[]) => ({
  files: { "wandb-history.jsonl": { offset, content } },
});
const row = (step: number) => `{"_step":${step},"text":"${"x".repeat(16_000)}${step}"}`;

function rowsOf(doors: Doors, run = "r"): Promise<string[]> {
  return doors
    .graphql<{ project: { run: { history: string[] } } }>(
      doors.admin,
      `{ project(name: "p") { run(name: "${run}") { history(minStep: 0) } } }`,
    )
    .then(({ project }) => project.run.history);
}

test("full: rows are refused with a status that is sent again, named in the log, and taken when there is room", async () => {
  const small = await openDoors({ maxMetricsBytes: 512 * 1024 });
  await makeRun(small, small.admin, { project: "p", name: "r" });
  let stored = 0;
  let refused = await small.ask(small.admin, "POST", RUN, history(stored, [row(stored)]));
  while (refused.status === 200) {
    stored++;
    refused = await small.ask(small.admin, "POST", RUN, history(stored, [row(stored)]));
  }
  assert.equal(refused.status, 507);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.match(refused.text, /full/);
  assert.ok(small.log.some(({ code, route }) => code === "storage-full" && route === "file_stream"));
  assert.match(
    (await small.ask(undefined, "GET", "/metrics")).text,
    /rejected_total\{cause="storage-full"\} 1/,
  );
  assert.deepEqual(
    await rowsOf(small),
    Array.from({ length: stored }, (_, step) => row(step)),
  );
  await small.server.close();

  const roomy = await openDoors({ dataDir: small.dataDir });
  assert.equal((await roomy.ask(roomy.admin, "POST", RUN, history(stored, [row(stored)]))).status, 200);
  assert.deepEqual(
    await rowsOf(roomy),
    Array.from({ length: stored + 1 }, (_, step) => row(step)),
  );
  await roomy.close();
});

test("a run that has ended took as long as it took: what comes later is kept and changes nothing of that", async () => {
  let now = Date.now();
  const doors = await openDoors({ now: () => now });
  await makeRun(doors, doors.admin, { project: "p", name: "r" });
  const { db } = doors.server.services.catalog;
  const times = () =>
    db.selectFrom("runs").select(["heartbeat_at", "finished_at", "state"]).executeTakeFirstOrThrow();
  const send = (body: unknown) => doors.ask(doors.admin, "POST", RUN, body);
  now += 60_000;
  await send({ ...history(0, ['{"a":1}']), complete: true, exitcode: 0 });
  const ended = { heartbeat_at: now, finished_at: now, state: "finished" };
  assert.deepEqual({ ...(await times()) }, ended);
  now += 3_600_000;
  for (const late of [{}, history(1, ['{"a":2}']), { complete: true, exitcode: 0 }, { uploaded: ["x"] }]) {
    assert.equal((await send(late)).status, 200);
    assert.deepEqual({ ...(await times()) }, ended);
  }
  assert.equal((await rowsOf(doors)).length, 2);
  await doors.close();
});

test("a sign of life is written all ten seconds, and what the run has been asked meanwhile is told at once", async () => {
  let now = Date.now();
  const doors = await openDoors({ now: () => now });
  const id = await makeRun(doors, doors.admin, { project: "p", name: "r" });
  const began = now;
  const { db } = doors.server.services.catalog;
  const run = async () => ({
    ...(await db.selectFrom("runs").select(["state", "heartbeat_at as at"]).executeTakeFirstOrThrow()),
  });
  const send = async (body: unknown = {}) => (await doors.ask(doors.admin, "POST", RUN, body)).json();
  now += 9_999;
  await send(history(0, ['{"a":1}']));
  assert.deepEqual(await run(), { state: "running", at: began });
  assert.equal((await rowsOf(doors)).length, 1);
  now += 1;
  await send(history(1, ['{"a":2}']));
  assert.deepEqual(await run(), { state: "running", at: now });

  // Where silence is judged sooner, it is written more often.
  doors.server.services.config.crashAfterMs = 3000;
  now += 100;
  await send();
  assert.deepEqual(await run(), { state: "running", at: now });

  await doors.graphql(doors.admin, `mutation { stopRun(input: {id: "${id}"}) { success } }`);
  assert.deepEqual(await send(), { stopped: true });
  await db.updateTable("runs").set({ state: "crashed" }).where("name", "=", "r").execute();
  await send();
  assert.deepEqual(await run(), { state: "running", at: now });
  // The server's clock was set back: better a time that is too early than none for as long as it was ahead.
  now -= 3_600_000;
  await send();
  assert.deepEqual(await run(), { state: "running", at: now });

  // One that was taken for crashed and says that it ends has ended: as asked above.
  await db.updateTable("runs").set({ state: "crashed", finished_at: now }).where("name", "=", "r").execute();
  now += 1;
  await send({ complete: true, exitcode: 1 });
  assert.deepEqual(await run(), { state: "killed", at: now });
  await doors.close();
});

suite("the file stream", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    await makeRun(doors, doors.admin, { project: "p", name: "r" });
  });
  after(() => doors.close());

  test("a catalog without room answers 507, and the same request afterwards doubles nothing", async () => {
    await makeRun(doors, doors.admin, { project: "p", name: "full" });
    const path = "/files/admin/p/full/file_stream";
    const { db } = doors.server.services.catalog;
    const summary = JSON.stringify({ long: "y".repeat(200_000) });
    const body = {
      files: {
        "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"a":1}'] },
        "wandb-summary.json": { offset: 0, content: [summary] },
      },
    };
    await sql`PRAGMA max_page_count = 1`.execute(db);
    const refused = await doors.ask(doors.admin, "POST", path, body);
    assert.equal(refused.status, 507, refused.text);
    assert.match(refused.text, /disk is full/);
    assert.ok(
      doors.log.some(
        ({ code, err }) => code === "storage-full" && JSON.stringify(err ?? "").includes("full"),
      ),
    );
    // A question is still answered, a change is refused in the same words.
    assert.equal((await rowsOf(doors, "full")).length, 1);
    const change = `mutation { generateApiKey(input: {description: "${"z".repeat(200)}"}) { apiKey { id } } }`;
    for (let index = 0; index < 200; index++) {
      const made = await doors.ask(doors.admin, "POST", "/graphql", { query: change });
      if (made.status === 200) continue;
      assert.equal(made.status, 507, made.text);
      assert.match(made.text, /disk is full/);
      break;
    }
    await sql`PRAGMA max_page_count = 1000000`.execute(db);
    assert.equal((await doors.ask(doors.admin, "POST", path, body)).status, 200);
    assert.deepEqual(await rowsOf(doors, "full"), ['{"_step":0,"a":1}']);
    const { project } = await doors.graphql<{ project: { run: { summaryMetrics: string } } }>(
      doors.admin,
      `{ project(name: "p") { run(name: "full") { summaryMetrics } } }`,
    );
    assert.equal(JSON.parse(project.run.summaryMetrics).long.length, 200_000);
  });

  test("another's run, an unknown project and a deleted run are all the same 404", async () => {
    const stranger = await doors.user("stranger");
    const gone = await makeRun(doors, doors.admin, { project: "p", name: "gone" });
    await doors.graphql(doors.admin, `mutation { deleteRun(input: {id: "${gone}"}) { success } }`);
    const told = async (key: string, path: string) => {
      const { status, text } = await doors.ask(key, "POST", path, history(0, ["{}"]));
      assert.equal(status, 404);
      return text.replace(path.replace(/^\/files\/|\/file_stream$/g, ""), "PATH");
    };
    const texts = [
      await told(stranger, RUN),
      await told(stranger, "/files/admin/p/nothing/file_stream"),
      await told(stranger, "/files/nobody/nothing/nothing/file_stream"),
      await told(doors.admin, "/files/admin/p/gone/file_stream"),
    ];
    assert.equal(new Set(texts).size, 1, texts.join("\n"));
    assert.ok(doors.log.some(({ msg, code }) => code === "not-found" && /admin\/p\/gone/.test(msg)));
  });

  test("a writer's id has a bound", async () => {
    const answer = await doors.ask(doors.admin, "POST", RUN, history(0, ["{}"]), {
      "x-wandb-async-client-id": "w".repeat(129),
    });
    assert.equal(answer.status, 400);
  });

  test("a body whose length was not said beforehand is taken, gzipped or not", async () => {
    const { url } = doors.server;
    const send = async (bytes: Uint8Array, headers: Record<string, string> = {}) => {
      const parts = [bytes.subarray(0, 10), bytes.subarray(10)];
      const body = new ReadableStream({ pull: (c) => (parts[0] ? c.enqueue(parts.shift()) : c.close()) });
      const request = { method: "POST", body, duplex: "half" };
      return fetch(`${url}/files/admin/p/parts/file_stream`, {
        ...request,
        headers: { authorization: `Bearer ${doors.admin}`, ...headers },
      });
    };
    await makeRun(doors, doors.admin, { project: "p", name: "parts" });
    const bytes = (step: number) => Buffer.from(JSON.stringify(history(step, [`{"_step":${step}}`])));
    assert.equal((await send(bytes(0))).status, 200);
    assert.equal((await send(gzipSync(bytes(1)), { "content-encoding": "gzip" })).status, 200);
    assert.deepEqual(await rowsOf(doors, "parts"), ['{"_step":0}', '{"_step":1}']);
  });
});
