import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readRecord } from "@steelyard/protocol/records";
import { init } from "steelyard";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { exitOf, logsOf, PROJECT, readLog, readRun, rowsOf, startScript, until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** A server that is away for long, and what a run does meanwhile and after. */
let server: RunningServer;
let faulty: FaultServer;
let dir: string;
before(async () => {
  server = await startServer();
  faulty = await startFaultServer(server);
  dir = mkdtempSync(join(tmpdir(), "steelyard-outage-"));
});
after(async () => {
  await faulty.stop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("a long outage: rows wait on disk, the machine is measured, the server comes back another; each row is there once", async () => {
  const SHORT = {
    WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS: "0.05",
    WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS: "0.2",
    WANDB_X_STATS_SAMPLING_INTERVAL: "0.1",
  };
  Object.assign(process.env, SHORT);
  const run = await init({
    baseUrl: faulty.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id: "outage",
    console: false,
    silent: true,
  });
  for (const name of Object.keys(SHORT)) delete process.env[name];
  let away = true;
  // Some of it arrives, and the answer is lost: sent again, it must not be there twice.
  faulty.spoil = ({ door }, before) =>
    door === "rows" && away ? { kind: before === 0 ? "lost" : "reset" } : undefined;
  const ROWS = 250_000;
  const value = (x: number) => Math.sin(x) * 10 ** (x % 7);
  const memory = process.memoryUsage().rss;
  for (let x = 0; x < ROWS; x++) {
    run.log({ x, y: value(x), z: -value(x) });
    if (x % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (x === ROWS / 2) await server.crashAndRestart();
  }
  const waiting = `${logsOf(dir, "outage")[0]}.unsent`;
  await until("a megabyte waits on disk", () => existsSync(waiting) && statSync(waiting).size > 2 ** 20);
  // What the server in between has seen is kept for the test, each try of it.
  const seenBytes = faulty.seen.reduce((sum, { body }) => sum + body.length, 0);
  const grownBytes = process.memoryUsage().rss - memory - seenBytes;
  assert.ok(
    grownBytes < 150 * 2 ** 20,
    `what waits is in memory: ${Math.round(grownBytes / 2 ** 20)} MB more`,
  );
  await until("it was tried again", () => faulty.at("outage", "rows").length > 3);
  away = false;
  await run.finish();
  assert.equal(existsSync(waiting), false);
  const got = await readRun(server, "outage");
  assert.deepEqual([got.state, got.historyLineCount], ["finished", ROWS]);
  const rows = rowsOf(got);
  assert.equal(rows.length, ROWS);
  for (const [x, row] of rows.entries())
    if (row.x !== x || row.y !== value(x) || row.z !== -value(x) || row._step !== x)
      assert.fail(`row ${x}: ${JSON.stringify(row)}`);
  // Samples of the time without a server: each line once, in order.
  const { project } = await server.query<{ project: { run: { events: string[]; eventsLineCount: number } } }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "outage") { eventsLineCount events(samples: 100000) } } }`,
  );
  const times = project.run.events.map((line) => (JSON.parse(line) as { _timestamp: number })._timestamp);
  assert.ok(times.length > 3, `${times.length} samples`);
  assert.deepEqual(
    times,
    readLog(logsOf(dir, "outage")[0])
      .records.map((bytes) => readRecord(bytes))
      .flatMap((record) => (record.kind === "stats" ? [record.atMs / 1000] : [])),
  );
  assert.equal(project.run.eventsLineCount, times.length);
});

test("a clock that jumps: rows keep the time they were told, and are sent as ever", async () => {
  const child = startScript(
    server,
    dir,
    "jump",
    `const now = Date.now;
for (const jumpS of [0, -3600, 7200, -86_400 * 400]) {
  Date.now = () => now() + jumpS * 1000;
  for (let n = 0; n < 50; n++) run.log({ jumpS });
  await new Promise((resolve) => setTimeout(resolve, 300));
}`,
    { init: "console: false" },
  );
  assert.equal(await exitOf(child), 0);
  const run = await readRun(server, "jump");
  assert.deepEqual([run.state, run.historyLineCount], ["finished", 200]);
  for (const [step, row] of rowsOf(run).entries()) {
    assert.equal(row._step, step);
    assert.ok(Math.abs(Number(row._timestamp) - Number(row.jumpS) - Date.now() / 1000) < 300);
  }
});
