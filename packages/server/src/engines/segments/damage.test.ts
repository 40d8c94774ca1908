import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { MetricStore } from "../../ports/metric-store.ts";
import { answerRows } from "./row-reads.ts";
import { openSegments } from "./store.ts";
import { StoredBlocks } from "./stored.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-damage-"));
after(() => rmSync(root, { recursive: true, force: true }));

const BATCH = 50;
const row = (run: number, line: number) =>
  `{"_step":${line},"run":${run},"noise":${Math.sin(line * 12.9898 + run)},"text":"${line % 7}"}`;

function batch(run: number, offset: number, count = BATCH) {
  const lines = Array.from({ length: count }, (_, i) => row(run, offset + i));
  return { run, stream: "history" as const, writer: "", offset, lines };
}
const rowsOf = (store: MetricStore, run: number) => store.rows({ run, stream: "history" });
const whole = (run: number, count: number) => Array.from({ length: count }, (_, line) => row(run, line));

test("segments: a file that was cut short or is none is refused with what to do, and not touched", async () => {
  const path = join(root, "cut.db");
  const store = await openSegments(path);
  await store.append([batch(1, 0, 5000)]);
  await store.close();
  const { size } = statSync(path);
  for (const bytes of [size - 8192, size >> 1, 8192 + 100, 100]) {
    truncateSync(path, bytes);
    const before = readFileSync(path);
    await assert.rejects(openSegments(path), (error: Error) =>
      ["cut.db is damaged", "steelyard server restore"].every((words) => error.message.includes(words)),
    );
    assert.deepEqual(readFileSync(path), before);
  }
  writeFileSync(
    path,
    "not a database, but a text of some length that somebody put here by mistake".repeat(3),
  );
  await assert.rejects(openSegments(path), /is damaged/);
});

test("segments: a log whose file is gone is kept and named", async () => {
  const path = join(root, "gone.db");
  writeFileSync(`${path}-wal`, "what was acknowledged last");
  await assert.rejects(openSegments(path), /gone\.db is missing, and .*gone\.db-wal is there: put both back/);
  assert.equal(readFileSync(`${path}-wal`, "utf8"), "what was acknowledged last");
  assert.equal(existsSync(path), false);
});

test("segments: without its log, or with a part of it, the file has whole batches, and takes the rest again", async () => {
  const path = join(root, "logless.db");
  const store = await openSegments(path);
  const image = join(root, "image.db");
  // As a crash leaves it: two batches in the file itself, the others in the log.
  await store.append([batch(1, 0)]);
  await store.close();
  const writing = await openSegments(path);
  for (let at = BATCH; at < 10 * BATCH; at += BATCH) await writing.append([batch(1, at)]);
  copyFileSync(path, image);
  copyFileSync(`${path}-wal`, `${image}-wal`);
  await writing.close();
  const log = readFileSync(`${image}-wal`);
  const file = readFileSync(image);
  const kept: number[] = [];
  for (const share of [1, 0.7, 0.3, 0]) {
    rmSync(`${image}-shm`, { force: true });
    writeFileSync(image, file);
    if (share > 0) writeFileSync(`${image}-wal`, log.subarray(0, Math.floor(log.length * share)));
    const left = await openSegments(image);
    const rows = await rowsOf(left, 1);
    assert.deepEqual(rows, whole(1, rows.length));
    assert.equal(rows.length % BATCH, 0);
    kept.push(rows.length);
    await left.append(Array.from({ length: 10 }, (_, i) => batch(1, i * BATCH)));
    assert.deepEqual(await rowsOf(left, 1), whole(1, 10 * BATCH));
    await left.close();
  }
  assert.equal(kept[0], 10 * BATCH);
  assert.equal(kept[3], BATCH);
  assert.deepEqual(
    kept.toSorted((a, b) => b - a),
    kept,
  );
});

test("segments: whatever bit of the file flips, a row that is read is one that was written", async () => {
  const path = join(root, "flipped.db");
  const store = await openSegments(path);
  const runs = [1, 2];
  for (const run of runs) await store.append([batch(run, 0, 600)]);
  await store.close();
  const written = new Set(runs.flatMap((run) => whole(run, 600)));
  const file = readFileSync(path);
  let refused = 0;
  let random = 1;
  for (let flip = 0; flip < 80; flip++) {
    random = (random * 48_271) % 2_147_483_647;
    // The first page is the schema: what is wrong there keeps the server from starting, which is said above.
    const at = 8192 + (random % (file.length - 8192));
    const before = file[at] as number;
    file[at] = before ^ (1 << (flip % 8));
    writeFileSync(path, file);
    file[at] = before;
    const stored = new StoredBlocks(path, { heads: 2 ** 20, decoded: 0 });
    try {
      for (const run of runs) {
        try {
          for (const text of stored.snapshot(() => answerRows(stored, { run, stream: "history" })))
            assert.ok(written.has(text), `byte ${at}: ${text}`);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          refused++;
        }
      }
    } finally {
      stored.database.close();
    }
  }
  assert.ok(refused >= 5, `${refused} refused`);
});
