/**
 * What a chart costs as runs grow: 1,000 series (100 runs × 10 keys) into 1,000 buckets, of runs of 10 k, 100 k and 1 M steps;
 * zooms, other axes, last values, bytes a value beside Parquet, and one run of 10 M steps. Series of one length are
 * measured straight in the store, no HTTP; processor time is that of all its threads.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openSegments } from "../packages/server/src/engines/segments/store.ts";
import type { MetricStore, SeriesQuestion } from "../packages/server/src/ports/metric-store.ts";
import type { ReportPart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";
import { bytesOf, fill, KEYS, parquetBytes, SPIKE, spikeStep } from "./series/runs.ts";

const quick = process.argv.includes("--quick");
const RUNS = quick ? 20 : 100;
const BUCKETS = 1000;
const LENGTHS = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
const LONGEST = quick ? 1_000_000 : 10_000_000;
const REPEATS = quick ? 10 : 20;
/** What a plain line with its envelope is drawn of. */
const LINE = ["xFirst", "xLast", "min", "max", "last"] as const;

const keys = Array.from({ length: KEYS }, (_, key) => `curve_${key}`);
const runs = Array.from({ length: RUNS }, (_, run) => run + 1);
const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
const rows: string[][] = [];
/** Question → [steps, p50]. */
const growth = new Map<string, [number, number][]>();
const texts: string[] = [];

try {
  for (const steps of LENGTHS) await measure(steps);
  texts.push(flatness(), await honesty());
  report();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(steps: number): Promise<void> {
  const path = join(folder, `${steps}.db`);
  await fill(path, runs, steps);
  const parquet = steps === 100_000 ? await parquetBytes(folder, steps) : undefined;
  const bytes = bytesOf(path, RUNS * steps);
  texts.push(
    `${steps} steps: ${bytes.all.toFixed(2)} bytes a value on disk (chunks ${bytes.chunks.toFixed(2)}, pyramids ${bytes.pyramids.toFixed(2)})${
      parquet
        ? `; the same rows as Parquet with zstd ${parquet.toFixed(2)}: ${(bytes.all / parquet).toFixed(2)} times it   goal <= 1.15`
        : ""
    }`,
  );
  const store = await openSegments(path);
  const middle = Math.floor(steps / 2);
  await ask(store, steps, "all columns", {});
  await ask(store, steps, "columns of a line", { columns: LINE });
  await ask(store, steps, "zoom to 10 %", { min: middle, max: middle + steps / 10 });
  await ask(store, steps, "zoom to 1 %", { min: middle, max: middle + steps / 100 });
  await ask(store, steps, "x = _runtime", { x: { kind: "relative" } });
  await ask(store, steps, "one run, one key", { runs: [1], keys: keys.slice(0, 1) });
  await repeat(steps, "last row of each run", async () => {
    for (const run of runs) await store.tail(run, "history", 1);
  });
  await store.close();
  rmSync(path);
}

function ask(store: MetricStore, steps: number, title: string, more: Partial<SeriesQuestion>): Promise<void> {
  return repeat(steps, title, () =>
    store.series({ runs, keys, stream: "history", x: { kind: "step" }, buckets: BUCKETS, ...more }),
  );
}

async function repeat(steps: number, title: string, work: () => Promise<unknown>): Promise<void> {
  const first = await timed(work);
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < REPEATS; i++) times.push(await timed(work));
  const { user, system } = process.cpuUsage(before);
  const p50 = quantile(times, 0.5);
  const all = growth.get(title) ?? [];
  all.push([steps, p50]);
  growth.set(title, all);
  rows.push([
    title,
    steps.toLocaleString("en"),
    ...[p50, quantile(times, 0.95), first, (user + system) / 1000 / REPEATS].map((ms) => ms.toFixed(1)),
  ]);
}

function flatness(): string {
  const lines = [...growth].map(([title, points]) => {
    const base = points[0]?.[1] ?? Number.NaN;
    return `  ${title.padEnd(22)} ${points.map(([, ms]) => (ms / base).toFixed(2)).join(", ")}`;
  });
  return ["p50 against that of the shortest runs:", ...lines].join("\n");
}

/** One step of millions is planted: what holds it at each of 12 zooms, and what a zoom takes. */
async function honesty(): Promise<string> {
  const path = join(folder, "longest.db");
  await fill(path, [1], LONGEST, 1);
  const store = await openSegments(path);
  const step = spikeStep(LONGEST);
  let shown = 0;
  let equal = 0;
  const times: number[] = [];
  for (let zoom = 0; zoom < 12; zoom++) {
    const width = Math.floor(LONGEST / 2 ** zoom);
    const min = Math.max(0, Math.min(LONGEST - width, step - Math.floor((width * (zoom % 5)) / 5)));
    const question = {
      runs: [1],
      keys: ["curve_0"],
      stream: "history",
      x: { kind: "step" },
      buckets: BUCKETS,
    } as const;
    const once = async () => (await store.series({ ...question, min, max: min + width - 1 }))[0];
    const began = performance.now();
    const series = await once();
    times.push(performance.now() - began);
    if (series?.max.includes(SPIKE)) shown++;
    const again = await once();
    if (JSON.stringify(again, asArrays) === JSON.stringify(series, asArrays)) equal++;
  }
  await store.close();
  return `a spike of one step in ${LONGEST.toLocaleString("en")} is in the answer at ${shown} of 12 zooms, ${equal} of them the same when asked again; longest ${Math.max(...times).toFixed(1)} ms`;
}

function asArrays(_: string, value: unknown): unknown {
  return value instanceof Float64Array ? [...value] : value;
}

function report(): void {
  const parts: ReportPart[] = [
    {
      kind: "table",
      title: `${RUNS} runs x ${KEYS} keys in ${BUCKETS} buckets, ms; first = with nothing kept from before (for the first question of a length: nor any page read)`,
      head: ["question", "steps a run", "p50", "p95", "first", "processor"],
      rows,
    },
    {
      kind: "text",
      text: `${texts.join("\n")}\n${cpus().length} cores. goal: 1,000 series p95 < 100 ms, the same within 20 % at every length`,
    },
    {
      kind: "lines",
      name: "series-growth",
      title: "A chart of many runs as they grow",
      xLabel: "steps a run",
      yLabel: "ms",
      series: [...growth].map(([name, points]) => ({ name, points })),
    },
  ];
  writeReport(parts);
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
