import assert from "node:assert/strict";
import { test } from "node:test";
import { DocumentCache } from "./document-cache.ts";

test("documents are bounded by their bytes, and the least recently used go first", () => {
  const cache = new DocumentCache<number>(30);
  cache.put("a".repeat(10), 1);
  cache.put("한".repeat(3), 2);
  cache.put("c".repeat(10), 3);
  assert.equal(cache.bytes, 29);
  assert.equal(cache.get("a".repeat(10)), 1);
  cache.put("d".repeat(10), 4);
  assert.equal(cache.get("한한한"), undefined);
  assert.equal(cache.get("a".repeat(10)), 1);
  assert.equal(cache.bytes, 30);
  cache.put("e".repeat(31), 5);
  assert.equal(cache.get("e".repeat(31)), undefined);
  cache.put("d".repeat(10), 6);
  assert.equal(cache.bytes, 30);
});
