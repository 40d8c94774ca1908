import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { WorkerStart } from "../messages.ts";
import { RunArtifacts } from "./run-artifacts.ts";

type Parts = ConstructorParameters<typeof RunArtifacts>[1];

test("files that were sent and cannot be removed hold nothing up, and are named in the run's story", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-staging-"));
  const story: string[] = [];
  const written: string[] = [];
  const parts = {
    log: { append: () => {} },
    config: { note: () => {} },
    uplink: {
      live: true,
      run: { id: "", name: "r", entity: "e", project: "p" },
      write: async ({ name }: { name: string }) => ({ id: String(written.push(name)) }),
    },
    internal: { write: (...line: unknown[]) => story.push(JSON.stringify(line)) },
  } as unknown as Parts;
  const start = { staging: { folder, given: true, instead: "" } } as WorkerStart;
  const artifacts = new RunArtifacts(
    start,
    parts,
    (message) => assert.fail(JSON.stringify(message)),
    () => {},
  );
  const { mock } = t.mock.method(fs, "rmSync", () => {
    throw new Error("EMFILE: too many open files");
  });
  syncBuiltinESMExports();
  try {
    for (const name of ["one", "two"]) artifacts.takeCode(name, [{ path: "a.js", content: name }]);
    await artifacts.sent;
  } finally {
    mock.restore();
    syncBuiltinESMExports();
  }
  assert.deepEqual(written, ["one", "two"]);
  assert.equal(story.length, 2);
  for (const line of story) assert.match(line, /WARNING.*stay here.*steelyard-staging-.*EMFILE/);
  rmSync(folder, { recursive: true });
});
