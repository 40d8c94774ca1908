/**
 * A whole run online: rows as fast as the program makes them, what its event loop feels of it, and how long `finish` takes
 * until the server has every row; the official Python client with the same rows in the same run. Rows are counted at the
 * server afterwards.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { init } from "steelyard";
import { interpreterOf, newestClient } from "../conformance/python.ts";
import { startServer } from "../conformance/server.ts";

const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000);
/** The Python client takes minutes for a million. */
const COMPARED = ROWS / 10;
/** Rows between two turns of the event loop, as a loop that awaits its batches has them. */
const ROWS_A_TURN = 100;
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

const dir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
const server = await startServer();

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
  const run = await init({
    project: "bench",
    id,
    dir,
    baseUrl: server.url,
    apiKey: server.apiKey,
    console: false,
    silent: true,
  });
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  const began = performance.now();
  for (let step = 0; step < rows; step++) {
    run.log(row(step));
    if (step % ROWS_A_TURN === ROWS_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const logged = performance.now();
  await run.finish();
  const finished = performance.now();
  stalls.disable();
  const stored = await storedRows(id);
  const ms = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1);
  const took = { logS: (logged - began) / 1000, finishS: (finished - logged) / 1000 };
  console.log(
    `${rows.toLocaleString("en")} rows online: logged in ${took.logS.toFixed(1)} s, finish ${took.finishS.toFixed(1)} s, ${Math.round(rows / (took.logS + took.finishS)).toLocaleString("en")} rows/s at the server, ${stored.toLocaleString("en")} stored (${stored === rows ? "all" : "NOT ALL"})`,
  );
  console.log(
    `  event loop turns of the logging thread, 1 ms timer: p50 ${ms(stalls.percentile(50))} ms, p99 ${ms(stalls.percentile(99))} ms, p99.9 ${ms(stalls.percentile(99.9))} ms, longest ${ms(stalls.max)} ms   goal: no stall over 5 ms; resident ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB`,
  );
  return took;
}

try {
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
