/**
 * What a chart costs as runs grow: 1,000 series (100 runs × 10 keys) into 1,000 buckets, of runs of 10 k, 100 k and 1 M steps;
 * a zoom to 1 %, other axes, last values, and the bytes that a value takes. `node bench/series.ts [--quick]`. The first run of each
 * length is logged, the others are forks of it: each has its own copy of every block and pyramid.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSegments } from "../packages/server/src/engines/segments/store.ts";
import type { MetricStore, SeriesQuestion } from "../packages/server/src/ports/metric-store.ts";

const quick = process.argv.includes("--quick");
const RUNS = quick ? 20 : 100;
const KEYS = 10;
const BUCKETS = 1000;
const LENGTHS = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
const REPEATS = quick ? 8 : 20;
const APPENDED_ROWS = 5000;
/** What a plain line with its envelope is drawn of. */
const LINE = ["xFirst", "xLast", "min", "max", "last"] as const;

const keys = Array.from({ length: KEYS }, (_, key) => `curve_${key}`);
const runs = Array.from({ length: RUNS }, (_, run) => run + 1);
const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
try {
  console.log(
    `${RUNS} runs x ${KEYS} keys in ${BUCKETS} buckets, ${cpus().length} cores, Node ${process.version}; first = right after the store was opened`,
  );
  const whole: number[] = [];
  for (const steps of LENGTHS) whole.push(await measure(steps));
  const base = whole[0] ?? Number.NaN;
  console.log(
    `as long a run takes, against ${LENGTHS[0]} steps: ${whole.map((ms) => (ms / base).toFixed(2)).join(", ")}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(steps: number): Promise<number> {
  const path = join(folder, `${steps}.db`);
  await fill(path, steps);
  const store = await openSegments(path);
  console.log(`${steps} steps a run, ${((RUNS * KEYS * steps) / 1e6).toFixed(0)} M values`);
  printBytes(path, steps);
  const p50 = await ask(store, "all columns", {});
  await ask(store, "columns of a line", { columns: LINE });
  const middle = Math.floor(steps / 2);
  await ask(store, "zoom to 1 %", { min: middle, max: middle + steps / 100 });
  await ask(store, "zoom to 10 %", { min: middle, max: middle + steps / 10 });
  await ask(store, "x = _runtime", { x: { kind: "relative" } });
  await ask(store, "x = _runtime, zoom to 1 %", {
    x: { kind: "relative" },
    min: middle / 8,
    max: (middle + steps / 100) / 8,
  });
  await ask(store, "one run, one key", { runs: [1], keys: keys.slice(0, 1) });
  const times: number[] = [];
  for (const run of runs) times.push(await timed(() => store.tail(run, "history", 1)));
  console.log(
    `  ${"last row of a run".padEnd(28)} p50 ${ms(quantile(times, 0.5))}, p95 ${ms(quantile(times, 0.95))}`,
  );
  await store.close();
  rmSync(path);
  return p50;
}

/** float32 curves, as training scripts log. */
async function fill(path: string, steps: number): Promise<void> {
  const store = await openSegments(path);
  for (let at = 0; at < steps; at += APPENDED_ROWS) {
    const lines = Array.from({ length: Math.min(APPENDED_ROWS, steps - at) }, (_, i) => row(at + i));
    await store.append([{ run: 1, stream: "history", writer: "", offset: at, lines }]);
  }
  await store.close();
  // What a close has no time to seal, the next one does.
  let again = await openSegments(path);
  while ((await again.stats()).journalRows > 0) {
    await again.close();
    again = await openSegments(path);
  }
  for (const run of runs.slice(1)) await again.fork(1, run, steps);
  await again.close();
}

function row(step: number): string {
  let text = `{"_step":${step},"_runtime":${step / 8}`;
  for (let key = 0; key < KEYS; key++) {
    const value =
      Math.exp(-step / 20_000) * (1 + 0.1 * Math.sin(step * (key + 1.3))) + Math.sin(step * 7.1 + key) / 50;
    text += `,"curve_${key}":${Math.fround(value)}`;
  }
  return `${text}}`;
}

function printBytes(path: string, steps: number): void {
  const file = new DatabaseSync(path, { readOnly: true });
  const one = (text: string) => Number(Object.values(file.prepare(text).get() ?? {})[0]);
  const values = RUNS * (KEYS + 2) * steps;
  const used = statSync(path).size - one("PRAGMA freelist_count") * one("PRAGMA page_size");
  const pyramids = one("SELECT total(length(body)) FROM pyramids");
  const chunks =
    one("SELECT total(length(body) + length(head) + length(lines) + length(steps)) FROM blocks") +
    one("SELECT total(length(body)) FROM parts");
  file.close();
  const share = (bytes: number) => (bytes / values).toFixed(2);
  console.log(
    `  bytes a value (_step and _runtime counted): ${share(used)} on disk, of it chunks ${share(chunks)}, pyramids ${share(pyramids)}`,
  );
}

async function ask(store: MetricStore, title: string, more: Partial<SeriesQuestion>): Promise<number> {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < REPEATS; i++) {
    times.push(
      await timed(() =>
        store.series({ runs, keys, stream: "history", x: { kind: "step" }, buckets: BUCKETS, ...more }),
      ),
    );
  }
  const { user, system } = process.cpuUsage(before);
  const [first = Number.NaN, ...rest] = times;
  const p50 = quantile(rest, 0.5);
  console.log(
    `  ${title.padEnd(28)} p50 ${ms(p50)}, p95 ${ms(quantile(rest, 0.95))}, first ${ms(first)}, processor ${ms((user + system) / 1000 / REPEATS)}`,
  );
  return p50;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(6)} ms`;
}
