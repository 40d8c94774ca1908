import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSegments } from "./store.ts";

const KEYS = 30_000;

/** What is quadratic in the keys of a block takes minutes here. */
test("a run of many keys tells them, and their last values, in time that grows as they do", async () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-wide-"));
  const store = await openSegments(join(folder, "segments.db"));
  const row = (step: number) =>
    `{"_step":${step},${Array.from({ length: KEYS }, (_, key) => `"m/${key}":${key + step}`).join(",")}}`;
  for (const step of [0, 1])
    await store.append([{ run: 1, stream: "history", writer: "", offset: step, lines: [row(step)] }]);
  const { user, system } = process.cpuUsage();
  const keys = await store.keys(1, "history");
  const spent = process.cpuUsage({ user, system });
  assert.equal(keys.length, KEYS + 1);
  for (const { key, last, count } of keys) {
    const [, number] = key.split("/");
    assert.deepEqual([last, count], [number === undefined ? 1 : Number(number) + 1, 2], key);
  }
  assert.equal((await store.keyNames([1], "history")).length, KEYS + 1);
  assert.ok((spent.user + spent.system) / 1e6 < 20, `${(spent.user + spent.system) / 1e6} s of processor`);
  await store.close();
  rmSync(folder, { recursive: true });
});
