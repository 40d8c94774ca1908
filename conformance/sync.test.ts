import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { init } from "steelyard";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";
import { runCommand } from "./command.ts";
import { type RunningServer, startServer } from "./server.ts";
import { configOf, readSyncedRun, rowsOf, valuesOf } from "./synced-run.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-sync-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const sync = (...args: string[]) => steelyard("sync", ...args);
const steelyard = (...args: string[]) =>
  runCommand(process.execPath, [MAIN, ...args], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });

const read = (project: string, name: string) => readSyncedRun(server, project, name);

test("a log of the SDK is sent whole; options say where it goes", async () => {
  const run = await init({
    id: "own",
    mode: "offline",
    dir,
    project: "offline",
    console: false,
    silent: true,
    config: { lr: 0.1, deep: { a: [1] } },
    tags: ["old"],
  });
  for (let step = 0; step < 3000; step++) run.log({ x: step / 3, odd: step % 5 === 0 ? Number.NaN : step });
  run.log({ nested: { a: { b: "c" } } });
  await run.finish(0);
  const folder = join(dir, "wandb");
  const dry = await sync("--dry-run", folder);
  assert.match(dry.err, /Would sync 1 run\(s\):/);
  const sent = await sync(
    folder,
    "--json",
    "-p",
    "elsewhere",
    "--id",
    "renamed",
    "--replace-tags",
    "old=new",
  );
  assert.equal(sent.status, 0, sent.err);
  const [result] = JSON.parse(sent.out) as { run: string; project: string; rows: number; losses: string[] }[];
  assert.deepEqual(
    [result?.run, result?.project, result?.rows, result?.losses],
    ["renamed", "elsewhere", 3001, []],
  );
  const found = await read("elsewhere", "renamed");
  assert.deepEqual(rowsOf(found).map(valuesOf), [
    ...Array.from({ length: 3000 }, (_, step) => ({ x: step / 3, odd: step % 5 === 0 ? Number.NaN : step })),
    { nested: { a: { b: "c" } } },
  ]);
  assert.deepEqual(
    [found.state, found.tags, configOf(found)],
    ["finished", ["new"], { lr: 0.1, deep: { a: [1] } }],
  );
});

test("a damaged log gives what is whole before and after, and names the loss; one bad log does not stop others", async () => {
  const run = await init({
    id: "damaged",
    mode: "offline",
    dir: join(dir, "b"),
    project: "offline",
    console: false,
    silent: true,
  });
  for (let step = 0; step < 4000; step++) run.log({ x: step });
  await run.finish(0);
  const [good] = globSync(join(dir, "b/wandb/offline-run-*/run-damaged.wandb"));
  assert.ok(good);
  const bytes = readFileSync(good);
  bytes[100_000] = (bytes[100_000] ?? 0) ^ 255;
  writeFileSync(good, bytes);
  const cut = join(dir, "b/wandb/offline-run-20200101_000000-cut");
  cpSync(dirname(good), cut, { recursive: true });
  writeFileSync(join(cut, "run-damaged.wandb"), bytes.subarray(0, 60_000));
  mkdirSync(join(dir, "b/wandb/offline-run-20200101_000001-none"));
  writeFileSync(join(dir, "b/wandb/offline-run-20200101_000001-none/run-none.wandb"), "no log at all");

  const sent = await sync(join(dir, "b/wandb"));
  assert.equal(sent.status, 1);
  assert.match(sent.err, /\[.*run-none\.wandb\] not a \.wandb log/);
  const damage =
    /wrong checksum of the chunk at byte.*; that is (\d+) records?, between the rows of step (\d+) and (\d+)/;
  const [, records, before, behind] = (damage.exec(sent.err) ?? []).map(Number);
  assert.match(sent.err, /the log is cut inside/);
  const found = rowsOf(await read("offline", "damaged")).map((row) => row.x as number);
  assert.ok(found.length > 3900 && found.length < 4000, `${found.length} rows`);
  assert.equal(found.at(-1), 3999);
  const lost = 4000 - found.length;
  assert.equal((behind ?? 0) - (before ?? 0) - 1, lost);
  // What the run records of the machine may be among them.
  assert.ok((records ?? 0) >= lost, sent.err);
});

test("what a process killed in the middle had logged is completed, and nothing is doubled", async () => {
  const script = join(dir, "killed.mts");
  writeFileSync(
    script,
    `import { init } from "${new URL("../packages/sdk/src/index.ts", import.meta.url).pathname}";
     const run = await init({ id: "killed", project: "offline", dir: ${JSON.stringify(join(dir, "c"))}, console: false });
     let step = 0;
     setInterval(() => { for (let i = 0; i < 200; i++) run.log({ x: step++ }); if (step >= 4000) console.log("enough"); }, 20);`,
  );
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  const before = await read("offline", "killed");
  assert.equal(before.state, "running");
  const sent = await sync("--include-online", join(dir, "c/wandb"));
  assert.equal(sent.status, 0, sent.err);
  const run = await read("offline", "killed");
  const found = rowsOf(run).map((row) => row.x as number);
  assert.ok(found.length >= 3000, `${found.length}`);
  assert.deepEqual(
    found,
    Array.from({ length: found.length }, (_, step) => step),
  );
  assert.equal(run.historyLineCount, found.length);
  assert.equal(run.state, "failed");
});

test("nothing to send, what is not there, and a server that says no are told", async () => {
  const empty = join(dir, "empty");
  mkdirSync(empty);
  const nothing = await sync(empty);
  assert.deepEqual([nothing.status, /No runs to sync\./.test(nothing.err)], [0, true]);
  assert.equal((await sync("--fail-empty", empty)).status, 3);
  const absent = await sync(join(dir, "absent"));
  assert.deepEqual([absent.status, /is not there/.test(absent.err)], [1, true]);
});

test("an interrupted sync goes on where it stopped, and doubles nothing", async () => {
  const place = join(dir, "interrupted");
  const run = await init({
    id: "interrupted",
    mode: "offline",
    dir: place,
    project: "offline",
    silent: true,
    console: false,
  });
  const rows = 30_000;
  for (let step = 0; step < rows; step++) run.log({ x: step, text: `row ${step}` });
  await run.alert({ title: "told once" });
  await run.finish(0);
  const [log = ""] = globSync(join(place, "wandb/offline-run-*/run-interrupted.wandb"));
  const child = spawn(process.execPath, [MAIN, "sync", log], {
    cwd: dir,
    env: {
      PATH: process.env.PATH,
      ...COMPILE_CACHE,
      HOME: dir,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
    },
    stdio: "ignore",
  });
  const state = `${log}.syncstate`;
  const noted = () =>
    existsSync(state)
      ? (JSON.parse(readFileSync(state, "utf8")) as { steelyard: { rows: number; ended: boolean } }).steelyard
      : { rows: 0, ended: false };
  while (noted().rows === 0) await setTimeout(1);
  child.kill("SIGKILL");
  await once(child, "close");
  const { rows: first, ended } = noted();
  assert.ok(first > 0 && first < rows && !ended, `${first} rows were sent before the kill`);
  assert.equal((await read("offline", "interrupted")).state, "running");
  await server.crashAndRestart();
  const received = () => server.fetch("/metrics").then((response) => response.text());
  const sent = await sync(log, "--json");
  assert.equal(sent.status, 0, sent.err);
  const counted = /^steelyard_ingest_rows_total\{[^}]*history[^}]*\} (\d+)/m.exec(await received())?.[1];
  assert.ok(
    Number(counted) <= rows - first,
    `${counted} rows came in the second sync, ${first} in the first`,
  );
  const found = await read("offline", "interrupted");
  assert.deepEqual(
    rowsOf(found).map(({ x }) => x),
    Array.from({ length: rows }, (_, step) => step),
  );
  assert.deepEqual([found.historyLineCount, found.state], [rows, "finished"]);
});

test("a resumed run that lost its process is finished behind what others had logged", async () => {
  const online = (options: object) =>
    init({
      id: "twice",
      project: "offline",
      dir: join(dir, "twice"),
      console: false,
      silent: true,
      baseUrl: server.url,
      apiKey: server.apiKey,
      ...options,
    });
  const one = await online({ config: { lr: 1 } });
  for (let step = 0; step < 50; step++) one.log({ x: step });
  one.summary.best = 7;
  await one.finish(0);
  const script = join(dir, "twice.mts");
  writeFileSync(
    script,
    `import { init } from "${new URL("../packages/sdk/src/index.ts", import.meta.url).pathname}";
     const run = await init({ id: "twice", resume: "must", project: "offline", dir: ${JSON.stringify(join(dir, "twice"))}, console: false });
     let x = 50;
     setInterval(() => { for (let i = 0; i < 100; i++) run.log({ x: x++ }); if (x >= 1000) console.log("enough"); }, 20);`,
  );
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  const sent = await sync("--include-online", join(dir, "twice/wandb"));
  assert.equal(sent.status, 0, sent.err);
  const found = await read("offline", "twice");
  const steps = rowsOf(found).map(({ x }) => x as number);
  assert.ok(steps.length > 500, `${steps.length} rows`);
  assert.deepEqual(
    steps,
    Array.from({ length: steps.length }, (_, step) => step),
  );
  assert.equal(found.historyLineCount, steps.length);
  assert.deepEqual(configOf(found), { lr: 1 });
  assert.equal((parseExtendedJson(found.summaryMetrics) as { best: number }).best, 7);
});
