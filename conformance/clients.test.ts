import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type FeatureResult, writeCompatibility } from "./compatibility.ts";
import { clientVersions, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Every release × every feature of runs, against one server that all of them share. */
suite("official client", {
  concurrency: 3,
  skip: clientVersions.length === 0 && "no official client is installed",
}, () => {
  let server: RunningServer;
  const results = new Map<string, FeatureResult[]>();

  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await server.stop();
    writeCompatibility(results);
  });

  for (const version of clientVersions) {
    test(`wandb ${version}`, async (t) => {
      const { stdout, stderr } = await runScript(version, "features.py", server);
      const found = stdout
        .split("\n")
        .filter((line) => line.startsWith('{"feature"'))
        .map((line) => JSON.parse(line) as FeatureResult);
      results.set(version, found);
      assert.ok(found.length > 0, `the script said nothing:\n${stderr.slice(-3000)}`);
      for (const { feature, result, note } of found) {
        await t.test(feature, () => assert.notEqual(result, "differs", `${note}\n${stderr.slice(-3000)}`));
      }
    });
  }
});
