import assert from "node:assert/strict";
import { test } from "node:test";
import { filtersOf, packConditions, unpackConditions } from "./filters.ts";

test("conditions survive the address", () => {
  const conditions = [{ field: "config.lr", operator: "≤", value: "0.1" }] as const;
  assert.deepEqual(unpackConditions(packConditions(conditions)), conditions);
});

for (const text of [
  "{",
  "null",
  "7",
  '"="',
  "{}",
  "[null, 3, {}, []]",
  '[["a"]]',
  '[["a", "=", {}]]',
  '[["a", "like", "b"]]',
  '[[3, "=", "b"]]',
  '[["", "=", "b"]]',
])
  test(`an address with filters=${text} has no conditions`, () =>
    assert.deepEqual(unpackConditions(text), []));

test("what is wrong in an address is left out, the rest stays", () => {
  assert.deepEqual(unpackConditions('[["a", "=", 3], ["b"], ["c", "in", true]]'), [
    { field: "a", operator: "=", value: "3" },
    { field: "c", operator: "in", value: "true" },
  ]);
  assert.equal(unpackConditions(JSON.stringify(Array(60).fill(["a", "=", "1"]))).length, 50);
});

test("a pattern is sent as it is typed, text with its signs escaped", () => {
  assert.deepEqual(filtersOf([], { text: "r0[0-3]", pattern: true }), {
    $and: [{ $or: [{ displayName: { $regex: "r0[0-3]" } }, { name: { $regex: "r0[0-3]" } }] }],
  });
  assert.match(JSON.stringify(filtersOf([], { text: "a.b", pattern: false })), /\(\?i\)a\\\\\.b/);
});
