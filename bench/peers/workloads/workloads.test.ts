import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { headerRecord, historyRecord } from "@steelyard/protocol/records";
import { compareAll, inWords } from "../faithful.ts";
import { makePool, type Pool, type Tally } from "../workload.ts";
import { digestsOf, makeFolder, makeImages } from "./given.ts";
import { filesKept, imagesKept, linesKept, tablesKept } from "./kept.ts";
import { readLogs } from "./offline-log.ts";
import { visibleAfter } from "./paced.ts";
import { rowOf, timesOf, valuesOf } from "./repeats.ts";
import { memorySlope } from "./resources.ts";
import { sizesOf } from "./sizes.ts";
import { type Line, ofAll } from "./workload.ts";

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
    ...[sizes.small, sizes.wide, sizes.long, sizes.huge.many, sizes.huge.one].map(
      ([rows, keys]) => rows * keys,
    ),
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

test("lines, pictures, tables and files that are lost, doubled or changed are noticed", () => {
  assert.equal(linesKept(3, [0, 1, 2]), "all");
  assert.equal(linesKept(3, [0, 2, 1]), "all, not in order");
  assert.equal(linesKept(3, [0, 2, 2, 2]), "**1 lost**, **2 doubled**");
  const image = (name: string) => ({ path: "", bytes: `${name} bytes`, pixels: name });
  const given = [image("a"), image("b")];
  assert.equal(
    imagesKept(given, [
      ["b bytes", "b"],
      ["a bytes", "a"],
    ]),
    "all",
  );
  assert.equal(
    imagesKept(given, [
      ["other", "a"],
      ["b bytes", "b"],
    ]),
    "all, the same pixels in other bytes",
  );
  assert.equal(imagesKept(given, [["a bytes", "a"]]), "**1 lost**");
  assert.equal(
    imagesKept(given, [
      ["a bytes", "a"],
      ["x", "x"],
    ]),
    "**1 changed**",
  );
  assert.equal(
    imagesKept(given, [
      ["a", "a"],
      ["a", "a"],
      ["b", "b"],
    ]),
    "**1 doubled**",
  );
  // Rows 0 … 3 with their halves: 6 + 3.
  assert.equal(
    tablesKept(2, 4, [
      [4, 9],
      [4, 9],
    ]),
    "all",
  );
  assert.equal(tablesKept(2, 4, [[4, 9]]), "**1 lost**");
  assert.equal(
    tablesKept(2, 4, [
      [4, 9],
      [4, 9],
      [4, 9],
    ]),
    "**1 doubled**",
  );
  assert.equal(
    tablesKept(2, 4, [
      [4, 9],
      [4, 8],
    ]),
    "**1 changed**",
  );
  assert.equal(
    tablesKept(2, 4, [
      [4, 9],
      [3, 9],
    ]),
    "**1 changed**",
  );
  const files = new Map([
    ["a", "1"],
    ["b", "2"],
  ]);
  assert.equal(filesKept(files, new Map(files)), "all");
  assert.equal(filesKept(files, new Map([["a", "1"]])), "**1 lost**");
  assert.equal(filesKept(files, new Map([...files, ["b", "3"]])), "**1 changed**");
  assert.equal(filesKept(files, new Map([...files, ["c", "3"]])), "**1 doubled**");
});

test("a folder and its successor differ in a hundredth, and pictures are whole", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-workloads-"));
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const sizes = { bigBytes: 3 * 2 ** 20, files: 200, fileBytes: 100 };
  makeFolder(first, sizes, 0);
  makeFolder(second, sizes, 0, first);
  const other = join(folder, "other");
  makeFolder(other, sizes, 1);
  const [one, two] = [digestsOf(first), digestsOf(second)];
  assert.equal(one.size, 201);
  assert.equal(new Set(one.values()).size, 201, "no file is another's double");
  assert.equal(filesKept(one, two), "**3 changed**");
  const seen = new Set([...one.values(), ...two.values()]);
  assert.ok(
    [...digestsOf(other).values()].every((digest) => !seen.has(digest)),
    "another series has nothing of it",
  );
  const bytes = [first, second].map((each) => readFileSync(join(each, "big.bin")));
  const changed = bytes[0]?.reduce((sum, byte, at) => sum + Number(byte !== bytes[1]?.[at]), 0) ?? 0;
  assert.equal(bytes[1]?.length, sizes.bigBytes);
  assert.ok(changed > sizes.bigBytes / 110 && changed <= Math.ceil(sizes.bigBytes / 100));
  const [image, next] = makeImages(folder, 2);
  assert.notEqual(image?.bytes, next?.bytes);
  const body = readFileSync(image?.path ?? "");
  assert.ok(body.length > 60_000 && body.length < 70_000);
  // The pixels come back from what is between the header and the end: a line is its filter's kind and 147 pixels.
  const at = body.indexOf("IDAT");
  const raw = inflateSync(body.subarray(at + 4, at + 4 + body.readUInt32BE(at - 4)));
  const pixels = Buffer.concat(
    Array.from({ length: 147 }, (_, line) => raw.subarray(line * 442 + 1, (line + 1) * 442)),
  );
  assert.equal(createHash("sha256").update(pixels).digest("hex"), image?.pixels);
  rmSync(folder, { recursive: true });
});

test("a value can be read from the first look on that has its row or a later one", () => {
  const began = [0, 10, 20, 30];
  assert.deepEqual(
    visibleAfter(began, [
      [15, 0],
      [40, 2],
    ]),
    [15, 20, 30, Number.POSITIVE_INFINITY],
  );
  assert.deepEqual(visibleAfter([5], []), [Number.POSITIVE_INFINITY]);
});

test("what is short is done three to seven times, and its row has medians, ranges and what differed", () => {
  assert.deepEqual([0.01, 0.5, 1, 2.9, 3, 60].map(timesOf), [7, 6, 3, 3, 1, 1]);
  const line = (call: number, rate: number, disk: number, kept: string): Line => ({
    seconds: 1,
    cells: [[call, " / ", call * 10], rate, disk, kept],
    values: { rate, disk },
  });
  const once = line(1, 5, 0.5, "all");
  assert.deepEqual(rowOf([once]), ["1 / 10", "5", "0.5", "all"]);
  // Bytes at rest are counted the first time alone.
  const again = [line(3, 7, Number.NaN, "all"), line(2, 6, Number.NaN, "**1 lost**")];
  assert.deepEqual(rowOf([once, ...again]), ["2 (1–3) / 20", "6 (5–7)", "0.5", "all; **1 lost**"]);
  assert.deepEqual(valuesOf([once, ...again]), { rate: 6, disk: 0.5 });
  const left = { ...once, cells: [ofAll(6, 360, 1000, "rows"), ofAll(2, 10, 10, "rows")] };
  assert.deepEqual(rowOf([left]), ["≈ 17 (6 s for 360 of 1,000 rows)", "2"]);
});
