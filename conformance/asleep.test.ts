import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { exitOf, logsOf, readLog, readRun, rowsOf, runWhen, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** A machine that sleeps: its processes stand still, and the time of everything they waited for is up when they wake. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-asleep-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Longer than anything waits here: what an hour is to the usual limits. */
const ASLEEP_MS = 4000;
const asleep = () => new Promise((resolve) => setTimeout(resolve, ASLEEP_MS));

test("a process that was asleep goes on where it was: requests whose time was up are sent again, no row is lost or doubled", async () => {
  const id = "asleep";
  const child = startScript(
    server,
    dir,
    id,
    `let n = 0;
const logging = setInterval(() => { for (let i = 0; i < 20; i++) run.log({ n: n++, nowMs: Date.now() }); }, 10);
process.once("SIGUSR2", async () => { clearInterval(logging); console.log("logged " + n); await run.finish(); });
console.log("open");`,
    {
      init: "console: false, silent: true",
      environment: {
        WANDB_X_FILE_STREAM_TIMEOUT_SECONDS: "1",
        WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS: "1",
        WANDB_X_GRAPHQL_TIMEOUT_SECONDS: "1",
        WANDB_X_STATS_SAMPLING_INTERVAL: "0.5",
      },
    },
  );
  const ended = exitOf(child);
  let said = "";
  child.stdout?.on("data", (text) => {
    said += text;
  });
  await runWhen(server, id, ({ historyLineCount }) => historyLineCount > 200);
  // Asleep with requests under way: the server takes them, and nobody hears its answer.
  process.kill(server.pid(), "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 600));
  child.kill("SIGSTOP");
  process.kill(server.pid(), "SIGCONT");
  await asleep();
  child.kill("SIGCONT");
  const before = (await readRun(server, id)).historyLineCount;
  await runWhen(server, id, ({ historyLineCount }) => historyLineCount > before + 200);
  // And with nothing under way that matters.
  child.kill("SIGSTOP");
  await asleep();
  child.kill("SIGCONT");
  child.kill("SIGUSR2");
  while (!said.includes("logged")) await once(child.stdout as NodeJS.ReadableStream, "data");
  assert.equal(await ended, 0);
  const count = Number(/logged (\d+)/.exec(said)?.[1]);
  const run = await readRun(server, id);
  assert.equal(run.state, "finished");
  const rows = rowsOf(run);
  assert.deepEqual(
    rows.map(({ n }) => n),
    Array.from({ length: count }, (_, n) => n),
  );
  assert.equal(run.historyLineCount, count);
  // The run's clock is the world's: the time asleep is in it.
  const { _runtime: first, nowMs: firstMs } = rows[0] as unknown as { _runtime: number; nowMs: number };
  const { _runtime: last, nowMs: lastMs } = rows.at(-1) as unknown as { _runtime: number; nowMs: number };
  // Between the two readings of a clock a busy machine may let others go first; a sleep is far longer.
  assert.ok(Math.abs(last - first - (lastMs - firstMs) / 1000) < ASLEEP_MS / 4000);
  assert.ok(last - first > (2 * ASLEEP_MS) / 1000);
  assert.deepEqual(readLog(logsOf(dir, id)[0]).damage, []);
});
