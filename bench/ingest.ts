/**
 * What the metric store does on this machine: points per second that are durable when acknowledged, bytes per value at
 * rest, and the time of a chart's question. `node bench/ingest.ts [--quick]`. Everything is in one process, the one
 * that also makes the rows; the rows are made before the clock starts.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSegments } from "../packages/server/src/engines/segments/store.ts";
import type { MetricStore, SeriesQuestion } from "../packages/server/src/ports/metric-store.ts";

const quick = process.argv.includes("--quick");
const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
const KEYS = 10;
const BATCH_ROWS = 100;

try {
  console.log(`metric store, ${cpus().length} cores, Node ${process.version}`);
  await ingest();
  await charts();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A row of 10 keys: `_step`, `_runtime`, `_timestamp`, an epoch, and six float32 curves, as training scripts log. */
function row(run: number, step: number): string {
  let text = `{"_step":${step},"_runtime":${step * 0.11},"_timestamp":${1_763_900_000 + step * 0.11},"epoch":${Math.floor(step / 500)}`;
  for (let key = 0; key < KEYS - 4; key++) {
    const value = Math.exp(-step / 20_000) * (1 + 0.1 * Math.sin(step * (key + 1.3) + run));
    text += `,"curve_${key}":${Math.fround(value)}`;
  }
  return `${text}}`;
}

async function ingest(): Promise<void> {
  const path = join(folder, "ingest.db");
  const store = await openSegments(path);
  const runs = 20;
  const batches = quick ? 20 : 100;
  const prepared: string[][] = [];
  for (let batch = 0; batch < batches; batch++) {
    prepared.push(Array.from({ length: BATCH_ROWS }, (_, i) => row(0, batch * BATCH_ROWS + i)));
  }
  const waits: number[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: runs }, async (_, run) => {
      for (const [batch, lines] of prepared.entries()) {
        const asked = performance.now();
        await store.append([
          { run: run + 1, stream: "history", writer: "", offset: batch * BATCH_ROWS, lines },
        ]);
        waits.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const points = runs * batches * BATCH_ROWS * KEYS;
  console.log(
    `ingest: ${runs} runs at once, batches of ${BATCH_ROWS} rows x ${KEYS} keys from JSON lines, each durable before acknowledged`,
  );
  console.log(
    `  ${millions(points / seconds)} points/s, ${Math.round((runs * batches) / seconds)} batches/s`,
  );
  console.log(
    `  append p50 ${ms(quantile(waits, 0.5))}, p95 ${ms(quantile(waits, 0.95))}, p99 ${ms(quantile(waits, 0.99))}, longest ${ms(Math.max(...waits))}; rows are sealed beside them`,
  );
  await store.close();
  const file = new DatabaseSync(path, { readOnly: true });
  const pragma = (name: string) => Number(Object.values(file.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  const size = statSync(path).size;
  const free = pragma("freelist_count") * pragma("page_size");
  file.close();
  console.log(
    `  ${((size - free) / points).toFixed(2)} bytes a value in use at rest, pyramid included; ${(free / size).toFixed(2)} of the file is room that the journal left`,
  );
}

async function charts(): Promise<void> {
  const runs = quick ? 20 : 100;
  const short = await fill(runs, 10_000, "short.db");
  const base = await ask("10 k steps", short, runs, 500);
  await short.close();
  const long = await fill(runs, quick ? 50_000 : 100_000, "long.db");
  const one = await ask(quick ? "50 k steps" : "100 k steps", long, runs, 500);
  await ask("the same, zoomed to 1 %", long, runs, 500, { min: 40_000, max: 41_000 });
  await ask("the same, x = _runtime", long, runs, 500, { x: { kind: "relative" } });
  console.log(`  a run ${quick ? 5 : 10} times as long costs ${(one / base).toFixed(2)} times as much`);
  await long.close();
}

/** Two curves a run: the chart asks one of them, the other is there to be left alone. */
async function fill(runs: number, steps: number, name: string): Promise<MetricStore> {
  const path = join(folder, name);
  const store = await openSegments(path);
  const lines = Array.from(
    { length: steps },
    (_, step) =>
      `{"_step":${step},"_runtime":${step / 8},"loss":${Math.fround(Math.exp(-step / 9000) + Math.sin(step * 7) / 20)},"lr":${Math.fround(1e-3 / (1 + step))}}`,
  );
  for (let run = 1; run <= runs; run++) {
    for (let at = 0; at < steps; at += 5000) {
      await store.append([
        { run, stream: "history", writer: "", offset: at, lines: lines.slice(at, at + 5000) },
      ]);
    }
  }
  await store.close();
  return openSegments(path);
}

async function ask(
  title: string,
  store: MetricStore,
  runs: number,
  buckets: number,
  more: Partial<SeriesQuestion> = {},
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < (quick ? 10 : 30); i++) {
    const began = performance.now();
    await store.series({
      runs: Array.from({ length: runs }, (_, run) => run + 1),
      keys: ["loss"],
      stream: "history",
      x: { kind: "step" },
      buckets,
      ...more,
    });
    times.push(performance.now() - began);
  }
  const p50 = quantile(times, 0.5);
  console.log(
    `series: one key of ${runs} runs x ${title} in ${buckets} buckets: p50 ${ms(p50)}, p95 ${ms(quantile(times, 0.95))}`,
  );
  return p50;
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function millions(value: number): string {
  return `${(value / 1e6).toFixed(2)} M`;
}
