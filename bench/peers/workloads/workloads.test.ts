import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { headerRecord, historyRecord } from "@steelyard/protocol/records";
import { compareAll, inWords } from "../faithful.ts";
import { makePool, type Pool, type Tally } from "../workload.ts";
import { readLogs } from "./offline-log.ts";
import { memorySlope } from "./resources.ts";
import { sizesOf } from "./sizes.ts";

/** A folder as a client leaves it, with those steps of a run in its log. */
function logOf(lines: readonly Record<string, unknown>[], steps: readonly number[]): string {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-workloads-"));
  const records = steps.map((step, at) =>
    historyRecord(
      at + 2,
      Object.entries(lines[step % lines.length] ?? {}).map(([key, value]) => [
        [key],
        Number.isNaN(value) ? "NaN" : JSON.stringify(value),
      ]),
      step,
    ),
  );
  mkdirSync(join(folder, "wandb", "offline-run"), { recursive: true });
  const writer = new RecordLogWriter();
  for (const record of [headerRecord(1, "test"), ...records]) {
    writer.append(record);
  }
  writeFileSync(join(folder, "wandb", "offline-run", "run-w1.wandb"), writer.take());
  return folder;
}

test("a log of rows is read back, and a lost row and a doubled one are noticed", () => {
  const pool = makePool(3, 50);
  const lines = readFileSync(pool.path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => parseExtendedJson(line) as Record<string, unknown>);
  const words = (steps: readonly number[]) => {
    const folder = logOf(lines, steps);
    const found = inWords(compareAll(pool, ["w1"], [50], -1, readLogs(folder, ["w1"])));
    rmSync(folder, { recursive: true });
    return found;
  };
  const steps = lines.map((_, step) => step);
  assert.equal(words(steps), "all");
  assert.equal(words(steps.filter((step) => step !== 7)), "**3 lost**");
  assert.equal(words([...steps, 7]), "**3 doubled**");
  assert.equal(words(steps.map((step) => (step === 7 ? 8 : step))), "**3 keys changed**");
  pool.remove();
});

test("a key that had nothing but NaN is not taken for changed", () => {
  const folder = logOf([{ metric_0: Number.NaN }], [0]);
  const read = readLogs(folder, ["w1"]);
  const pool = { expected: () => new Map([["metric_0", [1, 0, 1, Infinity, -Infinity, 0] as Tally]]) };
  assert.equal(inWords(compareAll(pool as unknown as Pool, ["w1"], [1], -1, read)), "all");
  rmSync(folder, { recursive: true });
});

test("memory that grows with points is told from memory that stays", () => {
  const samples = Array.from({ length: 20 }, (_, at) => ({
    atMs: 1000 + at * 100,
    client: 50e6 + at * 1e6,
    server: at < 3 ? at * 40e6 : 120e6,
  }));
  // 19 MB over 1.9 s in which 380,000 points were logged.
  assert.ok(Math.abs(memorySlope(samples, "client", 1000, 2900, 380_000) - 50e6) < 1);
  assert.equal(
    memorySlope(samples, "server", 1000, 2900, 380_000),
    0,
    "what comes at the start is no growth",
  );
  assert.ok(Number.isNaN(memorySlope(samples, "client", 1000, 1300, 380_000)), "too few samples");
});

test("a whole run is larger than a tenth, and a tenth than a quick one, in every workload", () => {
  const [quick, tenth, full] = [sizesOf(true, false), sizesOf(false, false), sizesOf(false, true)];
  const work = (sizes: typeof quick) => [
    ...[sizes.small, sizes.wide, sizes.long, ...sizes.huge].map(([rows, keys]) => rows * keys),
    sizes.many.runs * sizes.many.rows,
    sizes.parallel.processes * sizes.parallel.rows,
    sizes.paced.seconds,
    sizes.media.images,
    sizes.media.tables * sizes.media.tableRows,
    sizes.lines,
    sizes.artifact.bigBytes + sizes.artifact.files * sizes.artifact.fileBytes,
    sizes.outage.awaySeconds,
  ];
  const [small, middle, large] = [work(quick), work(tenth), work(full)];
  assert.ok(middle.every((size, at) => size > (small[at] ?? 0) && size < (large[at] ?? 0)));
  assert.ok(tenth.cellSeconds <= 30);
});
