/**
 * What a program waits for before its first row: loading the SDK as published (compiled, from its tarballs) and `init` on a
 * warm server, in processes of their own; the same of the official Python client. And what a hundred runs in one process take.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { interpreterOf, newestClient } from "../conformance/python.ts";
import { startServer } from "../conformance/server.ts";
import { installSdk } from "./sdk/published.ts";

const ROUNDS = process.argv.includes("--quick") ? 2 : 7;
const SCRIPT = `
const began = performance.now();
const { init } = await import("steelyard");
const took = [performance.now() - began];
for (let n = 0; n < 2; n++) {
  const start = performance.now();
  const run = await init({ project: "bench", console: false, silent: true });
  run.log({ loss: 1 });
  took.push(performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  run.log({ loss: 2 });
  const end = performance.now();
  await run.finish();
  took.push(performance.now() - end);
}
console.log(JSON.stringify(took));
`;
/** As evaluations of agents have them: in megabytes and seconds of the processor. */
const MANY = `
const { init } = await import("steelyard");
const options = { project: "bench", console: false, silent: true };
const runs = await Promise.all(Array.from({ length: 100 }, () => init(options)));
for (let step = 0; step < 300; step++) {
  const row = Object.fromEntries(Array.from({ length: 10 }, (_, key) => ["key" + key, step * key]));
  for (const run of runs) run.log(row);
  if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
await Promise.all(runs.map((run) => run.finish()));
const { user, system } = process.cpuUsage();
console.log(JSON.stringify([process.resourceUsage().maxRSS / 1024, (user + system) / 1e6]));
`;
const PYTHON = `
import time
began = time.perf_counter()
import wandb
took = [time.perf_counter() - began]
start = time.perf_counter()
run = wandb.init(project="bench", settings=wandb.Settings(console="off", silent=True))
run.log({"loss": 1})
took.append(time.perf_counter() - start)
time.sleep(1)
run.log({"loss": 2})
end = time.perf_counter()
run.finish()
took.append(time.perf_counter() - end)
print([round(seconds * 1000, 1) for seconds in took])
`;

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
/** Median of each place over several processes' lists. */
const medians = (lists: number[][]) =>
  (lists[0] ?? []).map((_, place) => median(lists.map((list) => list[place] ?? Number.NaN)));

const dir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
const server = await startServer();
try {
  installSdk(dir);
  writeFileSync(join(dir, "script.mjs"), SCRIPT);
  writeFileSync(join(dir, "many.mjs"), MANY);
  const env = {
    ...process.env,
    WANDB_BASE_URL: server.url,
    WANDB_API_KEY: server.apiKey,
    WANDB_DIR: dir,
    WANDB_ERROR_REPORTING: "false",
    NO_PROXY: "127.0.0.1,localhost",
  };
  const measure = (command: string, args: string[]) =>
    medians(
      Array.from({ length: ROUNDS + 1 }, () => {
        const { stdout, stderr } = spawnSync(command, args, { cwd: dir, env, encoding: "utf8" });
        const last = stdout.trim().split("\n").at(-1);
        if (!last) throw new Error(stderr);
        return JSON.parse(last) as number[];
        // The first warms the server and the disk's cache.
      }).slice(1),
    );
  const [load, first, end, next] = measure(process.execPath, ["script.mjs"]) as [
    number,
    number,
    number,
    number,
  ];
  console.log(`import            ${load.toFixed(0)} ms   goal < 50`);
  console.log(
    `init to first log ${first.toFixed(0)} ms in a new process, ${next.toFixed(0)} ms for its next run   goal < 30`,
  );
  console.log(`finish            ${end.toFixed(0)} ms, of a run a second old`);
  const [megabytes = 0, seconds = 0] = measure(process.execPath, ["many.mjs"]);
  console.log(
    `100 runs at once  ${megabytes.toFixed(0)} MB resident at the most, ${seconds.toFixed(1)} s of the processor, of 300 rows of 10 keys each`,
  );
  if (newestClient) {
    const [pLoad, pInit, pEnd] = measure(interpreterOf(newestClient), ["-c", PYTHON]) as [
      number,
      number,
      number,
    ];
    console.log(
      `official Python client ${newestClient}: import ${pLoad.toFixed(0)} ms, init to first log ${pInit.toFixed(0)} ms, finish ${pEnd.toFixed(0)} ms; ours ${(pLoad / load).toFixed(1)}, ${(pInit / first).toFixed(1)} and ${(pEnd / end).toFixed(1)} times as fast`,
    );
  } else console.log("official Python client: none here, no comparison");
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
