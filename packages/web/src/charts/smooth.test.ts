import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestIndex, smoothTimeWeighted } from "./smooth.ts";

const x = Float64Array.of(0, 1, 2, 3);

test("weight 0 is the line itself, and a copy of it", () => {
  const y = Float64Array.of(3, 1, 2, 5);
  const out = smoothTimeWeighted(x, y, 0);
  assert.deepEqual(out, y);
  assert.notEqual(out, y);
});

test("the first point stays, and a constant stays constant: no bias at the start", () => {
  const out = smoothTimeWeighted(x, Float64Array.of(7, 7, 7, 7), 0.99);
  for (const value of out) assert.ok(Math.abs(value - 7) < 1e-12);
  assert.equal(smoothTimeWeighted(x, Float64Array.of(4, 9, 9, 9), 0.9)[0], 4);
});

test("decay is the weight's root per thousandth of the range", () => {
  const steps = Float64Array.from({ length: 1001 }, (_, at) => at);
  const y = steps.map((at) => Math.sin(at));
  const out = smoothTimeWeighted(steps, y, 0.81);
  let top = 0;
  let bottom = 0;
  for (let at = 0; at < y.length; at++) {
    top = top * 0.9 + (y[at] ?? 0);
    bottom = bottom * 0.9 + 1;
    assert.ok(Math.abs((out[at] ?? Number.NaN) - top / bottom) < 1e-9);
  }
});

test("values that are not finite stay gaps and do not spoil what follows", () => {
  const out = smoothTimeWeighted(x, Float64Array.of(Number.NaN, 2, Number.POSITIVE_INFINITY, 2), 0.9);
  assert.deepEqual([...out].map(Number.isFinite), [false, true, false, true]);
  assert.ok(Math.abs((out[3] ?? 0) - 2) < 1e-12);
});

test("the nearest entry, at the ends, between, and of none", () => {
  const at = Float64Array.of(0, 10, 20);
  assert.deepEqual(
    [-5, 4, 6, 14.9, 99].map((wanted) => nearestIndex(at, wanted)),
    [0, 0, 1, 1, 2],
  );
  assert.equal(nearestIndex(new Float64Array(0), 1), -1);
});
