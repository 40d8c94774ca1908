/**
 * A call of log(): what it costs the program that calls it, what the worker gets through, and the same loop with the
 * official Python client, offline both. The Python environments are those of `npm test` (STEELYARD_TEST_VENVS names
 * another folder); without one, no comparison.
 */
import { spawnSync } from "node:child_process";
import { closeSync, globSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { init } from "steelyard";
import { interpreterOf, newestClient } from "../conformance/python.ts";

const quick = process.argv.includes("--quick");
const ROWS = Number(process.env.BENCH_ROWS ?? (quick ? 1_000_000 : 10_000_000));
const PACED = quick ? 4_000 : 20_000;
const dir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const row = (step: number) => ({
  loss: 1 / (step + 1),
  accuracy: step / PACED,
  lr: 0.001,
  grad_norm: Math.sqrt(step),
  epoch: Math.floor(step / 100),
});

/** Some 40 us of arithmetic on 128 kB, as a small model's step has it: what log() finds in the caches is not its own. */
const weights = new Float64Array(16_384).map((_, index) => Math.sin(index));
function compute(): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    weights[index] = (weights[index] as number) * 0.9999 + 1e-9;
    sum += weights[index] as number;
  }
  return sum;
}

type Pause = (step: number) => Promise<void> | undefined;

async function timed(pause: Pause, strict = false): Promise<Float64Array> {
  const run = await init({ project: "bench", mode: "offline", dir, console: false, silent: true, strict });
  const took = await timedCalls((data) => run.log(data), pause);
  await run.finish();
  return took;
}

async function timedCalls(call: (data: ReturnType<typeof row>) => void, pause: Pause): Promise<Float64Array> {
  for (let step = 0; step < 5000; step++) call(row(step));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const took = new Float64Array(PACED);
  for (let step = 0; step < PACED; step++) {
    const data = row(step);
    const began = performance.now();
    call(data);
    took[step] = (performance.now() - began) * 1000;
    const pausing = pause(step);
    if (pausing) await pausing;
  }
  return took;
}

/** What nobody can do without: the clock and the caches after other work; in strict mode a write of a row's bytes too. */
async function floors(pause: Pause): Promise<void> {
  let sum = 0;
  const nothing = await timedCalls((data) => {
    sum += data.loss;
  }, pause);
  tell("  in its place, a call that does nothing  ", nothing);
  const file = openSync(join(dir, "floor"), "w");
  const bytes = new Uint8Array(211).fill(sum);
  let at = 0;
  const writing = await timedCalls(() => {
    at += writeSync(file, bytes, 0, bytes.length, at);
  }, pause);
  closeSync(file);
  tell("  in its place, a write of 211 bytes      ", writing);
}

/** Prints, and answers the median in microseconds. */
function tell(what: string, took: Float64Array): number {
  const mean = took.reduce((sum, value) => sum + value, 0) / took.length;
  took.sort();
  console.log(
    `${what}: mean ${mean.toFixed(2)} us, p50 ${percentile(took, 0.5).toFixed(2)} us, p99 ${percentile(took, 0.99).toFixed(2)} us, longest ${((took.at(-1) ?? 0) / 1000).toFixed(2)} ms`,
  );
  return percentile(took, 0.5);
}

/** Each call timed: the clock's own cost, some 0.1 us, is in it. */
async function paced(): Promise<number> {
  const computing = (step: number): Promise<void> | undefined => {
    compute();
    return step % 100 === 99 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
  };
  const callUs = tell("log({5 scalars}), a computing loop        ", await timed(computing));
  // Written to the file before the call returns; the goal is 3 us.
  tell("log({5 scalars}), the same in strict mode ", await timed(computing, true));
  await floors(computing);
  const bursts = await timed((step) =>
    step % 20 === 19 ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined,
  );
  tell(
    "log({5 scalars}), first after a 1 ms sleep",
    bursts.filter((_, step) => step % 20 === 0),
  );
  tell(
    "log({5 scalars}), next 19 after it        ",
    bursts.filter((_, step) => step % 20 !== 0),
  );
  return callUs;
}

/** As fast as it goes: the ring fills, and log() waits for the worker; memory must stay where it is. */
async function flatOut(rows: number): Promise<number> {
  const run = await init({
    project: "bench",
    mode: "offline",
    dir,
    console: false,
    silent: true,
    id: `flat-${rows}`,
  });
  const began = performance.now();
  const memory: number[] = [];
  for (let step = 0; step < rows; step++) {
    run.log(row(step));
    if (step % Math.ceil(rows / 10) === 0) memory.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  }
  await run.finish();
  const seconds = (performance.now() - began) / 1000;
  const [log = ""] = globSync(join(dir, "wandb", `*flat-${rows}`, "*.wandb"));
  console.log(
    `${rows.toLocaleString("en")} rows to the log, flat out: ${Math.round(rows / seconds).toLocaleString("en")} rows/s, ${Math.round(statSync(log).size / rows)} bytes a row; memory MB: ${memory.join(" ")}`,
  );
  return rows / seconds;
}

const PYTHON = `
import sys, time, wandb
run = wandb.init(project="bench", mode="offline", dir=sys.argv[1], settings=wandb.Settings(console="off", silent=True))
n = 20000
took = []
start = time.perf_counter()
for step in range(n):
    row = {"loss": 1 / (step + 1), "accuracy": step / n, "lr": 0.001, "grad_norm": step ** 0.5, "epoch": step // 100}
    began = time.perf_counter()
    run.log(row)
    took.append(time.perf_counter() - began)
run.finish()
whole = time.perf_counter() - start
took.sort()
print(f"{sum(took) / n * 1e6:.1f} {took[n // 2] * 1e6:.1f} {took[int(n * 0.99)] * 1e6:.1f} {n / whole:.0f}")
`;

const callUs = await paced();
const short = await flatOut(20_000);
const long = await flatOut(ROWS);
if (newestClient) {
  const { stdout } = spawnSync(interpreterOf(newestClient), ["-c", PYTHON, dir], { encoding: "utf8" });
  const [mean, p50, p99, rows] = stdout.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  console.log(
    `official Python client ${newestClient}, offline, same rows: mean ${mean} us, p50 ${p50} us, p99 ${p99} us; 20,000 rows ${rows} rows/s; ours: a call ${((p50 ?? 0) / callUs).toFixed(0)} times cheaper, ${(short / (rows ?? 1)).toFixed(0)} times the rows/s over 20,000 rows, ${(long / (rows ?? 1)).toFixed(0)} times over ${ROWS.toLocaleString("en")}`,
  );
} else console.log("official Python client: none here, no comparison");
rmSync(dir, { recursive: true, force: true });
