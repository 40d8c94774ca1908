import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { SteelyardError } from "../../errors.ts";
import type { MetricStore } from "../../ports/metric-store.ts";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-faults-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("segments: no space left is said so, stores nothing of the append, and reads go on", async () => {
  const path = join(root, "full.db");
  const store = await openSegments(path, { maxBytes: 512 * 1024 });
  let stored = 0;
  for (;;) {
    try {
      await store.append([batch(1, stored, 100), batch(2, stored, 100)]);
      stored += 100;
    } catch (cause) {
      assert.ok(cause instanceof SteelyardError);
      assert.equal(cause.code, "storage-full");
      break;
    }
  }
  assert.ok(stored > 0);
  await assert.rejects(store.append([batch(1, stored, 5000)]), { code: "storage-full" });
  for (const run of [1, 2]) assert.equal((await rows(store, run)).length, stored);
  await store.close();
  // Space again: it goes on where it was.
  const roomy = await openSegments(path);
  const [result] = await roomy.append([batch(1, stored, 100)]);
  assert.equal(result?.lineCount, stored + 100);
  assert.equal((await rows(roomy, 1)).length, stored + 100);
  await roomy.close();
});

test("segments: a damaged chunk is named, its points are missing, everything else is read", async () => {
  const path = join(root, "damaged.db");
  const store = await openSegments(path);
  await store.append([batch(1, 0, 4096)]);
  await store.append([batch(1, 4096, 4096), batch(2, 0, 500)]);
  await store.close();
  const file = new DatabaseSync(path);
  const found = file.prepare("SELECT id, body FROM blocks WHERE level = 2 ORDER BY id LIMIT 1").get();
  const body = found?.body as Uint8Array;
  body[body.length - 100] = (body[body.length - 100] ?? 0) ^ 16;
  file.prepare("UPDATE blocks SET body = ? WHERE id = ?").run(body, Number(found?.id));
  file.close();

  const told: string[] = [];
  const again = await openSegments(path, { onDamage: (line) => told.push(line) });
  const ask = (key: string) =>
    again.series({ runs: [1], keys: [key], stream: "history", x: { kind: "step" }, buckets: 4000 });
  const [whole] = await ask("a");
  assert.equal(whole?.points, 8192);
  const [cut] = await ask("noise");
  assert.equal(cut?.points, 4096);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", new RegExp(`block ${found?.id} \\(key noise, lines 0 to 4095\\).*restore`));
  await assert.rejects(rows(again, 1), { code: "internal" });
  assert.equal((await again.rows({ run: 1, stream: "history", minStep: 4096 })).length, 4096);
  assert.equal((await again.rows({ run: 1, stream: "history", keys: ["a"] })).length, 8192);
  assert.equal((await rows(again, 2)).length, 500);
  await again.append([batch(1, 8192, 10)]);
  assert.equal((await again.rows({ run: 1, stream: "history", minStep: 8192 })).length, 10);
  await again.close();
});

test("segments: the last lines are read from the blocks they are in, and no other is opened", async () => {
  const path = join(root, "tail.db");
  const store = await openSegments(path);
  for (let at = 0; at < 5; at++) await store.append([batch(1, at * 4096, 4096)]);
  await store.close();
  const file = new DatabaseSync(path);
  // Whoever opened one of them would fail.
  file.exec("UPDATE blocks SET lines = x'ff', steps = x'ff', head = x'ff' WHERE last_line < 12288");
  file.close();
  const again = await openSegments(path);
  const last = batch(1, 12_288, 8192).lines;
  for (const n of [1, 4096, 8192])
    assert.deepEqual(await again.tail(1, "history", n), last.slice(-n), `the last ${n}`);
  await assert.rejects(again.tail(1, "history", 8193), { code: "internal" });
  await again.close();
});

test("segments: a full stream is sealed beside the appends, and small rests are merged", async () => {
  const path = join(root, "sealed.db");
  const store = await openSegments(path);
  for (let at = 0; at < 10_000; at += 100) await store.append([batch(1, at, 100)]);
  const { sealedChunks } = await sealedTo(store, 40);
  assert.ok(sealedChunks > 0);
  await store.close();
  const again = await openSegments(path);
  const after = await again.stats();
  assert.equal(after.journalRows, 0);
  assert.ok(after.sealedChunks <= 6, `${after.sealedChunks} blocks`);
  assert.equal((await rows(again, 1)).length, 10_000);
  await again.close();
});

test("segments: a file of a newer version is refused, not rewritten", async () => {
  const path = join(root, "newer.db");
  await (await openSegments(path)).close();
  const file = new DatabaseSync(path);
  file.exec("PRAGMA user_version = 99");
  file.close();
  await assert.rejects(openSegments(path), /newer Steelyard \(format 99/);
});

/** Waits until at most `most` journal rows are left. */
async function sealedTo(store: MetricStore, most: number) {
  for (;;) {
    const stats = await store.stats();
    if (stats.journalRows <= most) return stats;
  }
}

function batch(run: number, offset: number, count: number) {
  const lines = Array.from(
    { length: count },
    (_, i) => `{"_step":${offset + i},"a":${offset + i},"noise":${Math.sin((offset + i) * 12.9898)}}`,
  );
  return { run, stream: "history" as const, writer: "", offset, lines };
}

function rows(store: MetricStore, run: number): Promise<string[]> {
  return store.rows({ run, stream: "history" });
}
