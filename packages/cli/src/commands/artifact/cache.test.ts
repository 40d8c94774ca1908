import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../../../../conformance/command.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

test("artifact cache cleanup deletes what was not used for longest, until the cache is small enough", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-cache-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cache = join(folder, "cache");
  const file = (path: string, bytes: number, usedDaysAgo: number) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "x".repeat(bytes));
    utimesSync(path, Date.now() / 1000 - usedDaysAgo * 86_400, Date.now() / 1000 - 1000 * 86_400);
    return path;
  };
  const object = (name: string, bytes: number, days: number) =>
    file(join(cache, "artifacts/obj", name), bytes, days);
  const newest = object("md5/aa/1", 3000, 1);
  const oldest = object("md5/bb/2", 2000, 9);
  const older = object("etag/cc/3", 2000, 5);
  const writing = file(join(cache, "artifacts/tmp/part"), 1000, 20);
  const other = file(join(cache, "other"), 9000, 100);
  const outside = file(join(folder, "outside/deep/file"), 9000, 100);
  symlinkSync(join(folder, "outside"), join(cache, "artifacts/obj/md5/link"));
  symlinkSync(outside, join(cache, "artifacts/obj/md5/file"));
  const all = [newest, oldest, older, writing, other, outside];
  const cleanup = (...args: string[]) =>
    runCommand(process.execPath, [MAIN, "artifact", "cache", "cleanup", ...args], {
      cwd: folder,
      environment: { HOME: folder, WANDB_CACHE_DIR: cache },
    });

  const large = await cleanup("10GB");
  assert.deepEqual([large.status, large.out], [0, ""]);
  assert.match(large.err, /WARNING Cache contains 1000\.0B of temporary files\. Run `steelyard artifact/);
  assert.match(large.err, /Reclaimed 0\.0B of space\n$/);
  assert.ok(all.every(existsSync));

  // 8,000 bytes with what is being written: one has to go for 6,000, and exactly 6,000 are allowed.
  const some = await cleanup("6 kB");
  assert.match(some.err, /Reclaimed 2\.0KB of space\n$/);
  assert.deepEqual(all.map(existsSync), [true, false, true, true, true, true]);

  const none = await cleanup("500B");
  assert.equal(none.status, 1);
  assert.match(
    none.err,
    /Reclaimed 5\.0KB of space\n.*ERROR Failed to reclaim enough space in .*--remove-temp/,
  );
  assert.deepEqual(all.map(existsSync), [false, false, false, true, true, true]);
  const rest = await cleanup("500B", "--remove-temp");
  assert.deepEqual([rest.status, /Reclaimed 1000\.0B/.test(rest.err)], [0, true], rest.err);
  assert.deepEqual(all.map(existsSync), [false, false, false, false, true, true]);

  const bad = await cleanup("10G");
  assert.deepEqual([bad.status, /such as 10GB; "10G" is not/.test(bad.err)], [2, true], bad.err);
});

test("artifact cache cleanup goes through no link, and needs no cache", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-cache-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "outside/obj"), { recursive: true });
  mkdirSync(join(folder, "cache"));
  writeFileSync(join(folder, "outside/obj/file"), "x");
  symlinkSync(join(folder, "outside"), join(folder, "cache/artifacts"));
  for (const [cache, said] of [
    ["cache", /cache\/artifacts is a link: nothing behind it/],
    ["none", /^steelyard: Reclaimed 0\.0B of space\n$/],
  ] as const) {
    const { status, err } = await runCommand(
      process.execPath,
      [MAIN, "artifact", "cache", "cleanup", "0", "--remove-temp"],
      { cwd: folder, environment: { HOME: folder, WANDB_CACHE_DIR: join(folder, cache) } },
    );
    assert.equal(status, 0, err);
    assert.match(err, said);
  }
  assert.ok(existsSync(join(folder, "outside/obj/file")));
});
