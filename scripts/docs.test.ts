import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { documents } from "./docs.mjs";

for (const { path, before, text } of documents()) {
  test(`docs/${basename(path)} says what the sources have`, () => {
    assert.ok(before === text, "stale; run: node scripts/docs.mjs");
  });
}
