import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricFields } from "@steelyard/protocol/records";
import { NumericRows } from "./numeric-rows.ts";
import { createRing, RingWriter } from "./ring.ts";
import { RunSummary } from "./run-summary.ts";
import { StepMetrics } from "./step-metrics.ts";
import { Summary } from "./summary.ts";

const metric = (name: string, summary: string[], overwrite = false): MetricFields => ({
  name,
  summary,
  overwrite,
  stepMetric: "",
  goal: "",
  stepSync: false,
  hidden: false,
});

test("what the summary keeps of a key", () => {
  const summary = new Summary();
  summary.define(metric("loss", ["min"]));
  summary.define(metric("loss", ["max", "mean"]));
  summary.define(metric("val/*", ["first", "last"]));
  summary.define(metric("val/hidden*", ["none"]));
  for (const value of [3, 1, 2]) {
    summary.number("loss", value);
    summary.number("val/x", value);
    summary.number("val/hidden/y", value);
    summary.number("plain", value);
  }
  summary.logged("loss", '"text"');
  summary.logged("val/x", '"end"');
  assert.deepEqual(summary.get("loss"), { min: 1, max: 3, mean: 2 });
  assert.deepEqual(summary.get("val/x"), { first: 3, last: "end" });
  assert.equal(summary.get("val/hidden/y"), undefined);
  assert.equal(summary.get("plain"), 2);
  summary.logged("loss", "NaN");
  summary.number("loss", 0);
  assert.deepEqual(summary.get("loss"), { min: Number.NaN, max: Number.NaN, mean: Number.NaN });
  // Set by hand: the rule is gone until it is given again.
  summary.set([["loss", "7"]]);
  assert.equal(summary.get("loss"), 7);
  summary.number("loss", 8);
  assert.equal(summary.get("loss"), 8);
  summary.define(metric("loss", ["max"], true));
  summary.number("loss", 9);
  assert.deepEqual(summary.get("loss"), { max: 9 });
});

test("the program reads what it logged, in whichever way the rows went", () => {
  const summary = new Summary();
  const told: unknown[] = [];
  const rows = new NumericRows(new RingWriter(createRing()), new StepMetrics(), summary, () => {});
  const face = new RunSummary(
    summary,
    () => rows.settle(),
    (entries) => told.push(entries),
  );
  rows.log({ a: 1, b: 1 }, 0);
  rows.log({ a: 2 }, 1);
  rows.log({ a: 3, b: 3 }, 2);
  assert.deepEqual(face.toJSON(), { a: 3, b: 3 });
  face.set("a", 10);
  assert.equal(face.get("a"), 10);
  rows.log({ a: 4, b: 4 }, 3);
  assert.equal(face.get("a"), 4);
  summary.define(metric("b", ["max"]));
  rows.forgetShapes();
  for (const b of [9, 5]) rows.log({ a: 5, b }, 4);
  rows.log({ a: -0 }, 5);
  assert.deepEqual(face.toJSON(), { a: -0, b: { max: 9 } });
  assert.deepEqual(told, [[["a", "10"]]]);
});
