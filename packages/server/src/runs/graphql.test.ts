import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Viewer } from "../http/viewer.ts";
import { markSilentRuns } from "./crash-detector.ts";
import { finishRun, heartbeat, setState } from "./run-store.ts";
import { makeWorld, type World } from "./world.test-part.ts";

let world: World;
let ann: Viewer;
let bob: Viewer;
beforeEach(async () => {
  world = await makeWorld();
  ann = await world.user("ann", { teams: ["lab"] });
  bob = await world.user("bob");
});
afterEach(() => world.close());

const UPSERT = `mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted serverSettings { serverMessages { utfText } }
  bucket { id name displayName description config summaryMetrics sweepName state tags notes group jobType host commit historyLineCount
    user { username } project { id name entity { id name } } } } }`;
interface Upserted {
  inserted: boolean;
  bucket: Record<string, never> & {
    id: string;
    name: string;
    displayName: string;
    config: string;
    state: string;
    tags: string[];
    historyLineCount: number;
  };
}
async function upsert(input: object, who = ann, headers = {}): Promise<Upserted> {
  return (await world.ask<{ upsertBucket: Upserted }>(who, UPSERT, { i: input }, headers)).upsertBucket;
}
async function stateOf(name: string): Promise<string | undefined> {
  return (
    await world.services.catalog.db
      .selectFrom("runs")
      .select("state")
      .where("name", "=", name)
      .executeTakeFirst()
  )?.state;
}

test("a first upsert makes the run and its project and names it", async () => {
  const { inserted, bucket } = await upsert({
    name: "r1",
    modelName: "p",
    config: '{"lr": {"value": 0.1}}',
    tags: ["a"],
  });
  assert.equal(inserted, true);
  assert.equal(bucket.name, "r1");
  assert.match(bucket.displayName, /^[a-z]+-[a-z]+-1$/);
  assert.equal(bucket.state, "running");
  assert.equal(bucket.historyLineCount, 0);
  assert.deepEqual(bucket.tags, ["a"]);
  assert.deepEqual({ ...(bucket.user as unknown as object) }, { username: "ann" });
  assert.match((await upsert({ name: "r2", modelName: "p" })).bucket.displayName, /-2$/);
  assert.equal((await upsert({})).bucket.name.length, 8);
});

test("runs are numbered in the order they are made, for their colours; a deleted one keeps its number", async () => {
  const number = async (name: string) => {
    const { bucket } = await upsert({ name, modelName: "p" });
    const { project } = await world.ask<{ project: { run: { defaultColorIndex: number } } }>(
      ann,
      'query N($run: String!) { project(name: "p") { run(name: $run) { defaultColorIndex } } }',
      { run: name },
    );
    return { id: bucket.id, index: project.run.defaultColorIndex };
  };
  const made = [];
  for (const name of ["a", "b", "a"]) made.push((await number(name)).index);
  assert.deepEqual(made, [0, 1, 0]);
  const { id } = await number("b");
  await world.ask(ann, "mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", { id });
  assert.equal((await number("c")).index, 2);
  await upsert({ name: "other", modelName: "q" });
  const others = await Promise.all(Array.from({ length: 8 }, (_, at) => number(`together${at}`)));
  assert.deepEqual(
    others.map(({ index }) => index).sort((a, b) => a - b),
    [3, 4, 5, 6, 7, 8, 9, 10],
  );
});

test("null leaves alone, an empty list of tags clears, config replaces", async () => {
  const first = await upsert({
    name: "r1",
    modelName: "p",
    notes: "n",
    groupName: "g",
    tags: ["a"],
    config: '{"a":{"value":1},"b":{"value":2}}',
  });
  const again = await upsert({ name: "r1", modelName: "p", notes: null, config: '{"a":{"value":NaN}}' });
  assert.equal(again.inserted, false);
  assert.equal(again.bucket.displayName, first.bucket.displayName);
  assert.equal(again.bucket.notes, "n");
  assert.equal(again.bucket.config, '{"a":{"value":NaN}}');
  assert.deepEqual(again.bucket.tags, ["a"]);
  assert.deepEqual((await upsert({ id: first.bucket.id, tags: [] })).bucket.tags, []);
});

test("every run of a page has its own tags and author, though they are asked for together", async () => {
  const labs = { entityName: "lab", modelName: "p" };
  const amy = await world.user("amy", { teams: ["lab"] });
  await upsert({ ...labs, name: "r1", tags: ["b", "a"] });
  await upsert({ ...labs, name: "r2", tags: [] }, amy);
  await upsert({ ...labs, name: "r3", tags: ["c"] }, amy);
  const page = await world.ask<{
    project: { runs: { edges: { node: { name: string; tags: string[]; user: { username: string } } }[] } };
  }>(
    ann,
    `{ project(name: "p", entityName: "lab") { runs(order: "+name") { edges { node { name tags user { username } } } } } }`,
  );
  assert.deepEqual(
    page.project.runs.edges.map(({ node }) => [node.name, node.tags.join(), node.user.username]),
    [
      ["r1", "a,b", "ann"],
      ["r2", "", "amy"],
      ["r3", "c", "amy"],
    ],
  );
});

test("in shared mode configs of several writers are merged, environments by writer", async () => {
  const shared = { "x-wandb-use-async-filestream": "true" };
  const config = (key: string, writer: string) =>
    JSON.stringify({
      [key]: { value: 1 },
      _wandb: { value: { t: { 1: [1] }, e: { [writer]: { os: "Linux" } } } },
    });
  await upsert({ name: "r1", modelName: "p", config: config("a", "w1") }, ann, shared);
  const { bucket } = await upsert({ name: "r1", modelName: "p", config: config("b", "w2") }, ann, shared);
  const merged = JSON.parse(bucket.config);
  assert.deepEqual(Object.keys(merged).sort(), ["_wandb", "a", "b"]);
  assert.deepEqual(Object.keys(merged._wandb.value.e), ["w1", "w2"]);
});

test("simultaneous first upserts share one run", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => upsert({ name: "r1", modelName: "p" })));
  assert.equal(answers.filter(({ inserted }) => inserted).length, 1);
  assert.equal(new Set(answers.map(({ bucket }) => bucket.id)).size, 1);
});

test("an edit by id never changes the state, a start by name does", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "p" });
  const run = { id: 1 };
  await world.services.catalog.write((t) => finishRun(t, run, 1, world.clock.now));
  assert.equal(await stateOf("r1"), "failed");
  await upsert({ id: bucket.id, displayName: "x", tags: ["t"] });
  await upsert({ name: "r1", modelName: "p", config: "{}" });
  assert.equal(await stateOf("r1"), "failed");
  await upsert({ name: "r1", modelName: "p", displayName: "again", host: "h" });
  assert.equal(await stateOf("r1"), "running");
});

test("wrong names, wrong JSON and unknown places are refused with the status the client stops at", async () => {
  const cases: [object, number][] = [
    [{ name: "a/b", modelName: "p" }, 400],
    [{ name: "a:b", modelName: "p" }, 400],
    [{ name: "x".repeat(129), modelName: "p" }, 400],
    [{ name: " a", modelName: "p" }, 400],
    [{ name: "a", modelName: "p?" }, 400],
    [{ name: "a", modelName: "p", config: "[1]" }, 400],
    [{ name: "a", modelName: "p", config: "{" }, 400],
    [{ name: "a", modelName: "p", tags: [""] }, 400],
    [{ id: "nonsense" }, 400],
    [{ name: "a", entityName: "nobody" }, 404],
    [{ name: "a", entityName: "ann", modelName: "q" }, 404],
  ];
  for (const [input, status] of cases) {
    const who = status === 404 ? bob : ann;
    await assert.rejects(upsert(input, who), { status }, JSON.stringify(input).slice(0, 80));
  }
  await assert.rejects(upsert({ name: "a" }, null as unknown as Viewer), { status: 401 });
  for (const name of ["한글", "🙂", "a b.c-d_e"])
    assert.equal((await upsert({ name, modelName: name })).bucket.name, name);
});

test("a deleted run answers 410 till it is restored; deleting again succeeds", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "p" });
  const del = "mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }";
  await world.ask(ann, del, { id: bucket.id });
  await world.ask(ann, del, { id: bucket.id });
  await assert.rejects(upsert({ name: "r1", modelName: "p" }), { status: 410 });
  const look = `{ project(name: "p", entityName: "ann") { runCount run(name: "r1") { id } } }`;
  assert.deepEqual(JSON.parse(JSON.stringify(await world.ask(ann, look))), {
    project: { runCount: 0, run: null },
  });
  const fields = "id name deletedAt user { username } deletedBy { username } readOnly";
  const trash = `{ project(name: "p", entityName: "ann") {
    deletedRuns { ${fields} } deletedRun(name: "r1") { ${fields} } never: deletedRun(name: "r2") { id } } }`;
  const { project } = await world.ask<{ project: { deletedRuns: { id: string; name: string }[] } }>(
    ann,
    trash,
  );
  const gone = {
    id: bucket.id,
    name: "r1",
    deletedAt: new Date(world.clock.now).toISOString(),
    user: { username: "ann" },
    deletedBy: { username: "ann" },
    readOnly: false,
  };
  assert.deepEqual(JSON.parse(JSON.stringify(project)), {
    deletedRuns: [gone],
    deletedRun: gone,
    never: null,
  });
  assert.equal((await world.ask<{ project: unknown }>(bob, trash)).project, null);
  await world.ask(ann, 'mutation O { upsertModel(input: {name: "p", access: "USER_READ"}) { inserted } }');
  assert.deepEqual(JSON.parse(JSON.stringify(await world.ask(bob, trash))), {
    project: { deletedRuns: [], deletedRun: { ...gone, readOnly: true }, never: null },
  });
  await world.ask(ann, "mutation R($id: ID!) { restoreRun(input: {id: $id}) { run { name } } }", {
    id: project.deletedRuns[0]?.id,
  });
  assert.equal((await upsert({ name: "r1", modelName: "p" })).inserted, false);
  assert.deepEqual(JSON.parse(JSON.stringify(await world.ask(ann, trash))), {
    project: { deletedRuns: [], deletedRun: null, never: null },
  });
});

const RESUME = `query RunResumeStatus($project: String, $entity: String, $name: String!) { model(name: $project, entityName: $entity) {
  id name entity { id name } bucket(name: $name, missingOk: true) { id name summaryMetrics displayName logLineCount historyLineCount
    eventsLineCount historyTail eventsTail config tags notes wandbConfig(keys: ["t"]) } } }`;

test("the resume answer has the counts, the tails and the client's own marks", async () => {
  const ask = (name: string, project = "p") =>
    world.ask<{ model: { bucket: Record<string, unknown> | null } | null }>(ann, RESUME, {
      project,
      entity: "ann",
      name,
    });
  assert.equal((await ask("r1")).model, null);
  await upsert({ name: "r1", modelName: "p", config: '{"_wandb":{"value":{"t":{"1":[1,55]},"x":1}}}' });
  assert.equal((await ask("none")).model?.bucket, null);
  assert.equal((await ask("r1")).model?.bucket?.historyTail, "[]");
  await world.log(1, "history", ['{"_step":0,"a":NaN}', '{"_step":15,"a":2}']);
  await world.log(1, "console", ["x"]);
  const bucket = (await ask("r1")).model?.bucket ?? {};
  assert.equal(bucket.historyTail, '["{\\"_step\\":15,\\"a\\":2}"]');
  assert.deepEqual([bucket.historyLineCount, bucket.eventsLineCount, bucket.logLineCount], [2, 0, 1]);
  assert.equal(bucket.wandbConfig, '{"t":{"1":[1,55]}}');
  assert.equal(bucket.summaryMetrics, "{}");
});

test("rewinding cuts the history, makes the summary anew and lets the run go on", async () => {
  await upsert({ name: "r1", modelName: "p" });
  await world.log(
    1,
    "history",
    Array.from({ length: 6 }, (_, s) => JSON.stringify({ _step: s, _runtime: s + 0.5, loss: 10 - s })),
  );
  await world.services.catalog.write((t) => finishRun(t, { id: 1 }, 0, world.clock.now));
  const rewind = `mutation RewindRun($r: String!, $v: Float!, $m: String!) { rewindRun(input: {runName: $r, entityName: "ann", projectName: "p",
    metricName: $m, metricValue: $v}) { rewoundRun { historyLineCount state summaryMetrics } } }`;
  const answer = await world.ask<{ rewindRun: { rewoundRun: Record<string, unknown> | null } }>(ann, rewind, {
    r: "r1",
    v: 2,
    m: "_step",
  });
  const run = answer.rewindRun.rewoundRun ?? {};
  assert.equal(run.historyLineCount, 3);
  assert.equal(run.state, "running");
  assert.deepEqual(JSON.parse(String(run.summaryMetrics)), {
    _step: 2,
    _runtime: 2.5,
    loss: 8,
    _wandb: { runtime: 2 },
  });
  const none = await world.ask<{ rewindRun: { rewoundRun: null } }>(ann, rewind, {
    r: "none",
    v: 2,
    m: "_step",
  });
  assert.equal(none.rewindRun.rewoundRun, null);
  await assert.rejects(world.ask(ann, rewind, { r: "r1", v: 2, m: "loss" }), { status: 400 });
});

test("a fork joins its parent's history once", async () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `{"_step":${from + i},"x":${from + i}}`);
  const steps = async (run: number) =>
    (await world.services.metrics.rows({ run, stream: "history" })).map((line) => JSON.parse(line)._step);
  await upsert({ name: "parent", modelName: "p" });
  await world.log(1, "history", rows(0, 10));
  const config = '{"_wandb":{"value":{"branch_point":{"run_id":"parent","step":7}}}}';
  await upsert({ name: "child", modelName: "p", config });
  await world.log(2, "history", rows(8, 10));
  await upsert({ name: "child", modelName: "p", config });
  assert.deepEqual(await steps(2), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await assert.rejects(upsert({ name: "c2", modelName: "p", config: config.replace("parent", "gone") }), {
    status: 404,
  });
  assert.equal(await stateOf("c2"), undefined, "a fork from nowhere made a run");
});

test("stopping reaches the run, and its end says so", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "p" });
  const stopped = `{ project(name: "p", entityName: "ann") { run(name: "r1") { stopped state } } }`;
  const read = async () =>
    (await world.ask<{ project: { run: { stopped: boolean; state: string } } }>(ann, stopped)).project.run;
  assert.equal((await read()).stopped, false);
  await world.ask(ann, "mutation S($id: ID!) { stopRun(input: {id: $id}) { success clientMutationId } }", {
    id: bucket.id,
  });
  assert.equal((await read()).stopped, true);
  await world.services.catalog.write((t) => finishRun(t, { id: 1 }, 255, world.clock.now));
  assert.equal((await read()).state, "killed");
});

test("states change only where they may", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "p" });
  const set = (state: string) =>
    world.ask(ann, "mutation S($i: UpdateRunStateInput!) { updateRunState(input: $i) { success } }", {
      i: { id: bucket.id, state },
    });
  await set("pending");
  await assert.rejects(set("finished"), /invalid state transition/);
  await set("failed");
  await set("pending");
  assert.equal(await stateOf("r1"), "pending");
});

test("five minutes of silence are a crash, the server's own absence is not, and a beat heals it", async () => {
  const up = world.clock.now;
  await upsert({ name: "r1", modelName: "p" });
  await upsert({ name: "r2", modelName: "p" });
  await world.services.catalog.write((t) => setState(t, { id: 2 }, "preempting", up));
  world.clock.now += 301_000;
  assert.equal(await markSilentRuns(world.services, world.clock.now - 60_000), 0);
  assert.equal(await markSilentRuns(world.services, up), 2);
  assert.deepEqual([await stateOf("r1"), await stateOf("r2")], ["crashed", "preempted"]);
  await world.services.catalog.write((t) => heartbeat(t, 1, world.clock.now));
  assert.equal(await stateOf("r1"), "running");
  assert.equal(await markSilentRuns(world.services, up), 0);
  assert.ok(world.changes.some((change) => change.kind === "run" && change.state === "crashed"));
});

test("nobody sees or changes another user's run; a team shares", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "p" });
  const look = `{ project(name: "p", entityName: "ann") { run(name: "r1") { id } } }`;
  for (const who of [bob, undefined]) {
    assert.equal((await world.ask<{ project: null }>(who, look)).project, null);
  }
  const ids = { id: bucket.id };
  const mutations = [
    "mutation M($id: ID!) { deleteRun(input: {id: $id}) { success } }",
    "mutation M($id: ID!) { restoreRun(input: {id: $id}) { run { id } } }",
    "mutation M($id: ID!) { stopRun(input: {id: $id}) { success } }",
    'mutation M($id: ID!) { updateRunState(input: {id: $id, state: "failed"}) { success } }',
    'mutation M($id: ID!) { notifyScriptableRunAlert(input: {entityName: "ann", projectName: "p", runName: "r1", title: "t", text: ""}) { success } stopRun(input: {id: $id}) { success } }',
  ];
  for (const mutation of mutations) {
    await assert.rejects(world.ask(bob, mutation, ids), { status: 404 }, mutation);
    await assert.rejects(world.ask(undefined, mutation, ids), { status: 401 }, mutation);
  }
  await assert.rejects(upsert({ id: bucket.id, notes: "mine" }, bob), { status: 404 });
  const carol = await world.user("carol", { teams: ["lab"] });
  await upsert({ name: "t1", entityName: "lab", modelName: "p" });
  assert.equal(
    (await upsert({ name: "t1", entityName: "lab", modelName: "p", notes: "hers" }, carol)).inserted,
    false,
  );
});

test("a service account's run belongs to the member it names; no other key's does", async () => {
  const bot = await world.user("bot", { kind: "service", teams: ["lab", "other"] });
  await world.user("guest", { teams: ["other"] });
  let made = 0;
  const authorOf = async (viewer: Viewer, headers: Record<string, string>) => {
    const run = { name: `s${++made}`, entityName: "lab", modelName: "p" };
    const { bucket } = await upsert(run, viewer, headers);
    return (bucket.user as unknown as { username: string }).username;
  };
  assert.equal(await authorOf(bot, { "x-wandb-username": "Ann" }), "ann");
  assert.equal(await authorOf(bot, { "x-wandb-user-email": "ann@example.org" }), "ann");
  // The name counts; one that is no member's means nothing, and the e-mail does not stand in for it.
  const both = { "x-wandb-username": "guest", "x-wandb-user-email": "ann@example.org" };
  assert.equal(await authorOf(bot, both), "bot");
  assert.equal(await authorOf(bot, { "x-wandb-username": "", "x-wandb-user-email": " " }), "bot");
  const carol = await world.user("carol", { teams: ["lab"] });
  assert.equal(await authorOf(carol, { "x-wandb-username": "ann" }), "carol");
});

test("history reads to the largest step there is, whose next one is no other number", async () => {
  await upsert({ name: "far", modelName: "p" });
  const far = 2 ** 53;
  const rows = [0, far].map((step) => JSON.stringify({ _step: step, loss: 1 }));
  await world.log(1, "history", rows);
  const spec = JSON.stringify(JSON.stringify({ keys: ["_step"], minStep: 1, maxStep: far }));
  const query = `query ($max: Int64) { project(name: "p", entityName: "ann") { run(name: "far") {
    page: history(minStep: 1, maxStep: $max, samples: 10) all: history(maxStep: $max) sampledHistory(specs: [${spec}])
    historyKeys } } }`;
  const read = async (max: number) =>
    JSON.parse(JSON.stringify(await world.ask(ann, query, { max }))).project.run;
  const found = await read(far + 1);
  assert.equal(found.historyKeys.lastStep, far);
  assert.deepEqual(found.page, rows.slice(1));
  assert.deepEqual(found.all, rows);
  assert.deepEqual(found.sampledHistory, [[{ _step: far }]]);
  assert.deepEqual((await read(far - 1)).page, []);
});

test("history reads: sampled, scanned, by keys; NaN is a string inside JSON values", async () => {
  await upsert({ name: "r1", modelName: "p" });
  await world.log(
    1,
    "history",
    Array.from({ length: 10 }, (_, s) => JSON.stringify({ _step: s, loss: s / 2 })),
  );
  await world.log(1, "console", [
    "2026-08-01T10:00:00.000000 hello",
    "ERROR 2026-08-01T10:00:01 bad",
    '{"level":"error","ts":"2026-08-01T10:00:02","content":"é"}',
    "plain",
  ]);
  const query = `{ project(name: "p", entityName: "ann") { run(name: "r1") {
    history(minStep: 3, maxStep: 5, samples: 2) sampledHistory(specs: ["{\\"keys\\":[\\"_step\\",\\"loss\\"],\\"minStep\\":8,\\"maxStep\\":9,\\"samples\\":50}"])
    historyKeys parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData } events(samples: 5)
    tail: logLines(last: 2) { edges { node { number timestamp level line } } }
    logLines(first: 2, useImprovedPagination: true) { edges { node { number timestamp level label line } cursor } pageInfo { endCursor hasNextPage } } } } }`;
  const { run } = JSON.parse(JSON.stringify(await world.ask(ann, query))).project;
  assert.deepEqual(run.history, ['{"_step":3,"loss":1.5}', '{"_step":4,"loss":2}']);
  assert.deepEqual(run.sampledHistory, [
    [
      { _step: 8, loss: 4 },
      { _step: 9, loss: 4.5 },
    ],
  ]);
  assert.equal(run.historyKeys.lastStep, 9);
  assert.equal(run.historyKeys.keys.loss.previousValue, 4.5);
  assert.deepEqual(run.parquetHistory, { parquetUrls: [], liveData: [{ _step: 0 }] });
  assert.deepEqual(run.logLines.edges[0].node, {
    number: 0,
    timestamp: "2026-08-01T10:00:00.000000Z",
    level: null,
    label: null,
    line: "hello",
  });
  assert.deepEqual(run.logLines.pageInfo, { endCursor: "1", hasNextPage: true });
  assert.deepEqual(
    run.tail.edges.map((edge: { node: object }) => edge.node),
    [
      { number: 2, timestamp: "2026-08-01T10:00:02Z", level: "error", line: "é" },
      { number: 3, timestamp: null, level: null, line: "plain" },
    ],
  );
});

test("a run tells its alerts, the newest first, to who may read it", async () => {
  await upsert({ name: "r1", modelName: "p" });
  for (const title of ["first", "second"]) {
    world.clock.now += 1000;
    await world.ask(
      ann,
      `mutation { notifyScriptableRunAlert(input: {entityName: "ann", projectName: "p", runName: "r1", title: "${title}", text: "x", severity: WARN}) { success } }`,
    );
  }
  const question =
    '{ project(name: "p", entityName: "ann") { run(name: "r1") { alerts { title text severity createdAt } } } }';
  const { project } = await world.ask<{
    project: { run: { alerts: { title: string; severity: string; createdAt: string }[] } };
  }>(ann, question);
  assert.deepEqual(
    project.run.alerts.map(({ title, severity }) => [title, severity]),
    [
      ["second", "WARN"],
      ["first", "WARN"],
    ],
  );
  assert.equal(Date.parse(project.run.alerts[0]?.createdAt ?? ""), world.clock.now);
  assert.equal((await world.ask<{ project: null }>(bob, question)).project, null);
});
