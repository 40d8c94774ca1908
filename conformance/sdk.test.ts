import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { InitOptions } from "steelyard";
import * as steelyard from "steelyard";
import { type Ground, logsOf, openGround, PROJECT, readLog, readRun, rowsOf, valuesOf } from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("sdk");
  ({ server, dir } = ground);
});
after(() => ground.close());

const start = (options: InitOptions) => ground.start(options);

const read = (name: string) => readRun(server, name);

const ODD: Record<string, unknown>[] = [
  { zero: 0, minusZero: -0, tiny: 5e-324, huge: Number.MAX_VALUE, third: 1 / 3, e21: 1e21 },
  { nan: Number.NaN, up: Number.POSITIVE_INFINITY, down: Number.NEGATIVE_INFINITY },
  { text: '한글 😀 \u0000 " \\', empty: "", yes: true, no: false, nothing: null },
  { list: [1, "a", null, [2]], nested: { deep: { er: 0.1 }, nan: Number.NaN } },
  { "a/b": 1, "a.b": 2, 한글: 3, ["k".repeat(1000)]: 4 },
  Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index / 7])),
];

test("every value logged is read back, the server killed midway", async () => {
  const run = await start({ id: "exact" });
  const logged: Record<string, unknown>[] = [];
  const log = (row: Record<string, unknown>) => {
    logged.push(row);
    run.log(row);
  };
  for (const row of ODD) log(row);
  for (let step = 0; step < 3000; step++) {
    log({ loss: Math.random(), step });
    if (step % 100 === 0) log({ loss: Math.random(), note: `row ${step}` });
    if (step === 1500) await server.crashAndRestart();
    if (step % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await run.finish();
  const got = await read("exact");
  assert.equal(got.state, "finished");
  assert.equal(got.historyLineCount, logged.length);
  const rows = rowsOf(got);
  assert.equal(rows.length, logged.length);
  for (const [index, row] of rows.entries()) {
    assert.equal(row._step, index);
    assert.deepEqual(valuesOf(row), logged[index]);
  }
  const { records, damage } = readLog(logsOf(dir, "exact")[0]);
  assert.deepEqual(damage, []);
  assert.ok(records.length > logged.length);
  await server.crashAndRestart();
  assert.deepEqual((await read("exact")).history, got.history);
});

test("three runs under load, the server killed three times: every value, once", async () => {
  const ids = ["load-0", "load-1", "load-2"];
  const runs = await Promise.all(ids.map((id) => start({ id })));
  const value = (run: number, step: number) => Math.sin(step * (run + 1)) * 10 ** ((step % 13) - 6);
  const STEPS = 20_000;
  for (let step = 0; step < STEPS; step++) {
    for (const [index, run] of runs.entries()) {
      run.log({ a: value(index, step), b: -value(index, step), step });
      if (step % 500 === 0) run.log({ text: `row ${step}`, nested: { n: step } });
    }
    if (step % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (step === 3000 || step === 9000 || step === 15_000) await server.crashAndRestart();
  }
  await Promise.all(runs.map((run) => run.finish()));
  for (const [index, id] of ids.entries()) {
    const got = await read(id);
    assert.equal(got.state, "finished");
    const rows = rowsOf(got);
    assert.equal(rows.length, STEPS + STEPS / 500);
    let at = 0;
    for (let step = 0; step < STEPS; step++) {
      const expected = { a: value(index, step), b: -value(index, step), step };
      assert.deepEqual(valuesOf(rows[at++] as object), expected);
      if (step % 500 === 0)
        assert.deepEqual(valuesOf(rows[at++] as object), { text: `row ${step}`, nested: { n: step } });
    }
  }
});

test("what JSON lacks has one meaning", async () => {
  const run = await start({ id: "kinds" });
  run.log({
    big: 12n,
    when: new Date(0),
    typed: Float32Array.of(0.5, 1),
    set: new Set([1]),
    left: undefined,
  });
  run.log({ a: 1 }, { commit: false });
  run.log({ b: 2 });
  run.log({ c: 1 }, { step: 5 });
  run.log({ d: 2 }, { step: 5 });
  run.log({ late: 1 }, { step: 4 });
  run.log({ e: 3 }, { step: 6, commit: true });
  assert.throws(() => run.log({ bad: () => 1 }), /bad is function/);
  assert.throws(() => run.log([] as never), TypeError);
  run.config.set("lr", 0.5);
  run.summary.set("best", { loss: 1 });
  run.log({ last: 1, fixed: 1 });
  run.summary.set("fixed", 5);
  await run.finish();
  const got = await read("kinds");
  assert.deepEqual(
    rowsOf(got).map((row) => [row._step, valuesOf(row)]),
    [
      [0, { big: 12, when: "1970-01-01T00:00:00.000Z", typed: [0.5, 1], set: [1] }],
      [1, { a: 1, b: 2 }],
      [5, { c: 1, d: 2 }],
      [6, { e: 3 }],
      [7, { last: 1, fixed: 1 }],
    ],
  );
  assert.deepEqual((JSON.parse(got.config) as { lr: unknown }).lr, { value: 0.5 });
  const summary = JSON.parse(got.summaryMetrics) as Record<string, unknown>;
  assert.deepEqual(summary.best, { loss: 1 });
  // Set after the row that has it, though the two go different ways.
  assert.deepEqual([summary.last, summary.fixed], [1, 5]);
});

test("rows whose steps are given are those of a plain list, whatever else is logged between", async () => {
  const run = await start({ id: "given-steps", lateSteps: "drop", onDrop: "event" });
  run.defineMetric("val/*", { stepMetric: "epoch" });
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const rows: Record<string, unknown>[] = [];
  let current = 0;
  let epoch = 0;
  let open: Record<string, unknown> | undefined;
  const flush = () => {
    if (open) {
      const joins = "val/loss" in open && !("epoch" in open);
      rows.push({ _step: current, ...open, ...(joins ? { epoch } : {}) });
      if (typeof open.epoch === "number") epoch = open.epoch;
    }
    open = undefined;
  };
  const makers: ((at: number) => Record<string, unknown>)[] = [
    (at) => ({ loss: at / 7, acc: at % 10 }),
    (at) => ({ loss: Number.NaN, acc: -0 * at }),
    (at) => ({ acc: at, loss: 1 }),
    (at) => ({ "val/loss": at / 3 }),
    (at) => ({ epoch: at, loss: 2 }),
    (at) => ({ text: `row ${at}`, loss: at }),
    (at) => ({
      get read() {
        return at;
      },
      loss: at,
    }),
  ];
  for (let at = 0; at < 2000; at++) {
    const data = makers[Math.max(0, random(20) - 13)]?.(at) ?? {};
    const step = [
      undefined,
      current - 1,
      current,
      current,
      current + 1,
      current + 1,
      current + 1,
      current + 3,
    ][random(8)];
    const commit = random(12) === 0 ? random(2) === 0 : undefined;
    const options = { ...(step === undefined ? {} : { step }), ...(commit === undefined ? {} : { commit }) };
    if (step !== undefined && step < 0) continue;
    if (commit === undefined && random(2) === 0) run.log(data, step);
    else run.log(data, options);
    if (step !== undefined && step < current) continue;
    if (step !== undefined && step > current) {
      flush();
      current = step;
    }
    open = { ...open, ...data };
    if (commit ?? step === undefined) {
      flush();
      current++;
    }
  }
  flush();
  await run.finish();
  const got = await read("given-steps");
  assert.equal(got.historyLineCount, rows.length);
  for (const [index, row] of rowsOf(got).entries())
    assert.deepEqual({ _step: row._step, ...valuesOf(row) }, rows[index], `row ${index}`);
  assert.equal(run.summary.loss, rows.findLast((row) => "loss" in row)?.loss);
});

test("two runs of one process keep apart", async () => {
  const [one, two] = await Promise.all([start({ id: "one" }), start({ id: "two" })]);
  for (let step = 0; step < 500; step++) {
    one.log({ x: step });
    two.log({ x: -step });
  }
  await Promise.all([one.finish(), two.finish(3)]);
  const first = await read("one");
  const second = await read("two");
  assert.deepEqual([first.state, second.state], ["finished", "failed"]);
  assert.deepEqual(
    rowsOf(first).map((row) => row.x),
    Array.from({ length: 500 }, (_, step) => step),
  );
  assert.ok(rowsOf(second).every((row) => row.x === 0 - row._step));
});

test("resume: never, must, allow, auto", async () => {
  await assert.rejects(start({ id: "again", resume: "must" }), /there is no run again/);
  const first = await start({ id: "again", resume: "allow", config: { lr: 1, kept: true } });
  first.log({ x: 1 });
  first.log({ x: 2 });
  await first.finish();
  await assert.rejects(start({ id: "again", resume: "never" }), /the run again exists/);
  const second = await start({ id: "again", resume: "must", config: { lr: 2 } });
  assert.equal(second.resumed, true);
  assert.equal(second.step, 2);
  assert.equal(second.config.get("kept"), true);
  second.log({ x: 3 });
  await second.finish();
  const got = await read("again");
  assert.deepEqual(
    rowsOf(got).map((row) => [row._step, row.x]),
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  );
  const { write } = process.stderr;
  let printed = "";
  process.stderr.write = ((text: string) => {
    printed += text;
    return true;
  }) as typeof write;
  const clash = await start({ id: "again" }).finally(() => {
    process.stderr.write = write;
  });
  assert.match(printed, /the run again has 3 rows already.*resume: "allow"/);
  await clash.finish();
  const auto = await start({ resume: "auto" });
  auto.log({ x: 1 });
  await auto.finish(1);
  const on = await start({ resume: "auto" });
  assert.deepEqual([on.id, on.step], [auto.id, 1]);
  await on.finish();
  // It ended well: there is nothing to go on with.
  const fresh = await start({ resume: "auto" });
  assert.notEqual(fresh.id, auto.id);
  await fresh.finish(1);
  await (await start({ id: "between" })).finish();
  const after = await start({ resume: "auto" });
  assert.notEqual(after.id, fresh.id);
  await after.finish();
});

test("every name of init and of a run", async () => {
  const settings: InitOptions = {
    id: "names",
    entity: "admin",
    name: "shown",
    notes: "some notes",
    tags: ["a", "b"],
    group: "g",
    jobType: "train",
    mode: "online",
    config: { lr: 0.1, nested: { a: [1, Number.NaN] } },
  };
  const run = await start(settings);
  assert.deepEqual(
    [run.id, run.entity, run.project, run.name, run.resumed, run.step],
    ["names", "admin", PROJECT, "shown", false, 0],
  );
  assert.equal(run.url, `${server.url}/admin/${PROJECT}/runs/names`);
  assert.deepEqual(run.config.nested, { a: [1, null] });
  run.defineMetric("epoch");
  run.defineMetric("val/*", { stepMetric: "epoch", summary: "min,max" });
  for (let epoch = 0; epoch < 3; epoch++) {
    run.log({ "val/loss": 3 - epoch, epoch });
    run.log({ "val/accuracy": epoch / 2 });
  }
  run.config.lr = 0.2;
  run.summary.best = 1;
  assert.deepEqual(run.summary["val/loss"], { min: 1, max: 3 });
  await run.finish();
  const { project } = await server.query<{ project: { run: Record<string, unknown> } }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "names") { displayName notes tags group jobType state } } }`,
  );
  assert.deepEqual(
    { ...project.run, tags: [...(project.run.tags as string[])].sort() },
    {
      displayName: "shown",
      notes: "some notes",
      tags: ["a", "b"],
      group: "g",
      jobType: "train",
      state: "finished",
    },
  );
  const got = await read("names");
  const config = JSON.parse(got.config) as Record<string, { value: unknown }>;
  assert.deepEqual([config.lr?.value, config.nested?.value], [0.2, { a: [1, null] }]);
  // The rows of a key with a step metric carry its last value.
  assert.deepEqual(
    rowsOf(got).map(({ epoch }) => epoch),
    [0, 0, 1, 1, 2, 2],
  );
  const summary = JSON.parse(got.summaryMetrics) as Record<string, unknown>;
  assert.deepEqual(summary["val/loss"], { min: 1, max: 3 });
  assert.equal(summary.best, 1);
});

test("the module's config and summary are those of the current run; arrays become histograms", async () => {
  assert.throws(() => steelyard.config.lr, /there is no run: call init\(\) first/);
  const options = { baseUrl: server.url, apiKey: server.apiKey, dir, project: PROJECT, console: false };
  await steelyard.init({ ...options, id: "module-1", config: { lr: 1 } });
  assert.equal(steelyard.config.lr, 1);
  steelyard.config.lr = 2;
  steelyard.log({ loss: 0.5, weights: Float32Array.from({ length: 1000 }, (_, index) => index) });
  steelyard.log({ counted: new steelyard.Histogram([1, 2, 2], { bins: 2 }) });
  assert.equal(steelyard.summary.loss, 0.5);
  steelyard.summary.update({ best: 0.25 });
  await steelyard.finish();
  await steelyard.init({ ...options, id: "module-2", config: { lr: 3 } });
  assert.deepEqual({ ...steelyard.config }, { lr: 3 });
  assert.deepEqual({ ...steelyard.summary }, {});
  await steelyard.finish();
  const got = await read("module-1");
  const [first, second] = rowsOf(got) as unknown as Record<string, { values: number[]; bins: number[] }>[];
  assert.equal(first?.weights?.values.length, 32);
  assert.equal(
    first.weights.values.reduce((sum, count) => sum + count, 0),
    1000,
  );
  assert.deepEqual([first.weights.bins[0], first.weights.bins.at(-1)], [0, 999]);
  assert.deepEqual(second?.counted, { _type: "histogram", values: [1, 2], bins: [1, 1.5, 2] });
  const summary = JSON.parse(got.summaryMetrics) as Record<string, unknown>;
  assert.deepEqual([summary.best, summary.counted], [0.25, second.counted]);
  assert.deepEqual((JSON.parse(got.config) as { lr: unknown }).lr, { value: 2 });
});

test("a program of @wandb/sdk needs another import only", async () => {
  const wandb = steelyard.default;
  assert.equal(wandb, steelyard.wandb);
  assert.throws(() => wandb.log({ early: 1 }), /call init\(\) first/);
  process.env.WANDB_DIR = dir;
  const key = await wandb.login({ key: server.apiKey, host: server.url });
  assert.equal(key, server.apiKey);
  const starting = wandb.init({
    id: "old",
    project: PROJECT,
    job_type: "train",
    config: { test: 1 },
    settings: { apiKey: server.apiKey, baseUrl: server.url, silent: true },
  });
  assert.equal(wandb.runPromise, starting);
  // As there, without waiting.
  wandb.log({ acc: 0.9, loss: 0.1 });
  const run = await starting;
  assert.equal(wandb.run, run);
  wandb.log({ acc: 0.91 }, 7, true);
  run.log({ acc: 0.92 }, 9);
  await wandb.finish();
  for (const name of ["WANDB_DIR", "WANDB_API_KEY", "WANDB_BASE_URL"]) delete process.env[name];
  assert.equal(wandb.runPromise, null);
  assert.deepEqual(
    rowsOf(await read("old")).map(({ _step, acc }) => [_step, acc]),
    [
      [0, 0.9],
      [7, 0.91],
      [9, 0.92],
    ],
  );
});
