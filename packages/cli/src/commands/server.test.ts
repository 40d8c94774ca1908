import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeRun } from "../../../server/src/http/doors.test-part.ts";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
before(async () => {
  world = await openWorld();
  await makeRun(world.doors, world.doors.admin, { project: "p", name: "r" });
});
after(() => world.close());

test("server status: the server that answers, and the data here; 1 when none answers", async () => {
  const { out, status } = await world.steelyard([
    "server",
    "status",
    "--data-dir",
    world.doors.dataDir,
    "--json",
  ]);
  const found = JSON.parse(out);
  assert.deepEqual(
    [status, found.url, found.alive, found.ready, found.data.inUse],
    [0, world.url, true, true, true],
  );
  assert.ok(found.storedBytes.catalog > 0);
  const none = await world.steelyard(["server", "status"], {
    environment: { WANDB_BASE_URL: "http://127.0.0.1:59997" },
  });
  assert.deepEqual([none.status, /answers +no; start one/.test(none.out)], [1, true]);
});

test("server backup, upgrade-check and restore, on a server that runs", async () => {
  const { dataDir } = world.doors;
  const backup = await world.steelyard(["server", "backup", "copy", "--data-dir", dataDir, "--json"]);
  assert.equal(backup.status, 0, backup.err);
  assert.equal(JSON.parse(backup.out).files, 3);
  const again = await world.steelyard(["server", "backup", "copy", "--data-dir", dataDir]);
  assert.deepEqual([again.status, /copy is not empty/.test(again.err)], [1, true]);
  const busy = await world.steelyard(["server", "restore", "copy", "--data-dir", dataDir, "--force"]);
  assert.deepEqual([busy.status, /another Steelyard server uses/.test(busy.err)], [1, true]);
  const restored = await world.steelyard(["server", "restore", "copy", "--data-dir", "new"]);
  assert.equal(restored.status, 0, restored.err);
  assert.ok(existsSync(join(world.here, "new/catalog.sqlite")));
  const taken = await world.steelyard(["server", "restore", "copy", "--data-dir", "new"]);
  assert.deepEqual([taken.status, /is not empty .*--force/.test(taken.err)], [1, true]);
  const check = await world.steelyard(["server", "upgrade-check", "--data-dir", "new", "--try"]);
  assert.deepEqual([check.status, /Nothing is to be run\./.test(check.out)], [0, true], check.err);
  writeFileSync(join(world.here, "copy/backup.json"), "{}");
  assert.equal((await world.steelyard(["server", "restore", "copy", "--data-dir", "other"])).status, 1);
  const flag = await world.steelyard(["server", "backup", "x", "--database-url", "mysql:x"]);
  assert.deepEqual([flag.status, /sqlite:PATH/.test(flag.err)], [2, true]);
});

test("server start --daemon goes on without the command, and server stop ends it", async () => {
  const dataDir = join(world.here, "background");
  const started = await world.steelyard([
    "server",
    "start",
    "--daemon",
    "-p",
    "0",
    "-e",
    "STEELYARD_LOG_LEVEL=warn",
    "--edge",
    "--data-dir",
    dataDir,
  ]);
  assert.equal(started.status, 0, started.err);
  const url = /^Steelyard serves (http:\/\/127\.0\.0\.1:\d+)$/m.exec(started.out)?.[1] ?? "";
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.match(started.out, /Open this link once to sign in/);
  assert.match(started.err, /--edge has no effect/);
  const taken = await world.steelyard(["server", "start", "-p", new URL(url).port, "--data-dir", "other"]);
  assert.deepEqual([taken.status, /port \d+ is taken/.test(taken.err)], [1, true], taken.err);
  const second = await world.steelyard(["server", "start", "--daemon", "--port", "0", "--data-dir", dataDir]);
  assert.deepEqual([second.status, /another Steelyard server uses/.test(second.err)], [1, true], second.err);
  const stopped = await world.steelyard(["server", "stop", "--data-dir", dataDir]);
  assert.deepEqual([stopped.status, /Stopped the server of/.test(stopped.err)], [0, true], stopped.err);
  await assert.rejects(fetch(`${url}/readyz`));
  const again = await world.steelyard(["server", "stop", "--data-dir", dataDir]);
  assert.deepEqual([again.status, /no server uses/.test(again.err)], [1, true], again.err);
});
