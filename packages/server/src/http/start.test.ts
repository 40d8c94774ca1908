import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock, test } from "node:test";
import { ConfigError, readConfig } from "../config.ts";
import { startServer } from "../main.ts";
import { openDoors } from "./doors.test-part.ts";

test("a start that fails midway leaves nothing open and the folder free", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "steelyard-start-"));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const silent = ["--data-dir", dataDir, "--log-level", "silent"];
  const environment = { STEELYARD_BLOBS_URL: `file:${dataDir}/metrics.sqlite` };
  // At the end: everything is open by then.
  await assert.rejects(
    startServer(readConfig(["--port", String(port), ...silent], {})),
    (error) => error instanceof ConfigError && /is taken/.test(error.message),
  );
  // In the middle: the blobs' folder is a file.
  await assert.rejects(startServer(readConfig(["--port", "0", ...silent], environment)), {
    code: "ENOTDIR",
  });
  taken.close();
  const server = await startServer(readConfig(["--port", "0", ...silent], {}));
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("a start that cannot open the catalog frees the folder too", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "steelyard-start-"));
  mkdirSync(join(dataDir, "catalog.sqlite"));
  const config = readConfig(["--port", "0", "--data-dir", dataDir, "--log-level", "silent"], {});
  await assert.rejects(startServer(config), /unable to open/);
  rmSync(join(dataDir, "catalog.sqlite"), { recursive: true });
  await (await startServer(config)).close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("the first administrator's key is told again only while it works", async () => {
  const first = await openDoors();
  const { dataDir, admin } = first;
  await first.server.close();
  const second = await openDoors({ dataDir });
  assert.equal(second.server.adminApiKey, admin);
  const { viewer } = await second.graphql<{ viewer: { apiKeys: { edges: { node: { id: string } }[] } } }>(
    admin,
    "{ viewer { apiKeys { edges { node { id } } } } }",
  );
  const id = viewer.apiKeys.edges[0]?.node.id;
  await second.graphql(admin, `mutation { deleteApiKey(input: {id: "${id}"}) { success } }`);
  await second.server.close();
  const third = await openDoors({ dataDir });
  assert.equal(third.server.adminApiKey, undefined);
  assert.ok(third.log.some(({ msg }) => /key was revoked/.test(msg)));
  await third.close();
});

test("a server that is only watched wakes no reader; whoever else comes does, before there is a question", async () => {
  const doors = await openDoors();
  const { metrics } = doors.server.services;
  const wake = mock.method(metrics, "wake");
  const stats = mock.method(metrics, "stats");
  for (const path of ["/healthz", "/readyz", "/ready", "/metrics"])
    assert.equal((await fetch(doors.server.url + path)).status, 200);
  assert.equal(wake.mock.callCount() + stats.mock.callCount(), 0);
  await fetch(doors.server.url);
  assert.equal(wake.mock.callCount(), 1);
  await doors.close();
});

test("what only an export needs is not loaded at the start", () => {
  const main = JSON.stringify(new URL("../main.ts", import.meta.url).href);
  const script = `import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import(${main});
    console.log(JSON.stringify([loaded.length > 100, loaded.filter((url) => url.includes("parquet"))]));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(said), [true, []]);
});
