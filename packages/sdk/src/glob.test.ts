import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { globPaths } from "./glob.ts";

suite("files of a pattern", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-glob-"));
  before(() => {
    for (const path of [
      "run-1/a.wandb",
      "run-1/files/x.txt",
      "run-2/b.wandb",
      ".hidden/c.wandb",
      "top.txt",
    ]) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), "");
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [pattern, expected] of [
    ["*.txt", ["top.txt"]],
    ["run-*", ["run-1", "run-2"]],
    ["run-*/*.wandb", ["run-1/a.wandb", "run-2/b.wandb"]],
    ["./run-?/*.wandb", ["run-1/a.wandb", "run-2/b.wandb"]],
    ["**/*.wandb", ["run-1/a.wandb", "run-2/b.wandb"]],
    [".hidden/*", [".hidden/c.wandb"]],
    ["run-1/**", ["run-1/a.wandb", "run-1/files", "run-1/files/x.txt"]],
    ["top.txt", ["top.txt"]],
    ["nothing/*", []],
  ] as const) {
    test(pattern, () => {
      assert.deepEqual(globPaths(pattern, folder), expected);
      const absolute = join(folder, "/").concat(pattern.replace("./", ""));
      assert.deepEqual(
        globPaths(absolute),
        expected.map((path) => join(folder, path)),
      );
    });
  }
});
