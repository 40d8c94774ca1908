import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { InitOptions } from "steelyard";
import { readLoggedRun } from "steelyard/command-line";
import {
  exitOf,
  type Ground,
  logsOf,
  openGround,
  readRun,
  rowsOf,
  startScript,
  valuesOf,
} from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

/** Strict mode: what is lost or mixed is an error, and a row is in the log before anything else happens to it. */
let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("strict", { strict: true, silent: true });
  ({ server, dir } = ground);
});
after(() => ground.close());

const strict = (options: InitOptions) => ground.start(options);
const logged = (id: string) => readLoggedRun(new Uint8Array(readFileSync(logsOf(dir, id)[0] ?? "")));

test("a strict run's log has each row, and what it is read by, when the call returns; the server gets the same", async () => {
  const run = await strict({ id: "each", config: { lr: 1 } });
  run.defineMetric("best", { summary: "max" });
  for (let n = 0; n < 300; n++) {
    run.log(n % 3 === 0 ? { n, best: 1 - n, text: `${n}` } : { n, best: 1 - n });
    if (n % 50 === 0) {
      const { history, losses } = logged("each");
      assert.equal(history.length, n + 1);
      assert.match(history.at(-1) ?? "", new RegExp(`"n":${n},.*"_step":${n}`));
      assert.deepEqual(losses, []);
    }
  }
  run.config.lr = 2;
  run.summary.note = "set";
  const { config, summaryJson } = logged("each");
  assert.deepEqual(JSON.parse(config.json).lr, { value: 2 });
  const summary = JSON.parse(summaryJson) as Record<string, unknown>;
  assert.deepEqual([summary.best, summary.note], [{ max: 1 }, "set"]);
  await run.finish();
  const got = await readRun(server, "each");
  assert.deepEqual(
    rowsOf(got).map(valuesOf),
    Array.from({ length: 300 }, (_, n) => ({ n, best: 1 - n, ...(n % 3 === 0 ? { text: `${n}` } : {}) })),
  );
  assert.equal(logged("each").history.length, 300);
});

test("WANDB_STRICT: a late step and a row for a finished run are thrown, and the run goes on", async () => {
  const run = await strict({ id: "late" });
  run.log({ x: 1 }, { step: 5, commit: true });
  assert.throws(() => run.log({ x: 2 }, { step: 3 }), /a row for step 3 was not recorded.*at step 6/);
  run.log({ x: 3 });
  await run.finish();
  assert.throws(() => run.log({ x: 4 }), /run late is finished/);
  assert.throws(() => {
    run.config.x = 1;
  }, /run late is finished/);
  const got = rowsOf(await readRun(server, "late"));
  assert.deepEqual(
    got.map(({ _step, x }) => [_step, x]),
    [
      [5, 1],
      [6, 3],
    ],
  );
});

test("WANDB_RESUME, WANDB_STRICT: an id that is taken is an error that touches nothing", async () => {
  const first = await strict({ id: "taken", name: "mine", config: { a: 1 } });
  first.log({ x: 1 });
  await first.finish();
  const before = await readRun(server, "taken");
  await assert.rejects(
    strict({ id: "taken", name: "other", config: { a: 2 } }),
    /the run taken exists in sdk.*choose another id, or set WANDB_RESUME=allow/,
  );
  assert.deepEqual(await readRun(server, "taken"), before);
  const again = await strict({ id: "taken", resume: "allow" });
  assert.equal(again.step, 1);
  await again.finish();
});

test("a disk that is full is an error of the very call whose row is not recorded, and of no line for the console", async () => {
  const child = startScript(
    server,
    dir,
    "strict-full",
    `const { appendFileSync, rmSync } = await import("node:fs");
let row = 0;
try { for (;; row++) run.log({ row }); } catch (error) { console.log(row, error.message); run.writeLogs("x".repeat(10_000)); }
process.exit(0);`,
    { init: `mode: "offline", strict: true, silent: true`, fileLimitKb: 100 },
  );
  let said = "";
  child.stdout?.on("data", (text) => {
    said += text;
  });
  assert.equal(await exitOf(child), 0);
  const [, row, message] = /^(\d+) (.*)/.exec(said) ?? [];
  assert.match(message ?? "", /^not recorded: .*run-strict-full\.wandb cannot be written \(EFBIG/);
  assert.equal(logged("strict-full").history.length, Number(row));
});
