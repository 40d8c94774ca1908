import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type InitOptions, init, type Run } from "steelyard";
import { readLoggedRun } from "steelyard/command-line";
import { runCommand } from "./command.ts";
import { type Door, type Fault, type FaultServer, type Seen, startFaultServer } from "./fault-server.ts";
import {
  exitOf,
  logsOf,
  PROJECT,
  readLog,
  readRun,
  rowsOf,
  runWhen,
  startScript,
  until,
} from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What the settings of the transport do, as a server sees it. */
let server: RunningServer;
let faulty: FaultServer;
let dir: string;
before(async () => {
  server = await startServer();
  faulty = await startFaultServer(server);
  dir = mkdtempSync(join(tmpdir(), "steelyard-transport-"));
  faulty.spoil = (seen, before) => spoils.get(seen.run)?.(seen.door, before);
});
after(async () => {
  await faulty.stop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** By run. */
const spoils = new Map<string, (door: Door, before: number) => Fault | undefined>();

/** The settings are read before `init` waits for anything: runs that start meanwhile do not see them. */
async function start(id: string, variables: Record<string, string>, options: InitOptions = {}): Promise<Run> {
  Object.assign(process.env, variables);
  const run = init({
    baseUrl: faulty.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id,
    console: false,
    silent: true,
    ...options,
  });
  for (const name of Object.keys(variables)) delete process.env[name];
  return run;
}

/** Spoils every request of that run at that door, or so many. */
function spoil(id: string, door: Door, fault: Fault, times = Number.POSITIVE_INFINITY): void {
  spoils.set(id, (at, before) => (at === door && before < times ? fault : undefined));
}

async function seenAt(id: string, door: Door, count: number): Promise<Seen[]> {
  await until(`${count} come to ${door}`, () => faulty.at(id, door).length >= count);
  return faulty.at(id, door);
}

const waitsOf = (seen: readonly Seen[]) =>
  seen.slice(1).map(({ atMs }, at) => atMs - (seen[at] as Seen).atMs);
const folderOf = (id: string) => dirname(logsOf(dir, id)[0] ?? "");
const debugLog = (id: string) => readFileSync(join(folderOf(id), "logs", "debug.log"), "utf8");
const BUSY: Fault = { kind: "status", status: 503 };
const SILENCE: Fault = { kind: "silence" };

function sync(...args: string[]) {
  const main = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
  return runCommand(process.execPath, [main, "sync", ...args], {
    cwd: dir,
    environment: { WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, HOME: dir },
  });
}

/** Every row once, and the run ended. */
async function holds(id: string, rows: number): Promise<void> {
  const run = await readRun(server, id);
  assert.deepEqual(
    rowsOf(run).map(({ x }) => x),
    Array.from({ length: rows }, (_, x) => x),
  );
  assert.deepEqual([run.historyLineCount, run.state], [rows, "finished"]);
}

// They wait more than they work.
suite("the transport's settings", { concurrency: 5 }, () => {
  test("WANDB_INIT_TIMEOUT: init gives up then, also when the connection is taken and nobody speaks", async () => {
    spoil("silent", "open", SILENCE);
    const began = performance.now();
    await assert.rejects(start("silent", { WANDB_INIT_TIMEOUT: "0.6" }), (error: Error) => {
      assert.match(
        error.message,
        /did not answer within 0\.6 s.*check WANDB_BASE_URL, or set WANDB_MODE=offline/,
      );
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
    const tookMs = performance.now() - began;
    // Far below what it would wait by itself.
    assert.ok(tookMs >= 590 && tookMs < 60_000, `${tookMs}`);
  });

  test("WANDB_INIT_TIMEOUT: holds while a name is looked up and nobody answers that", async () => {
    const child = startScript(server, dir, "dns", "", {
      before: `import dns from "node:dns"; dns.lookup = () => {};`,
      init: `baseUrl: "http://nowhere.example:1234"`,
      environment: { WANDB_INIT_TIMEOUT: "0.5" },
    });
    let told = "";
    child.stderr?.on("data", (part) => {
      told += part;
    });
    const began = performance.now();
    assert.equal(await exitOf(child), 1);
    assert.ok(performance.now() - began < 60_000);
    assert.match(told, /did not answer within 0\.5 s/);
  });

  test("WANDB_FINISH_TIMEOUT, WANDB_FINISH_TIMEOUT_RAISES: finish ends then, names what is left, and sync completes it", async () => {
    for (const raises of [false, true]) {
      const id = `left-${raises}`;
      spoil(id, "rows", SILENCE);
      const run = await start(id, {
        WANDB_FINISH_TIMEOUT: "0.5",
        WANDB_FINISH_TIMEOUT_RAISES: String(raises),
      });
      for (let x = 0; x < 1234; x++) run.log({ x });
      const began = performance.now();
      const said = new RegExp(
        `the server did not have everything after 0\\.5 s: 1,234 rows.* did not get there; nothing is lost, \`steelyard sync ${folderOf(id)}\` sends it`,
      );
      if (raises) await assert.rejects(run.finish(), said);
      else await run.finish();
      assert.ok(performance.now() - began < 60_000);
      assert.match(debugLog(id), said);
      assert.deepEqual(readLog(logsOf(dir, id)[0]).damage, []);
      const ended = await sync(folderOf(id));
      assert.equal(ended.status, 0, ended.err);
      await holds(id, 1234);
    }
  });

  test("WANDB_FINISH_TIMEOUT: a process that leaves without finish waits so long too", async () => {
    const id = "leaves";
    // Longer than it waits by itself; from when it first comes, as it leaves.
    const awayMs = 8000;
    spoils.set(id, (door) => {
      const [first] = faulty.at(id, "rows");
      return door === "rows" && (!first || Date.now() < first.atMs + awayMs) ? BUSY : undefined;
    });
    const rows = "for (let x = 0; x < 100; x++) run.log({ x }); process.exit(0);";
    const child = startScript(server, dir, id, rows, {
      init: `baseUrl: ${JSON.stringify(faulty.url)}, console: false`,
      environment: {
        WANDB_FINISH_TIMEOUT: "300",
        WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS: "0.2",
        WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS: "0.5",
      },
    });
    assert.equal(await exitOf(child), 0);
    await holds(id, 100);
  });

  test("WANDB_FINISH_TIMEOUT: files that did not get there are named with their size", async () => {
    spoil("left-files", "put", SILENCE);
    const run = await start("left-files", { WANDB_FINISH_TIMEOUT: "1" });
    run.log({ x: 0 });
    await seenAt("left-files", "put", 1);
    await run.finish();
    assert.match(debugLog("left-files"), /after 1 s: .*\d files \(\d+\.\d [kM]B\)/);
  });

  test("finish goes on at once when the server is back, however long the next wait was to be", async () => {
    spoil("back", "rows", BUSY, 2);
    const run = await start("back", {
      WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS: "300",
      WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS: "300",
    });
    run.log({ x: 0 });
    await seenAt("back", "rows", 1);
    const began = performance.now();
    await run.finish();
    assert.ok(performance.now() - began < 100_000);
    await holds("back", 1);
  });

  const act = (run: Run) => {
    run.log({ x: 0 });
    run.config.set("lr", 1);
  };
  /** The first, and what was the same. */
  const ofOne = (seen: readonly Seen[]) =>
    seen.filter(({ path, body }) => path === seen[0]?.path && body.equals(seen[0].body));

  /** Three more tries, after waits from 0.2 to 0.5 s; then it is told, and left to a sync. */
  async function waits(door: Door, group: string): Promise<void> {
    const id = `waits-${group}`;
    spoil(id, door, BUSY);
    const run = await start(id, {
      [`WANDB_X_${group}_RETRY_MAX`]: "3",
      [`WANDB_X_${group}_RETRY_WAIT_MIN_SECONDS`]: "0.2",
      [`WANDB_X_${group}_RETRY_WAIT_MAX_SECONDS`]: "0.5",
    });
    act(run);
    const files = door === "put" ? 2 : 1;
    const [first = 0, second = 0, third = 0] = waitsOf(ofOne(await seenAt(id, door, 4 * files)));
    assert.ok(first >= 195 && second >= 395 && third >= 495, `${first}, ${second}, ${third}`);
    await run.finish();
    // A file is tried anew when the run ends.
    assert.ok(ofOne(faulty.at(id, door)).length <= 4 * files);
    assert.match(debugLog(id), /did not answer, tried 4 times \(503 .*steelyard sync/);
    spoils.delete(id);
    assert.equal((await sync(folderOf(id))).status, 0);
    await holds(id, 1);
  }

  /** A try without an answer ends after 1.4 s, and another follows. */
  async function limits(door: Door, group: string, variable: string): Promise<void> {
    const id = `limit-${variable}`;
    spoil(id, door, SILENCE, door === "put" ? 3 : 1);
    const run = await start(id, { [variable]: "1.4", [`WANDB_X_${group}_RETRY_WAIT_MIN_SECONDS`]: "0.1" });
    act(run);
    await seenAt(id, door, 2);
    await run.finish();
    const [silent, again] = ofOne(faulty.at(id, door));
    // On a busy machine the first takes a while to arrive, and the limit counts from when it was sent.
    assert.ok((again?.atMs ?? 0) - (silent?.atMs ?? 0) >= 300);
    assert.match(debugLog(id), /no answer within 1\.4 s/);
    await holds(id, 1);
  }

  test("WANDB_X_GRAPHQL_RETRY_MAX, WANDB_X_GRAPHQL_RETRY_WAIT_MIN_SECONDS, WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS: so often, after such waits", () =>
    waits("config", "GRAPHQL"));
  test("WANDB_X_FILE_STREAM_RETRY_MAX, WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS, WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS: so often, after such waits", () =>
    waits("rows", "FILE_STREAM"));
  test("WANDB_X_FILE_TRANSFER_RETRY_MAX, WANDB_X_FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS, WANDB_X_FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS: so often, after such waits", () =>
    waits("put", "FILE_TRANSFER"));
  test("WANDB_X_GRAPHQL_TIMEOUT_SECONDS, WANDB_HTTP_TIMEOUT: a question ends then, and is asked again", async () => {
    await limits("config", "GRAPHQL", "WANDB_X_GRAPHQL_TIMEOUT_SECONDS");
    await limits("config", "GRAPHQL", "WANDB_HTTP_TIMEOUT");
  });
  test("WANDB_X_FILE_STREAM_TIMEOUT_SECONDS: rows that get no answer are sent again then", () =>
    limits("rows", "FILE_STREAM", "WANDB_X_FILE_STREAM_TIMEOUT_SECONDS"));
  test("WANDB_X_FILE_TRANSFER_TIMEOUT_SECONDS, WANDB_FILE_PUSHER_TIMEOUT: a file that gets no answer is sent again then", async () => {
    await limits("put", "FILE_TRANSFER", "WANDB_X_FILE_TRANSFER_TIMEOUT_SECONDS");
    await limits("put", "FILE_TRANSFER", "WANDB_FILE_PUSHER_TIMEOUT");
  });

  test("0 and less are the default: retries cannot be switched off", async () => {
    const id = "defaults";
    spoil(id, "rows", BUSY, 1);
    const run = await start(id, {
      WANDB_X_FILE_STREAM_RETRY_MAX: "0",
      WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS: "-1",
      WANDB_X_FILE_STREAM_TIMEOUT_SECONDS: "0",
    });
    run.log({ x: 0 });
    const [wait = 0] = waitsOf(await seenAt(id, "rows", 2));
    assert.ok(wait >= 1990, `${wait}`);
    await run.finish();
    await holds(id, 1);
  });

  test("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL: requests with rows are so far apart, but for the end", async () => {
    const began = Date.now();
    const run = await start("interval", { WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL: "0.8" });
    let x = 0;
    const timer = setInterval(() => run.log({ x: x++ }), 5);
    const seen = await seenAt("interval", "rows", 4);
    clearInterval(timer);
    // Three waits. One may be heard of late on a busy machine, and the next then looks shorter than it was.
    assert.ok((seen.at(-1)?.atMs ?? 0) - began >= 3 * 795, `${waitsOf(seen)}`);
    await run.finish();
    await holds("interval", x);
  });

  test("WANDB_X_FILE_STREAM_MAX_BYTES: no request has more of rows", async () => {
    const run = await start("bytes", { WANDB_X_FILE_STREAM_MAX_BYTES: "20000" });
    for (let x = 0; x < 5000; x++) run.log(x % 10 === 0 ? { x, text: "y" } : { x });
    await run.finish();
    const seen = faulty.at("bytes", "rows");
    assert.ok(seen.length > 10, `${seen.length}`);
    for (const { body } of seen) assert.ok(body.length < 22_000, `${body.length}`);
    await holds("bytes", 5000);
  });

  test("WANDB_X_FILE_STREAM_MAX_LINE_BYTES: a longer row is named and kept in the log, the others are sent", async () => {
    const run = await start("long", { WANDB_X_FILE_STREAM_MAX_LINE_BYTES: "1000" });
    run.log({ x: 0 });
    run.log({ text: "y".repeat(2000) });
    run.log(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`number${at}`, at / 3])));
    run.log({ x: 1 });
    await run.finish();
    await holds("long", 2);
    assert.match(debugLog("long"), /a row of 2\d\d\d bytes is not sent, the limit is 1000/);
    const texts = readLog(logsOf(dir, "long")[0]).records.map((record) =>
      Buffer.from(record).toString("latin1"),
    );
    assert.ok(texts.some((text) => text.includes("yyyy")));
    assert.ok(texts.some((text) => text.includes("number99")));
  });

  test("WANDB_X_FILE_STREAM_NO_GZIP: false sends rows compressed, true and nothing as they are", async () => {
    for (const [id, variables, encoding] of [
      ["gzip", { WANDB_X_FILE_STREAM_NO_GZIP: "false" }, "gzip"],
      ["plain", { WANDB_X_FILE_STREAM_NO_GZIP: "true" }, undefined],
      ["unsaid", {}, undefined],
    ] as const) {
      const run = await start(id, variables);
      for (let x = 0; x < 2000; x++) run.log({ x });
      await run.finish();
      const seen = faulty.at(id, "rows");
      assert.ok(seen.length > 0);
      for (const { headers } of seen) assert.equal(headers["content-encoding"], encoding);
      await holds(id, 2000);
    }
  });

  test("WANDB_STOP_ON_FATAL_ERROR: rows refused for good interrupt the program; otherwise it goes on", async () => {
    for (const stops of [true, false]) {
      const id = `fatal-${stops}`;
      spoil(id, "rows", { kind: "status", status: 403 });
      const child = startScript(
        server,
        dir,
        id,
        // Time enough to be interrupted, or to have seen that one is not.
        `run.log({ x: 0 }); await new Promise((resolve) => setTimeout(resolve, ${stops ? 60_000 : 2500})); console.log('went on');`,
        {
          init: `baseUrl: ${JSON.stringify(faulty.url)}, console: false`,
          environment: { WANDB_STOP_ON_FATAL_ERROR: String(stops) },
        },
      );
      let out = "";
      let told = "";
      child.stdout?.on("data", (part) => {
        out += part;
      });
      child.stderr?.on("data", (part) => {
        told += part;
      });
      assert.equal(await exitOf(child), stops ? 130 : 0, told);
      assert.equal(out.includes("went on"), !stops);
      assert.match(told, /the server refused this run's rows \(403 .*steelyard sync/);
      assert.equal(/ends the program: WANDB_STOP_ON_FATAL_ERROR is set/.test(told), stops);
    }
  });

  test("WANDB_SUMMARY_TIMEOUT: a read of the summary never waits, also when the server is away", async () => {
    spoil("summary", "rows", SILENCE);
    const run = await start("summary", { WANDB_SUMMARY_TIMEOUT: "600", WANDB_FINISH_TIMEOUT: "0.2" });
    run.log({ x: 7 });
    const began = performance.now();
    assert.equal(run.summary.x, 7);
    // Less than it was given to wait.
    assert.ok(performance.now() - began < 300_000);
    await run.finish();
  });

  test("the config is sent once for many changes, and rows one request at a time", async () => {
    const run = await start("debounce", {});
    await seenAt("debounce", "open", 1);
    for (let n = 0; n < 300; n++) {
      run.config.set("n", n);
      run.log({ x: n });
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await run.finish();
    assert.ok(faulty.at("debounce", "config").length <= 5, `${faulty.at("debounce", "config").length}`);
    const { config } = await runWhen(server, "debounce", ({ state }) => state === "finished");
    assert.deepEqual((JSON.parse(config) as Record<string, unknown>).n, { value: 299 });
    await holds("debounce", 300);
  });

  test("WANDB_X_SERVICE_WAIT: a run gives up on its thread that does not start; what was logged is in the log", async () => {
    const child = startScript(server, dir, "threadless", "run.log({ x: 1 }); run.config.lr = 2;", {
      // A machine that has no room for one more thread stands still like this.
      before: `import { EventEmitter } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";
threads.Worker = class extends EventEmitter { postMessage() {} terminate() {} ref() {} unref() {} };
syncBuiltinESMExports();`,
      init: `mode: "offline"`,
      environment: { WANDB_X_SERVICE_WAIT: "0.4" },
    });
    let told = "";
    child.stderr?.on("data", (part) => {
      told += part;
    });
    assert.equal(await exitOf(child), 1);
    assert.match(told, /the run's thread did not start within 0\.4 s \(WANDB_X_SERVICE_WAIT\)/);
    const { history, config } = readLoggedRun(
      new Uint8Array(readFileSync(logsOf(dir, "threadless")[0] ?? "")),
    );
    assert.deepEqual([history.length, JSON.parse(config.json).lr], [1, { value: 2 }]);
  });

  test("a run that has nothing to send, or sends seldom, says all 15 s that it lives", async () => {
    const run = await start("heartbeat", {
      WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL: "3600",
      WANDB_X_DISABLE_STATS: "true",
    });
    run.log({ x: 0 });
    await seenAt("heartbeat", "rows", 1);
    run.log({ x: 1 });
    const seen = await seenAt("heartbeat", "rows", 2);
    assert.equal(seen[1]?.body.toString(), "{}");
    const [wait = 0] = waitsOf(seen);
    assert.ok(wait >= 14_500 && wait < 45_000, `${wait}`);
    await run.finish();
    await holds("heartbeat", 2);
  });
});
