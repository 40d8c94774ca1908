import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import threads, { type MessagePort, type Worker } from "node:worker_threads";
import type { Run } from "steelyard";
import { readLoggedRun } from "steelyard/command-line";
import { runCommand } from "./command.ts";
import {
  exitOf,
  type Ground,
  logsOf,
  openGround,
  PATIENT,
  readRun,
  rowsOf,
  startScript,
  until,
  valuesOf,
} from "./sdk-runs.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

/** The threads and channels of this process, as the SDK starts them. */
const started: Worker[] = [];
const alive = new Set<Worker>();
const ports: MessagePort[] = [];
let mostAlive = 0;
const { Worker: AnyWorker, MessageChannel: AnyChannel } = threads;
threads.Worker = class extends AnyWorker {
  constructor(...given: ConstructorParameters<typeof AnyWorker>) {
    super(...given);
    started.push(this);
    alive.add(this);
    mostAlive = Math.max(mostAlive, alive.size);
    this.once("exit", () => alive.delete(this));
  }
};
threads.MessageChannel = class extends AnyChannel {
  constructor() {
    super();
    ports.push(this.port1);
  }
};
syncBuiltinESMExports();

const MOST = Math.min(4, availableParallelism());
let ground: Ground;
before(async () => {
  ground = await openGround("threads");
});
after(() => ground.close());

/** What is printed while it works. */
async function errorsOf(work: () => Promise<void>): Promise<string> {
  const write = process.stderr.write;
  let text = "";
  process.stderr.write = ((part: string) => {
    text += part;
    return true;
  }) as typeof write;
  try {
    await work();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

const refusals = (text: string) => text.match(/ERROR the run cannot go on: .*/g) ?? [];

const hasCrashed = (run: Run) => readdirSync(join(run.dir, "../logs")).includes("crash.txt");

async function log(runs: readonly Run[], rows: number): Promise<void> {
  for (let row = 0; row < rows; row++) {
    for (const [place, run] of runs.entries()) run.log({ row, place, half: row / 2 });
    if (row % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function holdsAll(id: string, place: number, rows: number): Promise<void> {
  const got = await readRun(ground.server, id);
  assert.equal(got.state, "finished", id);
  assert.deepEqual(
    rowsOf(got).map(valuesOf),
    Array.from({ length: rows }, (_, row) => ({ row, place, half: row / 2 })),
    id,
  );
  const { row, best } = JSON.parse(got.summaryMetrics) as Record<string, unknown>;
  assert.deepEqual([row, best], [rows - 1, place], id);
}

test("50 runs at once share a few threads: each has its rows and its summary, and those that fail fail alone", async () => {
  const runs: Run[] = [];
  const errors = await errorsOf(async () => {
    runs.push(
      ...(await Promise.all(Array.from({ length: 50 }, (_, place) => ground.start({ id: `many-${place}` })))),
    );
    for (const [place, run] of runs.entries()) run.summary.best = place;
    await log(runs, 150);
    await until("all are at work", () =>
      runs.every((run) => existsSync(join(run.dir, "wandb-metadata.json"))),
    );
    // One whose thread meets what it cannot read, and one that finds a folder where it writes a file.
    ports[7]?.postMessage({ kind: "shape", id: 0 });
    await until("the run has failed", () => runs.some(hasCrashed));
    mkdirSync(join(runs.find((run) => !hasCrashed(run))?.dir ?? "", "config.yaml"));
    await Promise.all(runs.map((run) => run.finish()));
  });
  assert.ok(mostAlive <= MOST, `${mostAlive} threads`);
  assert.equal(started.length, mostAlive);
  assert.equal(refusals(errors).length, 2, errors);
  assert.match(errors, /cannot go on: EISDIR/);
  const failed = runs.filter(hasCrashed);
  assert.equal(failed.length, 2);
  for (const [place, run] of runs.entries()) if (!failed.includes(run)) await holdsAll(run.id, place, 150);
});

test("runs one after the other share a thread, which knows the variables of its program", async () => {
  const before = started.length;
  const jobs: unknown[] = [];
  const given = ["1", "2", "3", "4", "5"];
  for (const job of given) {
    process.env.SLURM_JOB_ID = job;
    const run = await ground.start({ id: `next-${job}`, silent: true });
    run.log({ job });
    await run.finish();
    const metadata = JSON.parse(readFileSync(join(run.dir, "wandb-metadata.json"), "utf8"));
    jobs.push(metadata.slurm?.job_id);
  }
  delete process.env.SLURM_JOB_ID;
  // Where all is slow a thread may end before the next run comes.
  assert.ok(started.length - before < given.length, `${started.length - before} threads`);
  assert.deepEqual(jobs, given);
});

test("a thread that dies ends all of its runs with an error, those that just finish too, and no others; the next run has another", async () => {
  const ids = Array.from({ length: 3 * MOST }, (_, place) => `dying-${place}`);
  const runs = await Promise.all(ids.map((id) => ground.start({ id, silent: true })));
  await log(runs, 100);
  await until("the logs have the rows", () => runs.every((run) => loggedRows(run.id) === 100));
  const ending: Promise<void>[] = [];
  // The server answers nothing: what ends now ends by its thread's end.
  process.kill(ground.server.pid(), "SIGSTOP");
  try {
    ending.push(...runs.slice(0, 2 * MOST).map((run) => run.finish()));
    // The newest has runs, whichever of those before have ended.
    const died = once(started.at(-1) as Worker, "exit");
    await started.at(-1)?.terminate();
    await died;
  } finally {
    process.kill(ground.server.pid(), "SIGCONT");
  }
  await Promise.all([...ending, ...runs.map((run) => run.finish())]);
  const dead = runs.filter(hasCrashed);
  assert.equal(dead.length, 3);
  for (const run of runs) {
    assert.equal(loggedRows(run.id), 100, run.id);
    if (!dead.includes(run)) assert.equal((await readRun(ground.server, run.id)).state, "finished");
  }
  const next = await ground.start({ id: "after-dying", silent: true });
  next.log({ x: 1 });
  await next.finish();
  assert.equal((await readRun(ground.server, "after-dying")).state, "finished");
});

const loggedRows = (id: string) =>
  readLoggedRun(new Uint8Array(readFileSync(logsOf(ground.dir, id)[0] ?? ""))).history.length;

for (const [name, end, code, state] of [
  ["its last line", "", 0, "finished"],
  ["process.exit", "process.exit(3)", 3, "failed"],
] as const)
  test(`a process of several runs that ends by ${name} ends each`, async () => {
    const ids = Array.from({ length: 6 }, (_, place) => `left-${code}-${place}`);
    const [first = "", ...more] = ids;
    const child = startScript(
      ground.server,
      ground.dir,
      first,
      `const runs = [run, ...await Promise.all(${JSON.stringify(more)}.map((id) => steelyard.init({ id, project: "sdk" })))];
for (let row = 0; row < 100; row++) for (const one of runs) one.log({ row });
${end}`,
      { environment: PATIENT },
    );
    assert.equal(await exitOf(child), code);
    for (const id of ids) {
      const got = await readRun(ground.server, id);
      assert.equal(got.state, state, id);
      assert.equal(rowsOf(got).length, 100, id);
    }
  });

/** How long a process that leaves waits for its runs while the server answers nothing, and what it says then. */
async function leaveWithout(
  ids: readonly string[],
  end = "process.exit(0)",
): Promise<{ waitedMs: number; said: string }> {
  const [first = "", ...more] = ids;
  const child = startScript(
    ground.server,
    ground.dir,
    first,
    `const { writeSync } = await import("node:fs");
const runs = [run, ...await Promise.all(${JSON.stringify(more)}.map((id) => steelyard.init({ id, project: "sdk" })))];
for (let row = 0; row < 100; row++) for (const one of runs) one.log({ row });
process.kill(${ground.server.pid()}, "SIGSTOP");
const began = performance.now();
process.on("exit", () => writeSync(2, "waited " + (performance.now() - began) + "\\n"));
${end}`,
    { environment: { WANDB_FINISH_TIMEOUT: "3" } },
  );
  let said = "";
  child.stderr?.on("data", (text) => {
    said += text;
  });
  try {
    assert.equal(await exitOf(child), 0);
  } finally {
    process.kill(ground.server.pid(), "SIGCONT");
  }
  return { waitedMs: Number(/^waited (\S+)$/m.exec(said)?.[1]), said };
}

test("a process of many runs that leaves while the server is away waits for all of them at once, and says how they are sent", async () => {
  const one = await leaveWithout(["away-alone"]);
  assert.match(one.said, /WARNING the run did not get to the server whole before the process ended\n/);
  assert.match(
    one.said,
    /You can send this run to the server by running:\nsteelyard: steelyard sync \S+-away-alone\n/,
  );
  const ids = Array.from({ length: 12 }, (_, place) => `away-${place}`);
  const many = await leaveWithout(ids);
  assert.ok(many.waitedMs < one.waitedMs * 6, `${many.waitedMs} ms, one alone ${one.waitedMs} ms`);
  assert.match(many.said, /WARNING 12 of 12 runs did not get to the server whole before the process ended\n/);
  const command = /You can send these 12 runs to the server by running:\nsteelyard: steelyard sync (.*)/;
  const folders = command.exec(many.said)?.[1]?.split(" ") ?? [];
  assert.equal(folders.length, 12);
  const last = await leaveWithout(
    ids.slice(0, 4).map((id) => `${id}-last`),
    "",
  );
  assert.match(
    last.said,
    /WARNING 4 of 4 runs did not get .*\n.*You can send these 4 runs .*\n.* sync( \S+-away-\d-last){4}\n/,
  );
  assert.doesNotMatch(last.said, /send this run/);
  const synced = await runCommand(process.execPath, [MAIN, "sync", ...folders], {
    cwd: ground.dir,
    environment: { WANDB_BASE_URL: ground.server.url, WANDB_API_KEY: ground.server.apiKey },
  });
  assert.equal(synced.status, 0, synced.err);
  for (const id of ids) assert.equal(rowsOf(await readRun(ground.server, id)).length, 100, id);
});

test("a program without a descriptor left for a while goes on, and its runs do", async () => {
  const ids = ["few", "few-too"];
  const child = startScript(
    ground.server,
    ground.dir,
    "few",
    `const { closeSync, existsSync, openSync } = await import("node:fs");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const runs = [run, await steelyard.init({ id: "few-too", project: "sdk" })];
const log = (n) => runs.forEach((one) => one.log({ n }));
log(0);
while (!runs.every((one) => existsSync(one.dir + "/wandb-metadata.json"))) await sleep(20);
const taken = [];
try { for (;;) taken.push(openSync("/dev/null")); } catch (error) { console.log(error.code); }
// Memory is measured some times meanwhile.
for (let n = 1; n <= 30; n++) { log(n); await sleep(100); }
for (const one of taken) closeSync(one);
log(31);
await Promise.all(runs.map((one) => one.finish()));`,
    {
      descriptors: 128,
      environment: { ...PATIENT, WANDB_CONSOLE: "off", WANDB_X_STATS_SAMPLING_INTERVAL: "0.5" },
    },
  );
  let said = "";
  child.stdout?.on("data", (part) => {
    said += part;
  });
  assert.equal(await exitOf(child), 0);
  assert.match(said, /EMFILE/);
  for (const id of ids) {
    const got = await readRun(ground.server, id);
    assert.equal(got.state, "finished", id);
    assert.equal(rowsOf(got).length, 32, id);
  }
});

test("threads without runs end", () => until("all have ended", () => alive.size === 0));
