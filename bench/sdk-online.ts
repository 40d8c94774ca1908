/**
 * A whole run online: rows at a steady pace and as fast as the program makes them, what its event loop feels of it beside
 * what it feels of the machine alone, and how long `finish` takes until the server has every row; the official Python client
 * with the same rows in the same run. Rows are counted at the server afterwards.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate, setTimeout } from "node:timers/promises";
import { init } from "steelyard";
import { interpreterOf, newestClient } from "../conformance/python.ts";
import { startServer } from "../conformance/server.ts";

const quick = process.argv.includes("--quick");
const ROWS = Number(process.env.BENCH_ROWS ?? (quick ? 100_000 : 1_000_000));
/** The Python client takes minutes for a million. */
const COMPARED = ROWS / 10;
/** Rows between two turns of the event loop, as a loop that awaits its batches has them. */
const ROWS_A_TURN = 100;
/** Rows a second: what a fast training makes, and ten times that. */
const PACES = [10_000, 100_000];
const PACED_MS = quick ? 1000 : 4000;
const SETTLE_MS = 1000;
const row = (step: number) => ({
  loss: 1 / (step + 1),
  accuracy: step / ROWS,
  lr: 0.001,
  grad_norm: Math.sqrt(step),
  epoch: Math.floor(step / 100),
});

const PYTHON = `
import sys, time, wandb
n = int(sys.argv[1])
run = wandb.init(project="bench", id="python", settings=wandb.Settings(console="off", silent=True))
start = time.perf_counter()
for step in range(n):
    run.log({"loss": 1 / (step + 1), "accuracy": step / n, "lr": 0.001, "grad_norm": step ** 0.5, "epoch": step // 100})
logged = time.perf_counter()
run.finish()
print(logged - start, time.perf_counter() - logged)
`;

/** Of this thread: nanoseconds that it ran, and that it stood ready and the kernel let others run. Linux alone tells. */
const SCHEDULING = `/proc/self/task/${process.pid}/schedstat`;
const scheduling = existsSync(SCHEDULING) ? openSync(SCHEDULING, "r") : undefined;
const facts = Buffer.alloc(64);
function queuedMs(): number {
  if (scheduling === undefined) return 0;
  const length = readSync(scheduling, facts, 0, facts.length, 0);
  return Number(facts.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}

/** What the calls of `log` in one turn of the event loop take, less what this thread queued for the processor meanwhile. */
class Turns {
  readonly #took: number[] = [];
  #began = 0;
  #queued = 0;

  begin(): void {
    this.#queued = queuedMs();
    this.#began = performance.now();
  }

  end(): void {
    const took = performance.now() - this.#began;
    this.#took.push(Math.max(0, took - (queuedMs() - this.#queued)));
  }

  get text(): string {
    const all = this.#took.sort((a, b) => a - b);
    const at = (share: number) =>
      (all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0).toFixed(1);
    return `log() in a turn, less what its thread queued for the processor: p99 ${at(0.99)}, p99.9 ${at(0.999)}, longest ${at(1)} ms`;
  }
}

/** Milliseconds that this thread slept in `Atomics.wait`, as `log` does for room, and the longest of it. */
let sleptMs = 0;
let longestSleepMs = 0;
const sleep = Atomics.wait;
Atomics.wait = ((...given: Parameters<typeof sleep>) => {
  const began = performance.now();
  const answer = sleep(...given);
  const slept = performance.now() - began;
  sleptMs += slept;
  longestSleepMs = Math.max(longestSleepMs, slept);
  return answer;
}) as typeof sleep;

const dir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
const server = await startServer();
const settings = {
  project: "bench",
  dir,
  baseUrl: server.url,
  apiKey: server.apiKey,
  console: false,
  silent: true,
} as const;

async function storedRows(id: string): Promise<number> {
  const { project } = await server.query<{ project: { run: { historyLineCount: number } } }>(
    `query($id: String!) { project(name: "bench", entityName: "admin") { run(name: $id) { historyLineCount } } }`,
    { id },
  );
  return project.run.historyLineCount;
}

interface Took {
  logS: number;
  finishS: number;
}

async function ours(rows: number, id: string): Promise<Took> {
  const run = await init({ ...settings, id });
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  [sleptMs, longestSleepMs] = [0, 0];
  const began = performance.now();
  const turns = await flood(rows, (one) => run.log(one));
  const logged = performance.now();
  await run.finish();
  const finished = performance.now();
  stalls.disable();
  const stored = await storedRows(id);
  const took = { logS: (logged - began) / 1000, finishS: (finished - logged) / 1000 };
  console.log(
    `${rows.toLocaleString("en")} rows online: logged in ${took.logS.toFixed(1)} s, finish ${took.finishS.toFixed(1)} s, ${Math.round(rows / (took.logS + took.finishS)).toLocaleString("en")} rows/s at the server, ${stored.toLocaleString("en")} stored (${stored === rows ? "all" : "NOT ALL"})`,
  );
  console.log(
    `  ${turnsOf(stalls)}; ${turns.text}; ${((sleptMs / (logged - began)) * 100).toFixed(0)} % of the time log() waited for room, ${longestSleepMs.toFixed(1)} ms at once at the longest; resident ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB`,
  );
  return took;
}

/** A loop that awaits after each batch. */
async function flood(rows: number, log: (one: ReturnType<typeof row>) => void): Promise<Turns> {
  const turns = new Turns();
  for (let step = 0; step < rows; await setImmediate()) {
    turns.begin();
    for (const end = Math.min(rows, step + ROWS_A_TURN); step < end; step++) log(row(step));
    turns.end();
  }
  return turns;
}

/** So many rows a second, in the turn of the event loop in which they are due. */
async function pace(rowsPerSecond: number, log: (one: ReturnType<typeof row>) => void): Promise<string> {
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  const turns = new Turns();
  stalls.enable();
  const began = performance.now();
  for (let step = 0; performance.now() - began < PACED_MS; await setTimeout(1)) {
    turns.begin();
    for (const due = ((performance.now() - began) / 1000) * rowsPerSecond; step < due; step++) log(row(step));
    turns.end();
  }
  stalls.disable();
  return `${turnsOf(stalls)}; ${turns.text}`;
}

async function paced(rowsPerSecond: number): Promise<void> {
  const run = await init({ ...settings, id: `paced-${rowsPerSecond}` });
  // Its thread starts meanwhile; what that costs is seen in the flood.
  await setTimeout(SETTLE_MS);
  const felt = await pace(rowsPerSecond, (one) => run.log(one));
  await run.finish();
  console.log(`${rowsPerSecond.toLocaleString("en")} rows a second for ${PACED_MS / 1000} s: ${felt}`);
}

/** What the same loops feel that log nothing: alone, and beside as many busy processes as a flood has busy threads. */
async function nothingLogged(): Promise<void> {
  console.log(`nothing logged, alone: ${await pace(100_000, () => {})}`);
  const busy = [1, 2].map(() => spawn(process.execPath, ["-e", "while (true);"]));
  await setTimeout(SETTLE_MS);
  console.log(`nothing logged, beside ${busy.length} busy processes: ${await pace(100_000, () => {})}`);
  for (const one of busy) one.kill("SIGKILL");
}

const ms = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1);

function turnsOf(stalls: ReturnType<typeof monitorEventLoopDelay>): string {
  return `turns of the event loop, 1 ms timer: p50 ${ms(stalls.percentile(50))}, p99 ${ms(stalls.percentile(99))}, p99.9 ${ms(stalls.percentile(99.9))}, longest ${ms(stalls.max)} ms`;
}

try {
  await nothingLogged();
  for (const rowsPerSecond of PACES) await paced(rowsPerSecond);
  const { logS, finishS } = await ours(COMPARED, "compared");
  await ours(ROWS, "million");
  if (newestClient) {
    const { stdout, stderr } = spawnSync(interpreterOf(newestClient), ["-c", PYTHON, String(COMPARED)], {
      cwd: dir,
      encoding: "utf8",
      env: {
        ...process.env,
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: server.apiKey,
        WANDB_DIR: dir,
        WANDB_ERROR_REPORTING: "false",
        NO_PROXY: "127.0.0.1,localhost",
      },
    });
    const [pLogS = Number.NaN, pFinishS = Number.NaN] =
      stdout.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
    if (Number.isNaN(pFinishS)) throw new Error(stderr);
    console.log(
      `official Python client ${newestClient}, ${COMPARED.toLocaleString("en")} rows online: logged in ${pLogS.toFixed(1)} s, finish ${pFinishS.toFixed(1)} s, ${(await storedRows("python")).toLocaleString("en")} stored; the same rows of ours take ${((pLogS + pFinishS) / (logS + finishS)).toFixed(0)} times less in all, logging ${(pLogS / logS).toFixed(0)} times less`,
    );
  } else console.log("official Python client: none here, no comparison");
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
