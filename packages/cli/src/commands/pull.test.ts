import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeRun } from "../../../server/src/http/doors.test-part.ts";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

const upload = (run: string, files: Record<string, string>) => world.upload(`admin/p/${run}`, files);

test("pull downloads a run's files, and again only what is another", async () => {
  await makeRun(world.doors, world.doors.admin, { project: "p", name: "r" });
  const none = await world.steelyard(["pull", "p/r"]);
  assert.deepEqual([none.status, /Run has no files/.test(none.err)], [1, true], none.err);
  await upload("r", { "model.txt": "weights", "media/a b.txt": "picture" });
  const first = await world.steelyard(["pull", "-p", "p"], { environment: { WANDB_RUN_ID: "r" } });
  assert.equal(first.status, 0, first.err);
  assert.match(first.out, /^Downloading: p\/r\n/);
  assert.match(first.out, /^File model\.txt \(\d of 2, 7 bytes\)$/m);
  assert.equal(readFileSync(join(world.here, "media/a b.txt"), "utf8"), "picture");
  writeFileSync(join(world.here, "model.txt"), "changed");
  const again = await world.steelyard(["pull", "p/r"]);
  assert.match(again.out, /^File media\/a b\.txt is up to date$/m);
  assert.equal(readFileSync(join(world.here, "model.txt"), "utf8"), "weights");
  assert.deepEqual(readdirSync(world.here).sort(), ["media", "model.txt"]);
  assert.equal((await world.steelyard(["pull", "p/nothing"])).status, 1);
  assert.equal((await world.steelyard(["pull"])).status, 2);
});

test("pull writes nothing outside of the folder: not through a link, not by a server's name for a file", async () => {
  await makeRun(world.doors, world.doors.admin, { project: "p", name: "linked" });
  await upload("linked", { "out/x.txt": "x" });
  const outside = join(world.here, "../outside");
  mkdirSync(outside);
  symlinkSync(outside, join(world.here, "out"));
  const linked = await world.steelyard(["pull", "p/linked"]);
  assert.deepEqual([linked.status, /outside of this folder/.test(linked.err)], [1, true], linked.err);
  assert.deepEqual(readdirSync(outside), []);
  rmSync(join(world.here, "out"));

  // Our server takes no such name; another might.
  let name = "";
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (part: Buffer) => chunks.push(part));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString();
      if (!body.includes("RunFiles")) {
        const { text } = await world.doors.ask(world.doors.admin, "POST", "/graphql", JSON.parse(body));
        response.end(text);
        return;
      }
      const node = { name, sizeBytes: 1, md5: null, directUrl: world.url };
      const files = { edges: [{ node }], pageInfo: { endCursor: null, hasNextPage: false } };
      response.end(JSON.stringify({ data: { project: { run: { files } } } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const environment = { WANDB_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  try {
    for (name of [
      "../evil.txt",
      "/tmp/steelyard-evil.txt",
      "a/../../evil.txt",
      "..\\evil.txt",
      "C:evil.txt",
    ]) {
      const { status, err } = await world.steelyard(["pull", "p/r", "-e", "admin"], { environment });
      assert.deepEqual([status, /outside of this folder/.test(err)], [1, true], `${name}: ${err}`);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
  assert.ok(!existsSync(join(world.here, "../evil.txt")) && !existsSync("/tmp/steelyard-evil.txt"));
});
