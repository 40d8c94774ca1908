import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../../../conformance/command.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

test("WANDB_CACHE_DIR: purge-cache deletes what nobody used for so long, there and nowhere else", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-purge-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cache = join(folder, "cache");
  const outside = join(folder, "outside");
  for (const path of [join(cache, "artifacts/obj/ab"), join(cache, "artifacts/new"), outside])
    mkdirSync(path, { recursive: true });
  const file = (path: string, ageDays: number) => {
    writeFileSync(path, "x".repeat(1000));
    utimesSync(path, Date.now() / 1000 - ageDays * 86_400, Date.now() / 1000 - ageDays * 86_400);
    return path;
  };
  const old = file(join(cache, "artifacts/obj/ab/old"), 10);
  const fresh = file(join(cache, "artifacts/new/fresh"), 1);
  const foreign = file(join(outside, "foreign"), 100);
  symlinkSync(outside, join(cache, "link"));
  const purge = (...args: string[]) =>
    runCommand(process.execPath, [MAIN, "purge-cache", ...args], {
      cwd: folder,
      environment: { HOME: folder, WANDB_CACHE_DIR: cache },
    });
  const asking = await purge("--age", "7d");
  assert.deepEqual([asking.status, /--force deletes 1 files/.test(asking.err)], [1, true], asking.err);
  const done = await purge("--age", "7d", "--force");
  assert.deepEqual([done.status, done.out], [0, ""]);
  assert.match(done.err, /Deleted 1 file\(s\) \(1000\.0B\)/);
  assert.deepEqual([old, fresh, foreign].map(existsSync), [false, true, true]);
  assert.ok(!existsSync(join(cache, "artifacts/obj")));
  assert.match((await purge("--age", "7 days")).err, /--age takes a number and one of s m h d M y/);
  assert.match((await purge("--force")).err, /Deleted 1 file/);
  assert.match((await purge()).err, /Deleted 0 file\(s\) \(0\.0B\)/);
});
