import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { InitOptions } from "steelyard";
import { runCommand } from "./command.ts";
import {
  exitOf,
  findRun,
  type Ground,
  logsOf,
  openGround,
  readRun,
  rowsOf,
  startScript,
} from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

/** Runs that go on: after a kill, from a step of their own or of another run, and without a server. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("resume", { silent: true });
  ({ server, dir } = ground);
});
after(() => ground.close());

const start = (options: InitOptions) => ground.start(options);
/** A run of so many rows that was ended; `part` = what its rows say. */
async function run(rows: number, part: string, options: InitOptions): Promise<string> {
  const run = await start(options);
  for (let n = 0; n < rows; n++) run.log({ part, n });
  await run.finish();
  return run.id;
}
async function withVariable<T>(name: string, value: string, work: () => Promise<T>): Promise<T> {
  process.env[name] = value;
  try {
    return await work();
  } finally {
    delete process.env[name];
  }
}
const sync = async (...args: string[]) => {
  const sent = await runCommand(process.execPath, [MAIN, "sync", ...args], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  assert.equal(sent.status, 0, sent.err);
  return sent;
};
const stepsOf = async (id: string) =>
  rowsOf(await readRun(server, id)).map(({ _step, part, n }) => `${_step} ${part} ${n}`);

test("WANDB_RUN_ID: the id as it was given is met where a run has it, else the dashed one; no other run is touched", async () => {
  await run(2, "raw", { id: "a.b" });
  const goOn = () => start({ resume: "allow" });
  const met = await withVariable("WANDB_RUN_ID", "a.b", goOn);
  assert.deepEqual([met.id, met.step, met.resumed], ["a.b", 2, true]);
  met.log({ part: "again", n: 0 });
  await met.finish();
  assert.deepEqual(await stepsOf("a.b"), ["0 raw 0", "1 raw 1", "2 again 0"]);
  assert.equal(await findRun(server, "a-b"), undefined);

  const fresh = await withVariable("WANDB_RUN_ID", "c.d", goOn);
  assert.deepEqual([fresh.id, fresh.resumed], ["c-d", false]);
  fresh.log({ part: "dashed", n: 0 });
  await fresh.finish();
  // Reading meets it by either, and tells which it is.
  assert.equal((await readRun(server, "c.d")).history.length, 1);
  // Writing never does: an id in code is another run.
  await run(1, "other", { id: "c.d", resume: "never" });
  assert.deepEqual([await stepsOf("c.d"), await stepsOf("c-d")], [["0 other 0"], ["0 dashed 0"]]);
});

test("WANDB_RESUME: must says where it looked and what may have been meant", async () => {
  await run(1, "x", { id: "training-7", name: "the good one" });
  await assert.rejects(start({ id: "trainin-7", resume: "must" }), (error: Error) => {
    assert.match(
      error.message,
      /there is no run trainin-7 in sdk at http:.*did you mean training-7 \(named the good one\)\?.*WANDB_RUN_ID/,
    );
    return true;
  });
  await assert.rejects(
    start({ id: "the good one", resume: "must" }),
    /did you mean training-7 \(named the good one\)/,
  );
  await assert.rejects(
    start({ id: "zzzzzz", resume: "must" }),
    /no run there has an id like it\. Check WANDB_RUN_ID/,
  );
  await assert.rejects(
    start({ id: "x", project: "nowhere", resume: "must" }),
    /in nowhere at .*there is no such project/,
  );
});

test("WANDB_RESUME: auto goes on with the run whose process was killed", async () => {
  const own = mkdtempSync(join(tmpdir(), "steelyard-auto-"));
  try {
    const child = startScript(
      server,
      own,
      "auto-killed",
      `for (let n = 0; n < 100; n++) run.log({ part: "killed", n });
setInterval(() => {}, 1000);
console.log(run.id);`,
      { init: `id: undefined, resume: "auto", console: false` },
    );
    const [said] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const id = said.toString().trim();
    child.kill("SIGKILL");
    await exitOf(child);
    const again = await start({ resume: "auto", dir: own });
    assert.equal(again.id, id);
    const before = (await readRun(server, id)).history.length;
    assert.equal(again.step, before);
    again.log({ part: "again", n: 0 });
    await again.finish();
    assert.equal((await readRun(server, id)).history.length, before + 1);
    assert.equal((await readRun(server, id)).state, "finished");
    const other = await start({ resume: "auto", dir: own });
    assert.notEqual(other.id, id);
    await other.finish();
  } finally {
    rmSync(own, { recursive: true });
  }
});

test("WANDB_RESUME_FROM: a run is taken back to a step and goes on from there", async () => {
  await run(10, "first", { id: "rewound", config: { kept: 1 } });
  const again = await withVariable("WANDB_RESUME_FROM", "rewound?_step=4", () => start({}));
  assert.deepEqual([again.id, again.step, again.resumed, again.config.kept], ["rewound", 5, true, 1]);
  assert.equal(again.summary.n, 4);
  for (let n = 0; n < 2; n++) again.log({ part: "second", n });
  await again.finish();
  assert.deepEqual(await stepsOf("rewound"), [
    ...Array.from({ length: 5 }, (_, n) => `${n} first ${n}`),
    "5 second 0",
    "6 second 1",
  ]);
  await assert.rejects(
    start({ resumeFrom: "no-such-run?_step=1" }),
    /the run no-such-run cannot be taken back to step 1/,
  );
});

test("WANDB_FORK_FROM: a new run begins with the history of another up to a step", async () => {
  await run(10, "parent", { id: "parent" });
  const fork = await withVariable("WANDB_FORK_FROM", "parent?_step=2", () => start({ id: "child" }));
  assert.deepEqual([fork.id, fork.step, fork.resumed], ["child", 3, false]);
  for (let n = 0; n < 2; n++) fork.log({ part: "child", n });
  fork.config.lr = 1;
  await fork.finish();
  assert.deepEqual(await stepsOf("child"), [
    "0 parent 0",
    "1 parent 1",
    "2 parent 2",
    "3 child 0",
    "4 child 1",
  ]);
  assert.equal((await stepsOf("parent")).length, 10);
  const { config } = await readRun(server, "child");
  assert.deepEqual(JSON.parse(config)._wandb.value.branch_point, { run_id: "parent", step: 2 });
  await assert.rejects(
    start({ forkFrom: "nobody?_step=1" }),
    /run nobody to fork from is not in this project/,
  );
});

test("offline, a run goes on from its own logs; sent in whatever order, they become one run", async () => {
  const offline = (options: InitOptions) => start({ id: "parts", mode: "offline", ...options });
  const first = await offline({ config: { lr: 1 } });
  for (let n = 0; n < 3; n++) first.log({ part: "first", n });
  await first.finish(1);
  await assert.rejects(offline({ resume: "never" }), /the run parts has a log in/);
  for (const part of ["second", "third"]) {
    const next = await offline({ resume: "must" });
    assert.deepEqual([next.resumed, next.config.lr], [true, 1]);
    assert.equal(next.step, part === "second" ? 3 : 5);
    for (let n = 0; n < 2; n++) next.log({ part, n });
    await next.finish();
  }
  const logs = logsOf(dir, "parts").filter((log) => existsSync(log));
  assert.equal(logs.length, 3);
  const whole = ["0 first 0", "1 first 1", "2 first 2", "3 second 0", "4 second 1", "5 third 0", "6 third 1"];
  // The last one alone: those that it goes on from are sent with it.
  await sync(logs[2] ?? "");
  assert.deepEqual(await stepsOf("parts"), whole);
  // Again, all of them: nothing is doubled.
  await sync("--include-synced", ...logs);
  assert.deepEqual(await stepsOf("parts"), whole);
  assert.equal((await readRun(server, "parts")).state, "finished");
});

test("offline, a run that only the server has is settled when it is sent: behind what is there then", async () => {
  await run(4, "online", { id: "settled" });
  const own = mkdtempSync(join(tmpdir(), "steelyard-settled-"));
  try {
    const away = await start({ id: "settled", mode: "offline", resume: "allow", dir: own });
    assert.equal(away.step, 0);
    for (let n = 0; n < 2; n++) away.log({ part: "offline", n });
    await away.finish();
    const [log = ""] = logsOf(own, "settled");
    const whole = [...Array.from({ length: 4 }, (_, n) => `${n} online ${n}`), "4 offline 0", "5 offline 1"];
    await sync(log);
    assert.deepEqual(await stepsOf("settled"), whole);
    await sync("--include-synced", log);
    assert.deepEqual(await stepsOf("settled"), whole);
  } finally {
    rmSync(own, { recursive: true });
  }
  await assert.rejects(
    start({ id: "nothing-here", mode: "offline", resume: "must" }),
    /there is no log of a run nothing-here in .*offline no server is asked/,
  );
});

test("offline, rewinding and forking happen when the log is sent", async () => {
  await run(6, "base", { id: "base" });
  const back = await start({ mode: "offline", resumeFrom: "base?_step=1" });
  assert.deepEqual([back.id, back.step], ["base", 2]);
  back.log({ part: "back", n: 0 });
  await back.finish();
  const fork = await start({ mode: "offline", id: "branch", forkFrom: "base?_step=1" });
  assert.equal(fork.step, 2);
  fork.log({ part: "fork", n: 0 });
  await fork.finish();
  assert.equal((await stepsOf("base")).length, 6);
  await sync(logsOf(dir, "base").find((log) => log.includes("/offline-")) ?? "");
  assert.deepEqual(await stepsOf("base"), ["0 base 0", "1 base 1", "2 back 0"]);
  await sync(logsOf(dir, "branch")[0] ?? "");
  assert.deepEqual(await stepsOf("branch"), ["0 base 0", "1 base 1", "2 fork 0"]);
});
