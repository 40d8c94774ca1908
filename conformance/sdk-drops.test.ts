import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { decodeSeries } from "@steelyard/protocol/series";
import { type Dropped, DroppedError, type InitOptions, type Run } from "steelyard";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import {
  exitOf,
  type Ground,
  logsOf,
  openGround,
  PROJECT,
  readRun,
  rowsOf,
  startScript,
  valuesOf,
} from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("drops");
  ({ server, dir } = ground);
});
after(() => ground.close());

const start = (options: InitOptions) => ground.start(options);

/** Steps 0 to 9, then three that are past, then one more. */
function logLate(run: Run): void {
  run.defineMetric("loss", { summary: "min,last" });
  for (let step = 0; step < 10; step++) run.log({ loss: 10 - step, plain: step });
  run.log({ loss: 0.5, plain: 99 }, { step: 3 });
  run.log({ "eval/accuracy": 0.7 }, { step: 3 });
  run.log({ "eval/accuracy": 0.8, note: "late" }, { step: 7 });
  assert.equal(run.step, 10);
  run.log({ plain: 10 });
}

async function assertLate(id: string, why?: string): Promise<void> {
  const got = await readRun(server, id);
  const rows = rowsOf(got);
  assert.equal(got.historyLineCount, 14, why);
  // In their places, whatever the order they came in.
  assert.deepEqual(
    rows.map((row) => row._step),
    rows.map((row) => row._step).sort((a, b) => a - b),
    why,
  );
  const at = (step: number) => rows.filter((row) => row._step === step).map(valuesOf);
  assert.deepEqual(
    Object.assign({}, ...at(7)),
    { loss: 3, plain: 7, "eval/accuracy": 0.8, note: "late" },
    why,
  );
  assert.ok(
    at(3).some((row) => row["eval/accuracy"] === 0.7),
    why,
  );
  const summary = parseExtendedJson(got.summaryMetrics) as Record<string, unknown>;
  // What came after stays the last; what is counted over all rows counts them.
  assert.deepEqual(
    [summary.plain, summary.loss, summary["eval/accuracy"], summary.note, summary._step],
    [10, { min: 0.5, last: 1 }, 0.8, "late", 10],
    why,
  );
}

test("STEELYARD_LATE_STEPS: rows for steps that are past are shown at their steps, live and from the log", async () => {
  const run = await start({ id: "late-live", lateSteps: "send", resume: "allow" });
  logLate(run);
  assert.deepEqual([run.summary.plain, run.summary.loss], [10, { min: 0.5, last: 1 }]);
  run.log({ "eval/accuracy": 0.8 }, { step: 5 });
  await run.finish();
  const again = await start({ id: "late-live", resume: "must", lateSteps: "send" });
  // The last row was a late one: the run goes on behind the furthest.
  assert.equal(again.step, 11);
  again.log({ "eval/accuracy": 0.1 }, { step: 4 });
  await again.finish();
  const { historyLineCount, summaryMetrics } = await readRun(server, "late-live");
  assert.equal(historyLineCount, 16);
  assert.equal((JSON.parse(summaryMetrics) as Record<string, unknown>)._step, 10);

  for (const [id, by] of [
    ["late-ours", "steelyard"],
    ...(newestClient ? [["late-theirs", newestClient] as const] : []),
  ] as const) {
    const offline = await start({ id, mode: "offline", lateSteps: "send" });
    logLate(offline);
    await offline.finish();
    const [log = ""] = logsOf(dir, id);
    const { err } =
      by === "steelyard"
        ? await runCommand(process.execPath, [MAIN, "sync", dirname(log)], {
            cwd: dir,
            environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
          })
        : { err: (await runScript(by, "sync_log.py", server, { args: [dirname(log)] })).stderr };
    if (by === "steelyard") await assertLate(id, err);
    else assert.equal((await readRun(server, id)).historyLineCount, 14, err);
  }
  const live = await start({ id: "late-only", lateSteps: "send" });
  logLate(live);
  await live.finish();
  await assertLate("late-only");
  // As a chart asks for it.
  const questions = [{ keys: ["loss", "eval/accuracy"] }];
  const asked = { entity: "admin", project: PROJECT, runs: ["late-only"], questions };
  const answer = await server.fetch("/api/v1/series", { method: "POST", body: JSON.stringify(asked) });
  const reply = decodeSeries(await answer.arrayBuffer());
  const drawn = reply.questions[0]?.series.map(({ xFirst, mean, min }) =>
    [...xFirst].map((x, at) => [x, mean[at], min[at]]),
  );
  const [loss = [], accuracy = []] = drawn ?? [];
  assert.deepEqual(
    loss.map(([x]) => x),
    loss.map(([x]) => x).sort((a, b) => (a ?? 0) - (b ?? 0)),
  );
  assert.equal(Math.min(...loss.filter(([x]) => x === 3).map(([, , min]) => min ?? 0)), 0.5);
  assert.deepEqual(accuracy, [
    [3, 0.7, 0.7],
    [7, 0.8, 0.8],
  ]);
});

test("STEELYARD_ON_DROP: what is lost is printed, or told the listeners alone, or thrown", async () => {
  const body = `const heard = []; run.on("dropped", (dropped) => heard.push(dropped));
for (let step = 0; step < 5; step++) run.log({ step });
let thrown = 0;
for (let step = 0; step < 3; step++) try { run.log({ late: 1 }, { step }); } catch (error) { if (error.name !== "DroppedError") throw error; thrown++; }
run.log({ text: "x".repeat(11e6) });
let ended = ""; try { await run.finish(); } catch (error) { ended = error.dropped.kind; }
console.log(JSON.stringify({ heard: heard.map(({ kind, step, kept }) => [kind, step, kept]), thrown, ended }));`;
  const heard = [
    ["late-step", 0, false],
    ["late-step", 1, false],
    ["late-step", 2, false],
    ["long-row", 5, true],
  ];
  for (const [policy, said, thrown, ended] of [
    [
      undefined,
      [
        /a row for step 0 was not recorded.*at step 5.*lateSteps/,
        /a row of 110\d+ bytes is not sent.*kept in/,
        /3 rows for steps that were past/,
      ],
      0,
      "",
    ],
    ["event", [], 0, ""],
    ["error", [], 3, "long-row"],
  ] as const) {
    const before = process.env.STEELYARD_ON_DROP;
    if (policy) process.env.STEELYARD_ON_DROP = policy;
    const child = startScript(server, dir, `drop-${policy ?? "unset"}`, body, { init: "console: false" });
    if (before === undefined) delete process.env.STEELYARD_ON_DROP;
    const got = { out: "", err: "" };
    child.stdout?.on("data", (part) => {
      got.out += part;
    });
    child.stderr?.on("data", (part) => {
      got.err += part;
    });
    assert.equal(await exitOf(child), 0, got.err);
    assert.deepEqual(JSON.parse(got.out), { heard, thrown, ended }, policy);
    const told = got.err.split("\n").filter((line) => /not recorded|not sent/.test(line));
    assert.equal(told.length, said.length, got.err);
    for (const [index, pattern] of said.entries()) assert.match(told[index] ?? "", pattern);
    const run = await readRun(server, `drop-${policy ?? "unset"}`);
    assert.deepEqual([run.state, run.historyLineCount], ["finished", 5]);
  }
});

test("a run that is over tells of what it is told still, by its policy", async () => {
  const run = await start({ id: "over", onDrop: "error" });
  const heard: Dropped[] = [];
  const stop = run.on("dropped", (dropped) => heard.push(dropped));
  await run.finish();
  assert.throws(() => run.log({ x: 1 }), DroppedError);
  stop();
  assert.throws(() => run.summary.set("x", 1), DroppedError);
  assert.deepEqual(
    heard.map(({ kind, kept }) => [kind, kept]),
    [["finished", false]],
  );
  assert.throws(() => run.on("lost" as "dropped", () => {}), /no event "lost"; it has "dropped"/);
});
