import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { globMatcher, globPaths } from "./glob.ts";

suite("patterns of paths", () => {
  for (const [pattern, yes, no] of [
    ["*.pt", ["a.pt", ".pt", "한글.pt"], ["ckpt/a.pt", "a.ptx", "a"]],
    ["ckpt/*", ["ckpt/a.pt"], ["ckpt/x/a.pt", "ckpt"]],
    ["**/*.pt", ["a.pt", "ckpt/a.pt", "a/b/c.pt"], ["a.p"]],
    ["ckpt/**", ["ckpt/a", "ckpt/x/a.pt"], ["other/ckpt/a"]],
    ["a?c", ["abc", "a-c", "a😀c"], ["ac", "a/c", "abbc"]],
    ["[a-c]1", ["a1", "c1"], ["d1", "-1"]],
    ["[^a-c]1", ["d1"], ["a1", "/1"]],
    ["[]x]", ["]", "x"], ["a"]],
    ["a\\*b", ["a*b"], ["axb"]],
    ["a.b(c)+{d}$", ["a.b(c)+{d}$"], ["aXb(c)+{d}$"]],
  ] as const) {
    test(pattern, () => {
      for (const path of yes) assert.ok(globMatcher(pattern).test(path), `${pattern} takes ${path}`);
      for (const path of no) assert.ok(!globMatcher(pattern).test(path), `${pattern} leaves ${path}`);
    });
  }

  test("a [ that nothing closes is named", () => {
    assert.throws(() => globMatcher("a[b"), /"a\[b"/);
  });
});

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
