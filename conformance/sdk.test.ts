import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { readRecordLog } from "@steelyard/protocol/record-log";
import { type InitOptions, init } from "steelyard";
import { type RunningServer, startServer } from "./server.ts";

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-sdk-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const start = (options: InitOptions) =>
  init({
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    project: "sdk",
    console: false,
    ...options,
  });

interface ReadRun {
  state: string;
  historyLineCount: number;
  history: string[];
  config: string;
  summaryMetrics: string;
}

async function read(name: string): Promise<ReadRun> {
  const { project } = await server.query<{ project: { run: ReadRun } }>(
    `query Read($name: String!) { project(name: "sdk", entityName: "admin") { run(name: $name) {
      state historyLineCount config summaryMetrics history(minStep: 0, maxStep: 1000000, samples: 1000000) } } }`,
    { name },
  );
  return project.run;
}

const rowsOf = (run: ReadRun) =>
  run.history.map((line) => parseExtendedJson(line) as Record<string, unknown> & { _step: number });

/** Without what the SDK adds. */
const values = (row: object) =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith("_")));

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
    assert.deepEqual(values(row), logged[index]);
  }
  const [log0 = ""] = globSync(join(dir, "wandb", "run-*-exact", "run-exact.wandb"));
  const { records, damage } = readRecordLog(new Uint8Array(readFileSync(log0)));
  assert.deepEqual(damage, []);
  assert.ok(records.length > logged.length);
  await server.crashAndRestart();
  assert.deepEqual((await read("exact")).history, got.history);
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
    rowsOf(got).map((row) => [row._step, values(row)]),
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
  const auto = await start({ resume: "auto" });
  auto.log({ x: 1 });
  await auto.finish();
  const on = await start({ resume: "auto" });
  assert.equal(on.id, auto.id);
  await on.finish();
});

const ENDS = [
  { end: "", code: 0, state: "finished" },
  { end: "process.exit(0)", code: 0, state: "finished" },
  { end: "process.exit(3)", code: 3, state: "failed" },
  { end: "process.exitCode = 4", code: 4, state: "failed" },
  { end: "throw new Error('x')", code: 1, state: "failed" },
  {
    end: "Promise.reject(new Error('x')); await new Promise(() => setInterval(() => {}, 1000))",
    code: 1,
    state: "failed",
  },
  {
    end: "process.kill(process.pid, 'SIGINT'); await new Promise(() => setInterval(() => {}, 1000))",
    code: 130,
    state: "failed",
  },
  {
    end: "process.kill(process.pid, 'SIGTERM'); await new Promise(() => setInterval(() => {}, 1000))",
    code: 143,
    state: "failed",
  },
];

async function runScript(id: string, body: string): Promise<number | null> {
  // Beside this file, so that the package is found by its name.
  const folder = join(import.meta.dirname, "..", "node_modules", ".sdk-test");
  mkdirSync(folder, { recursive: true });
  const script = join(folder, `${id}.mjs`);
  writeFileSync(
    script,
    `import { init } from "steelyard";
const run = await init({ id: ${JSON.stringify(id)}, project: "sdk" });
for (let step = 0; step < 200; step++) run.log({ step });
${body};\n`,
  );
  const child = spawn(process.execPath, [script], {
    stdio: "ignore",
    env: { ...process.env, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, WANDB_DIR: dir },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  rmSync(script);
  return code;
}

for (const [index, { end, code, state }] of ENDS.entries()) {
  test(`a process that ends by ${end || "its last line"}`, async () => {
    const id = `end-${index}`;
    assert.equal(await runScript(id, end), code);
    const got = await read(id);
    assert.equal(got.state, state);
    assert.deepEqual(
      rowsOf(got).map((row) => row.step),
      Array.from({ length: 200 }, (_, step) => step),
    );
  });
}

test("a process that leaves while the server is away ends soon, with a whole log", async () => {
  const began = performance.now();
  // Stopped, not ended: its connections are taken and never answered.
  const code = await runScript(
    "away",
    `process.kill(${server.pid()}, "SIGSTOP"); run.log({ step: 200 }); process.exit(2)`,
  );
  process.kill(server.pid(), "SIGCONT");
  assert.equal(code, 2);
  assert.ok(performance.now() - began < 12_000);
  const [log = ""] = globSync(join(dir, "wandb", "run-*-away", "run-away.wandb"));
  const { records, damage } = readRecordLog(new Uint8Array(readFileSync(log)));
  assert.deepEqual(damage, []);
  assert.ok(records.length >= 204);
});

const python = join(process.env.STEELYARD_TEST_VENVS ?? "", "0.18.7", "bin", "python");
test("the official reader reads our log", {
  skip: existsSync(python) ? false : "no Python client 0.18.7 here",
}, async () => {
  const run = await start({ id: "reader", mode: "offline", config: { lr: 0.1 }, tags: ["t"] });
  for (let step = 0; step < 2000; step++) run.log({ x: step / 3, "a.b": Number.NaN });
  run.log({ text: "한글".repeat(30_000) });
  await run.finish(1);
  const [log = ""] = globSync(join(dir, "wandb", "offline-run-*-reader", "run-reader.wandb"));
  const child = spawn(python, [
    "-c",
    `
import sys, json
from wandb.sdk.internal import datastore
from wandb.proto import wandb_internal_pb2 as pb
store = datastore.DataStore(); store.open_for_scan(sys.argv[1])
rows = []; kinds = []
while True:
    data = store.scan_data()
    if data is None: break
    record = pb.Record(); record.ParseFromString(data)
    kind = record.WhichOneof("record_type")
    if kind == "history": rows.append([record.history.step.num, {i.nested_key[0]: i.value_json for i in record.history.item}])
    else: kinds.append(kind)
    if kind == "exit": code = record.exit.exit_code
    if kind == "run": run = [record.run.run_id, record.run.project, list(record.run.tags), {(i.key or i.nested_key[0]): i.value_json for i in record.run.config.update}]
print(json.dumps([rows, kinds, code, run]))`,
    log,
  ]);
  let text = "";
  child.stdout.on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  const [rows, kinds, code, fields] = JSON.parse(text) as [
    [number, Record<string, string>][],
    string[],
    number,
    unknown[],
  ];
  assert.equal(rows.length, 2001);
  for (const [index, [step, row]] of rows.slice(0, 2000).entries()) {
    assert.equal(step, index);
    assert.equal(row.x, String(index / 3));
    assert.equal(row["a.b"], "NaN");
  }
  assert.equal(rows[2000]?.[1].text, JSON.stringify("한글".repeat(30_000)));
  assert.equal(code, 1);
  assert.deepEqual(fields, ["reader", "sdk", ["t"], { lr: "0.1" }]);
  assert.deepEqual(kinds.slice(0, 2), ["header", "run"]);
});
