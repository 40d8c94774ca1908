import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeFolder } from "./make-folder.ts";

const dir = mkdtempSync(join(tmpdir(), "steelyard-folder-"));
after(() => rmSync(dir, { recursive: true, force: true }));

test("a folder is made with those above it, once", () => {
  const path = join(dir, "a", "b", "c");
  assert.equal(makeFolder(path), true);
  assert.equal(makeFolder(path), false);
  assert.ok(statSync(path).isDirectory());
});

test("what cannot be made is an error, also where its parent is there and says that it is not", () => {
  const file = join(dir, "file");
  writeFileSync(file, "");
  assert.throws(() => makeFolder(file), { code: "EEXIST" });
  assert.throws(() => makeFolder(join(file, "below")), { code: "ENOTDIR" });
  if (process.platform === "linux")
    for (const path of ["/proc/x", "/proc/x/y/z"]) assert.throws(() => makeFolder(path), { code: "ENOENT" });
});
