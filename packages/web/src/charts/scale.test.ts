import assert from "node:assert/strict";
import { test } from "node:test";
import {
  atLeastTwo,
  durationLabel,
  durationTicks,
  linearTicks,
  logTicks,
  makeScale,
  paddedDomain,
  rangeText,
} from "./scale.ts";

test("a scale maps there and back, linear and log", () => {
  for (const log of [false, true]) {
    const scale = makeScale(1, 1000, log);
    for (const value of [1, 10, 500, 1000])
      assert.ok(Math.abs(scale.value(scale.at(value)) / value - 1) < 1e-9);
  }
  assert.ok(Number.isNaN(makeScale(1, 10, true).at(0)));
});

test("ticks are round and told to the digits of their step", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(2, 999, 4), [250, 500, 750]);
  assert.deepEqual(logTicks(1, 100, 5), [1, 2, 5, 10, 20, 50, 100]);
  assert.deepEqual(durationTicks(0, 300, 5), [0, 60, 120, 180, 240, 300]);
  assert.equal(durationLabel(90), "1m 30s");
});

test("values one rounding apart end: ticks that cannot be counted are one tick", () => {
  for (const [low, high] of [
    [1, 1 + 2 ** -52],
    [1e20, 1e20 + 16_384],
  ] as const) {
    const [min, max] = paddedDomain(low, high, false);
    assert.deepEqual(linearTicks(min, max, 5), [min]);
  }
  assert.deepEqual(durationTicks(1e20, 1e20 + 65_536, 5), [1e20]);
});

test("a constant has air around it", () => {
  assert.deepEqual(paddedDomain(0, 0, false), [-1, 1]);
  assert.deepEqual(paddedDomain(100, 100, false), [95, 105]);
});

test("a zoomed range is short, and keeps its seconds on a wall clock", () => {
  assert.equal(rangeText([0.1 + 0.2, 1]), "0.3~1");
  const [from, to] = rangeText([1_790_000_012.5, 1_790_000_019.25]).split("~").map(Number);
  assert.deepEqual([from, to], [1_790_000_012.5, 1_790_000_019.25]);
});

test("an axis has two labels where round steps alone would leave one", () => {
  const single = (wanted: number) => linearTicks(1, 1999, wanted);
  assert.deepEqual(single(2), [1000]);
  assert.deepEqual(atLeastTwo(single, 2), [500, 1000, 1500]);
  const seconds = (wanted: number) => durationTicks(1, 119, wanted);
  assert.deepEqual(seconds(2), [60]);
  assert.deepEqual(atLeastTwo(seconds, 2), [30, 60, 90]);
  assert.deepEqual(
    atLeastTwo(() => [1], 2),
    [1],
  );
});
