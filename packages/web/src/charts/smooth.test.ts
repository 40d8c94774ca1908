import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestIndex, type SmoothingKind, smooth } from "./smooth.ts";

function smoothTimeWeighted(x: Float64Array, y: Float64Array, amount: number): Float64Array {
  return smooth(x, y, { kind: "time-weighted", amount });
}

function close(got: Float64Array, wanted: number[]): void {
  assert.equal(got.length, wanted.length);
  for (const [at, value] of wanted.entries())
    assert.ok(Math.abs((got[at] ?? Number.NaN) - value) < 1e-6, `${got[at]} at ${at}, not ${value}`);
}

test("33: plain EMA takes the bias of its start out", () => {
  close(
    smooth(Float64Array.of(0, 1, 2), Float64Array.of(1, 2, 3), { kind: "exponential", amount: 0.5 }),
    [1, 1.666667, 2.428571],
  );
});

test("34: time-weighted EMA at its heaviest", () => {
  close(
    smooth(Float64Array.of(0, 1, 2), Float64Array.of(1, 2, 3), { kind: "time-weighted", amount: 1 }),
    [1, 1.622518, 2.320304],
  );
});

test("35: running average is centred, shorter at the ends", () => {
  close(
    smooth(Float64Array.of(0, 1, 2, 3), Float64Array.of(1, 2, 6, 7), { kind: "average", amount: 3 }),
    [1.5, 3, 5, 6.5],
  );
});

test("a Gaussian weighs by distance and leaves a constant alone", () => {
  const out = smooth(Float64Array.of(0, 1, 2), Float64Array.of(0, 1, 0), { kind: "gaussian", amount: 1 });
  const one = Math.exp(-0.5);
  const two = Math.exp(-2);
  close(out, [one / (1 + one + two), 1 / (1 + 2 * one), one / (1 + one + two)]);
  close(
    smooth(Float64Array.of(0, 1, 5), Float64Array.of(4, 4, 4), { kind: "gaussian", amount: 2 }),
    [4, 4, 4],
  );
});

test("every kind passes over what is not finite, and none is the line itself", () => {
  const y = Float64Array.of(2, Number.NaN, 2, Number.POSITIVE_INFINITY);
  for (const kind of ["time-weighted", "exponential", "average", "gaussian"] satisfies SmoothingKind[]) {
    const out = smooth(x, y, { kind, amount: kind === "average" ? 3 : 0.9 });
    assert.deepEqual([...out].map(Number.isFinite), [true, false, true, false], kind);
    assert.ok(Math.abs((out[2] ?? 0) - 2) < 1e-9, kind);
  }
  assert.deepEqual(smooth(x, y, { kind: "none", amount: 0.9 }), y);
});

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
