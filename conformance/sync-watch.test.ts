import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { init } from "steelyard";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";
import { runCommand } from "./command.ts";
import { type RunningServer, startServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const SDK = new URL("../packages/sdk/src/index.ts", import.meta.url).pathname;

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-watch-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({ HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey });
const steelyard = (...args: string[]) =>
  runCommand(process.execPath, [MAIN, ...args], { cwd: dir, environment: environment() });

interface Watched {
  state: string;
  historyLineCount: number;
}
async function runOf(name: string): Promise<Watched | null> {
  const { project } = await server.query<{ project: { run: Watched | null } | null }>(
    `query($r: String!) { project(name: "watched", entityName: "admin") { run(name: $r) { state historyLineCount } } }`,
    { r: name },
  );
  return project?.run ?? null;
}
/** Asks until the run is so, two minutes at most. */
async function until(name: string, holds: (run: Watched) => boolean): Promise<Watched> {
  let run: Watched | null = null;
  for (const endMs = Date.now() + 120_000; Date.now() < endMs; ) {
    run = await runOf(name);
    if (run && holds(run)) return run;
    await setTimeout(50);
  }
  throw new Error(`${name} stayed ${JSON.stringify(run)}; the watcher said: ${said}`);
}
/** By the watcher that was started last, on its standard error. */
let said = "";

/** An offline run in a process of its own; a line on its standard input is a row, the end of it ends the run. */
function program(id: string, folder: string): ChildProcess {
  const script = join(dir, `${id}.mts`);
  writeFileSync(
    script,
    `import { createInterface } from "node:readline";
     import { init } from ${JSON.stringify(SDK)};
     const run = await init({ id: ${JSON.stringify(id)}, mode: "offline", project: "watched", dir: ${JSON.stringify(folder)}, console: false, silent: true });
     for await (const line of createInterface(process.stdin)) run.log({ x: Number(line) });
     await run.finish(0);`,
  );
  return spawn(process.execPath, [script], {
    stdio: ["pipe", "ignore", "inherit"],
    env: { PATH: process.env.PATH, ...COMPILE_CACHE, HOME: dir },
  });
}

function watch(...args: string[]): { child: ChildProcess; err: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [MAIN, "sync", "--watch", ...args], {
    cwd: dir,
    env: { PATH: process.env.PATH, ...COMPILE_CACHE, ...environment() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  said = "";
  child.stderr?.on("data", (part) => {
    said += part;
  });
  return { child, err: () => said, ended: once(child, "close").then(([code]) => code as number | null) };
}

test("--watch follows runs of a folder while they grow, takes in new ones, and stops on Ctrl+C", async () => {
  const folder = join(dir, "growing");
  const one = program("one", folder);
  while (globSync(join(folder, "wandb/offline-run-*/*.wandb")).length === 0) await setTimeout(20);
  const { child, err, ended } = watch(join(folder, "wandb"));
  one.stdin?.write("1\n2\n");
  await until("one", ({ historyLineCount }) => historyLineCount === 2);
  const two = program("two", folder);
  two.stdin?.write("1\n");
  await until("two", ({ historyLineCount }) => historyLineCount === 1);
  one.stdin?.end("3\n");
  assert.deepEqual(await until("one", ({ state }) => state !== "running"), {
    state: "finished",
    historyLineCount: 3,
  });
  // What is killed never says its end: its process is looked for.
  two.kill("SIGKILL");
  assert.equal((await until("two", ({ state }) => state !== "running")).state, "failed");
  const three = program("three", folder);
  three.stdin?.write("1\n");
  await until("three", ({ historyLineCount }) => historyLineCount === 1);
  child.kill("SIGINT");
  assert.equal(await ended, 130, err());
  assert.match(err(), /the next `steelyard sync` goes on from here with 1 run/);
  three.stdin?.end("2\n3\n");
  await once(three, "close");
  const rest = await steelyard("sync", join(folder, "wandb"), "--json");
  assert.equal(rest.status, 0, rest.err);
  assert.deepEqual(
    (JSON.parse(rest.out) as { run: string; rows: number }[]).map(({ run, rows }) => [run, rows]),
    [["three", 3]],
  );
  assert.deepEqual(await runOf("three"), { state: "finished", historyLineCount: 3 });
});

test("--watch sends saved files by their policy: now once, live as it changes, end when the run is over", async () => {
  const folder = join(dir, "policies");
  mkdirSync(folder);
  const filesOf = async () => {
    const { project } = await server.query<{
      project: { run: { files: { edges: { node: { name: string; directUrl: string } }[] } } } | null;
    }>(
      `{ project(name: "watched", entityName: "admin") { run(name: "policies") { files { edges { node { name directUrl } } } } } }`,
    );
    const files: Record<string, string> = {};
    for (const { node } of project?.run?.files.edges ?? [])
      if (node.name.endsWith("-policy.txt")) files[node.name] = await (await fetch(node.directUrl)).text();
    return files;
  };
  const filesWhen = async (holds: (files: Record<string, string>) => boolean) => {
    for (;;) {
      const files = await filesOf();
      if (holds(files)) return files;
      await setTimeout(50);
    }
  };
  const run = await init({
    id: "policies",
    mode: "offline",
    project: "watched",
    dir: folder,
    console: false,
    silent: true,
  });
  for (const policy of ["now", "live", "end"] as const) {
    writeFileSync(join(folder, `${policy}-policy.txt`), "1");
    run.save(join(folder, `${policy}-policy.txt`), { basePath: folder, policy });
  }
  run.log({ x: 1 });
  const { child, err, ended } = watch(join(folder, "wandb"));
  assert.deepEqual(await filesWhen((files) => Object.keys(files).length === 2), {
    "now-policy.txt": "1",
    "live-policy.txt": "1",
  });
  for (const policy of ["now", "live"]) appendFileSync(join(folder, `${policy}-policy.txt`), "2");
  await filesWhen((files) => files["live-policy.txt"] === "12");
  await run.finish();
  assert.deepEqual(await filesWhen((files) => "end-policy.txt" in files), {
    "now-policy.txt": "1",
    "live-policy.txt": "12",
    "end-policy.txt": "1",
  });
  await until("policies", ({ state }) => state === "finished");
  child.kill("SIGINT");
  assert.equal(await ended, 130, err());
});

test("a log that was sent and grew on is taken up again", async () => {
  const folder = join(dir, "again");
  const run = program("again", folder);
  run.stdin?.write("1\n");
  let log = "";
  while (log === "") [log = ""] = globSync(join(folder, "wandb/offline-run-*/*.wandb"));
  const early = await steelyard("sync", join(folder, "wandb"));
  assert.equal(early.status, 0, early.err);
  assert.match(early.err, /its run goes on: .*--watch follows it/);
  assert.equal((await runOf("again"))?.state, "running");
  run.stdin?.end("2\n");
  await once(run, "close");
  assert.equal((await steelyard("sync", join(folder, "wandb"))).status, 0);
  assert.deepEqual(await runOf("again"), { state: "finished", historyLineCount: 2 });
  assert.match((await steelyard("sync", join(folder, "wandb"))).err, /Skipped 1 synced run/);
});

test("a program sends logs with sync(): what it is to be can be said, and one that fails holds up no other", async () => {
  const folder = join(dir, "program");
  const run = await init({
    id: "called",
    mode: "offline",
    project: "watched",
    dir: folder,
    console: false,
    silent: true,
  });
  for (let step = 0; step < 100; step++) run.log({ x: step });
  await run.finish(0);
  const broken = join(folder, "wandb/offline-run-20200101_000000-broken");
  mkdirSync(broken);
  writeFileSync(join(broken, "run-broken.wandb"), "no log at all");
  const script = join(dir, "program.mts");
  writeFileSync(
    script,
    `import { sync } from ${JSON.stringify(SDK)};
     const seen = [];
     const results = await sync("program/wandb", { name: "by hand", tags: ["a"], group: "g", onProgress: ({ rows }) => seen.push(rows) });
     console.log(JSON.stringify({ results, seen }));`,
  );
  const { status, out, err } = await runCommand(process.execPath, [script], {
    cwd: dir,
    environment: environment(),
  });
  assert.equal(status, 0, err);
  const { results, seen } = JSON.parse(out) as {
    results: { run?: string; rows?: number; error?: string }[];
    seen: number[];
  };
  const [failed, called] = [...results].sort((one, other) => (one.rows ?? 0) - (other.rows ?? 0));
  assert.match(failed?.error ?? "", /not a \.wandb log/);
  assert.deepEqual([called?.run, called?.rows, called?.error], ["called", 100, undefined]);
  assert.equal(seen.at(-1), 100);
  const { project } = await server.query<{ project: { run: object } }>(
    `query { project(name: "watched", entityName: "admin") { run(name: "called") { displayName tags group state } } }`,
  );
  assert.deepEqual(project.run, { displayName: "by hand", tags: ["a"], group: "g", state: "finished" });
});

test("clean removes runs that the server has all of, and no other", async () => {
  const wandb = join(dir, "wandb");
  const options = { project: "watched", dir, console: false, silent: true } as const;
  const online = { ...options, baseUrl: server.url, apiKey: server.apiKey };
  const sent = await init({ ...online, id: "sent" });
  sent.log({ x: 1 });
  await sent.finish(0);
  const offline = await init({ ...options, id: "offline", mode: "offline" });
  offline.log({ x: 1 });
  await offline.finish(0);
  // Its process was killed before it had sent anything more than its beginning.
  const script = join(dir, "lost.mts");
  writeFileSync(
    script,
    `import { init } from ${JSON.stringify(SDK)};
     const run = await init({ id: "lost", project: "watched", dir: ${JSON.stringify(dir)}, console: false });
     run.log({ x: 1 });
     setInterval(() => console.log("logged"), 100);`,
  );
  const lost = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH, ...COMPILE_CACHE, ...environment() },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(lost.stdout, "data");
  lost.kill("SIGKILL");
  await once(lost, "close");
  const there = (id: string) => globSync(join(wandb, `*run-*-${id}`)).length === 1;

  // What is no folder holds no run, whatever its name.
  writeFileSync(join(wandb, "run-20200101_000000-file"), "");
  const young = await steelyard("clean", "--force");
  assert.deepEqual([young.status, /Found no runs to clean up/.test(young.err)], [0, true], young.err);
  const declined = await steelyard("clean", "--min-hours", "0");
  assert.equal(declined.status, 1, declined.err);
  assert.ok(there("sent"));
  const cleaned = await steelyard("clean", "--min-hours", "0", "--force");
  assert.equal(cleaned.status, 0, cleaned.err);
  assert.match(cleaned.err, /Kept .*-lost: the log has no end/);
  assert.match(cleaned.err, /Kept .*-offline: it was never sent/);
  assert.deepEqual([there("sent"), there("offline"), there("lost")], [false, true, true]);

  assert.equal((await steelyard("sync", "--include-online", "wandb")).status, 0);
  assert.equal((await steelyard("sync", "--clean", "--clean-old-hours", "0", "--clean-force")).status, 0);
  assert.deepEqual([there("offline"), there("lost")], [false, false]);
  const left = await init({ ...options, id: "left", mode: "offline" });
  await left.finish(0);
  const all = await steelyard("clean", "--min-hours", "0", "--include-unsynced", "--force");
  assert.equal(all.status, 0, all.err);
  assert.ok(!there("left") && existsSync(wandb));
});
