import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesAnswer } from "@steelyard/protocol/series";
import { frameOf, hasFrame } from "./live-frame.ts";

const line = (from: number, to: number, exact = false) =>
  ({ xFirst: Float64Array.of(from, to), xLast: Float64Array.of(from, to), exact }) as SeriesAnswer;

test("a frame is around every run, with room for what comes; what is exact needs none", () => {
  assert.deepEqual(frameOf([line(0, 1000), line(10, 2000, true)]), { min: 0, max: 2500 });
  assert.deepEqual(frameOf([line(3, 1003)]), { min: 0, max: 1253 });
  assert.deepEqual(frameOf([line(1000, 2000)]), { min: 1000, max: 2250 });
  assert.deepEqual(frameOf([line(-4, -4)]), { min: -4, max: -3.75 });
  assert.equal(frameOf([line(0, 9, true)]), undefined);
  assert.equal(frameOf([]), undefined);
});

test("a zoomed range is its own frame, and a key's axis may grow anywhere", () => {
  const question = { entity: "e", project: "p", runs: ["a"], key: "k", buckets: 10 };
  assert.equal(hasFrame(question), true);
  assert.equal(hasFrame({ ...question, x: { kind: "relative" } }), true);
  assert.equal(hasFrame({ ...question, x: { kind: "key", key: "epoch" } }), false);
  assert.equal(hasFrame({ ...question, min: 0, max: 1 }), false);
});
