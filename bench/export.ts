/**
 * Everything of a run as a file, by the door that people and notebooks use, at growing lengths: the time until the last
 * byte, and the server's processor time. The first of each length is asked with nothing kept in memory, and left out.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningServer, startServer } from "../conformance/server.ts";
import { makeRun, noise, stream } from "../e2e/browser.ts";
import { growthText, median, slopeOf } from "./peers/growth.ts";
import { cpuMsOf } from "./report/processor-time.ts";
import type { TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const PROJECT = "export";
const KEYS = 10;
/** Beside the keys: step, runtime and timestamp. */
const COLUMNS = KEYS + 3;
const LENGTHS = quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000];
const FORMATS = ["parquet", "csv", "jsonl"] as const;
const ROWS_A_REQUEST = 10_000;
const TIMES = 3;

const server = await startServer();
try {
  for (const length of LENGTHS) await fill(server, length);
  // What was sent last is sealed meanwhile.
  await sleep(quick ? 500 : 5000);
  const tables = FORMATS.map((format) => ({
    format,
    points: [] as [number, number][],
    cells: [] as string[],
  }));
  for (const { format, points, cells } of tables) {
    for (const length of LENGTHS) {
      await exported(server, length, format);
      const taken = [];
      for (let time = 0; time < TIMES; time++) taken.push(await exported(server, length, format));
      const ms = median(taken.map(({ ms }) => ms));
      const cpuMs = taken.reduce((sum, one) => sum + one.cpuMs, 0) / TIMES;
      const bytes = taken[0]?.bytes ?? 0;
      points.push([length, ms]);
      cells.push(
        `${Math.round(ms)} ms, ${((length * COLUMNS) / ms / 1000).toPrecision(2)} M values/s, ${((length * COLUMNS) / cpuMs / 1000).toPrecision(2)} M a processor second, ${(bytes / length / COLUMNS).toPrecision(2)} bytes each`,
      );
    }
  }
  writeReport([
    {
      kind: "table",
      title: `A run of ${KEYS} keys as a file`,
      head: ["format", ...LENGTHS.map((length) => `${length} steps`), "growth"],
      rows: tables.map(({ format, points, cells }) => [format, ...cells, growthText(slopeOf(points))]),
    } satisfies TablePart,
  ]);
} finally {
  await server.stop();
}

async function fill(server: RunningServer, length: number): Promise<void> {
  const name = `r${length}`;
  await makeRun(server, PROJECT, { name, displayName: name, steps: 0, keys: {}, running: true });
  const wanders = Array.from({ length: KEYS }, (_, key) => noise(key));
  for (let from = 0; from < length; from += ROWS_A_REQUEST) {
    const content = Array.from({ length: Math.min(ROWS_A_REQUEST, length - from) }, (_, at) => {
      const step = from + at;
      const row: Record<string, number> = {
        _step: step,
        _runtime: step / 10,
        _timestamp: 1.7e9 + step / 10,
      };
      for (const [key, wander] of wanders.entries())
        row[`metric_${key}`] = Math.exp(-step / 30_000) + wander(step) / 10;
      return JSON.stringify(row);
    });
    await stream(server, PROJECT, name, { files: { "wandb-history.jsonl": { offset: from, content } } });
  }
}

async function exported(
  server: RunningServer,
  length: number,
  format: string,
): Promise<{ ms: number; cpuMs: number; bytes: number }> {
  const cpuBefore = cpuMsOf(server.pid());
  const began = performance.now();
  const answer = await server.fetch(
    `/api/v1/export?entity=admin&project=${PROJECT}&run=r${length}&format=${format}`,
  );
  if (!answer.ok || !answer.body) throw new Error(await answer.text());
  let bytes = 0;
  for await (const part of answer.body) bytes += part.length;
  return { ms: performance.now() - began, cpuMs: cpuMsOf(server.pid()) - cpuBefore, bytes };
}
