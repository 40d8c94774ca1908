import assert from "node:assert/strict";
import { test } from "node:test";
import {
  globalId,
  globalIdType,
  parseGlobalId,
  parseRunGlobalId,
  parseViewGlobalId,
  runGlobalId,
  viewGlobalId,
} from "./global-id.ts";

test("a run's id holds its path and comes back from either base64 form", () => {
  const id = runGlobalId({ name: "한글-1", project: { name: "p x", entityName: "ann" } });
  assert.equal(Buffer.from(id, "base64").toString(), "Run:v1:한글-1:p x:ann");
  for (const form of [id, id.replace(/=+$/, ""), Buffer.from(id, "base64").toString("base64url")]) {
    assert.deepEqual(parseRunGlobalId(form), { run: "한글-1", project: "p x", entity: "ann" });
  }
});

test("a view's id has no padding and is read with it too", () => {
  for (const n of [1, 12, 123, 1234]) {
    const id = viewGlobalId(n);
    assert.ok(!id.includes("="));
    assert.equal(parseViewGlobalId(id), n);
    assert.equal(parseViewGlobalId(globalId("View", n)), n);
  }
});

test("a wrong id is a bad request, whatever it is", () => {
  const wrong = [
    "",
    "x",
    "🙂",
    globalId("Run", 3),
    "a".repeat(5000),
    Buffer.from("Run:v1:a:b").toString("base64"),
  ];
  for (const id of wrong) {
    assert.throws(() => parseRunGlobalId(id), { code: "bad-request" });
    assert.throws(() => parseGlobalId("Project", id), { code: "bad-request" });
  }
  assert.equal(globalIdType(globalId("Project", 3)), "Project");
});
