import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { readRecord } from "@steelyard/protocol/records";
import type { DefineMetricOptions, InitOptions, Run } from "steelyard";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import { type Ground, logsOf, openGround, readLog, readRun, rowsOf, valuesOf } from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("metrics");
  ({ server, dir } = ground);
});
after(() => ground.close());

const start = (options: InitOptions) => ground.start(options);

type Call = { define: [name: string, options?: DefineMetricOptions] } | { log: Record<string, unknown> };

const row = (step: number) => ({
  ...Object.fromEntries([..."abcdefgh"].map((key) => [key, 3 - step])),
  "val/x": 3 - step,
  "val/long/y": step,
  nested: { deep: { x: step }, other: step },
  s: 10 * step,
  odd: step === 1 ? "NaN" : step,
  text: ["x", 2, "y"][step],
});

/** What both take; `best` and `goal` are ours alone since the official client dropped them. */
const CALLS: Call[] = [
  { define: ["a", { stepMetric: "s" }] },
  { define: ["b", { summary: "min,max" }] },
  { define: ["b", { summary: "mean" }] },
  { define: ["c", { hidden: true }] },
  { define: ["d", { summary: "none" }] },
  { define: ["e", { summary: "min" }] },
  { define: ["e", { summary: "none" }] },
  { define: ["f", { summary: "none" }] },
  { define: ["f", { summary: "max" }] },
  { define: ["g", { summary: "min,max", hidden: true }] },
  { define: ["g", { summary: "mean", overwrite: true }] },
  { define: ["h", { stepMetric: "t", stepSync: false }] },
  { define: ["h", { summary: "min" }] },
  { define: ["val/*", { summary: "first,last", stepMetric: "u" }] },
  { define: ["nested.deep.x", { summary: "max" }] },
  { define: ["odd", { summary: "min,max,mean,last" }] },
  { define: ["text", { summary: "first,last,min,mean" }] },
  { define: ["later", { summary: "copy" }] },
  { log: row(0) },
  { log: row(1) },
  { log: { nested: { more: 1 } } },
  { log: row(2) },
  { log: { later: 1 } },
];

function make(run: Run): void {
  for (const call of CALLS)
    if ("define" in call) run.defineMetric(...call.define);
    else
      run.log(
        Object.fromEntries(
          Object.entries(call.log).map(([key, value]) => [key, value === "NaN" ? Number.NaN : value]),
        ),
      );
}

/** In the words of the official client. */
function inPython(call: Call): unknown {
  if (!("define" in call)) return call;
  const [name, { stepMetric, stepSync, ...rest } = {}] = call.define;
  return {
    define: {
      name,
      ...rest,
      ...(stepMetric === undefined ? {} : { step_metric: stepMetric }),
      ...(stepSync === undefined ? {} : { step_sync: stepSync }),
    },
  };
}

/** Definitions by name, the step metric by its name too: their order means nothing. */
function definitionsOf(config: string): Record<string, unknown> {
  const { m } = JSON.parse(config)._wandb.value as { m: Record<string, string & number & number[]>[] };
  return Object.fromEntries(
    m.map(({ "1": name, "2": glob, "5": index, "6": options, "7": summary, ...more }) => [
      name ?? glob,
      {
        glob: glob !== undefined,
        step: index === undefined ? undefined : m[index - 1]?.[1],
        options: [...(options as unknown as number[])].sort(),
        summary: [...(summary as unknown as number[])].sort(),
        ...more,
      },
    ]),
  );
}

const withoutClock = (summary: string) =>
  Object.fromEntries(
    Object.entries(parseExtendedJson(summary) as object).filter(
      ([key]) => !["_timestamp", "_runtime", "_wandb"].includes(key),
    ),
  );

/** Definitions in a log, one record each. */
const recordsOf = (id: string, folder = dir) =>
  readLog(logsOf(folder, id)[0])
    .records.map((bytes) => readRecord(bytes))
    .flatMap((record) => (record.kind === "metric" ? [record.metric] : []));

test("definitions, rows and summary are those of the official client, live and from the log", {
  skip: newestClient ? false : "no Python client is installed",
}, async () => {
  const run = await start({ id: "metrics-ours" });
  make(run);
  const seen = run.summary.toJSON();
  await run.finish();
  const offline = await start({ id: "metrics-log", mode: "offline" });
  make(offline);
  await offline.finish();
  await runCommand(process.execPath, [MAIN, "sync", dirname(logsOf(dir, "metrics-log")[0] ?? "")], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  const { code, stderr } = await runScript(newestClient as string, "define_metric.py", server, {
    args: ["metrics-theirs", JSON.stringify(CALLS.map(inPython))],
    env: { WANDB_DIR: dir },
  });
  assert.equal(code, 0, stderr);
  const [ours, log, theirs] = await Promise.all(
    ["metrics-ours", "metrics-log", "metrics-theirs"].map((id) => readRun(server, id)),
  );
  assert.ok(ours && log && theirs);
  for (const [name, got] of [
    ["live", ours],
    ["from the log", log],
  ] as const) {
    assert.deepEqual(definitionsOf(got.config), definitionsOf(theirs.config), name);
    assert.deepEqual(withoutClock(got.summaryMetrics), withoutClock(theirs.summaryMetrics), name);
    assert.deepEqual(rowsOf(got).map(valuesOf), rowsOf(theirs).map(valuesOf), name);
  }
  // What the program reads is what the server has.
  const { _step, ...rest } = withoutClock(theirs.summaryMetrics);
  assert.deepEqual([seen, _step], [rest, 4]);
  assert.deepEqual(recordsOf("metrics-ours"), recordsOf("metrics-theirs"));
});

test("best keeps the minimum or, by the goal, the maximum; over a resume too; in the config is the goal alone", async () => {
  const run = await start({ id: "best", resume: "allow" });
  run.defineMetric("loss", { summary: "best,last", goal: "minimize" });
  run.defineMetric("accuracy", { summary: "best", goal: "maximize" });
  run.defineMetric("error/*", { summary: "best,first" });
  for (const value of [3, 1, 2]) run.log({ loss: value, accuracy: value, "error/top1": value });
  assert.deepEqual(run.summary.toJSON(), {
    loss: { best: 1, last: 2 },
    accuracy: { best: 3 },
    "error/top1": { best: 1, first: 3 },
  });
  await run.finish();
  const got = await readRun(server, "best");
  assert.deepEqual(definitionsOf(got.config), {
    loss: { glob: false, step: undefined, options: [3], summary: [5], "8": 1 },
    accuracy: { glob: false, step: undefined, options: [3], summary: [], "8": 2 },
    "error/*": { glob: true, step: undefined, options: [], summary: [8] },
  });
  assert.deepEqual((parseExtendedJson(got.summaryMetrics) as Record<string, unknown>).accuracy, { best: 3 });
  const again = await start({ id: "best", resume: "must" });
  again.defineMetric("loss", { summary: "best,last", goal: "minimize" });
  again.defineMetric("accuracy", { summary: "best", goal: "maximize" });
  again.log({ loss: 5, accuracy: 2 });
  await again.finish();
  const { loss, accuracy } = parseExtendedJson((await readRun(server, "best")).summaryMetrics) as Record<
    string,
    unknown
  >;
  assert.deepEqual([loss, accuracy], [{ best: 1, last: 5 }, { best: 3 }]);
  for (const [options, said] of [
    [{ goal: "up" as "minimize" }, /goal "up" is not known; use minimize or maximize/],
    [{ summary: "median" }, /summary "median" is not known; use min, max/],
    [{ summary: ["min"] as unknown as string }, /summary is a text such as "min,max", not \["min"\]/],
    [{ stepMetric: "s*" }, /stepMetric is one key/],
  ] as const)
    assert.throws(() => run.defineMetric("x", options), said);
});

test("a step metric: overwritten, taken away, below a nested key, and by the longest pattern", async () => {
  const run = await start({ id: "steps" });
  run.defineMetric("a", { stepMetric: "epoch" });
  run.defineMetric("nested.x", { stepMetric: "batch" });
  run.defineMetric("val/*", { stepMetric: "epoch" });
  run.defineMetric("val/fast/*", { stepMetric: "batch" });
  run.log({ epoch: 1, batch: 10 });
  run.log({ a: 1 });
  run.log({ nested: { x: 1 } });
  run.log({ "val/fast/x": 1 });
  run.defineMetric("a", { overwrite: true });
  run.log({ a: 2 });
  run.defineMetric("a", { stepMetric: "batch" });
  run.log({ a: 3 });
  await run.finish();
  assert.deepEqual(rowsOf(await readRun(server, "steps")).map(valuesOf), [
    { epoch: 1, batch: 10 },
    { a: 1, epoch: 1 },
    { nested: { x: 1 }, batch: 10 },
    { "val/fast/x": 1, batch: 10 },
    { a: 2 },
    { a: 3, batch: 10 },
  ]);
});
