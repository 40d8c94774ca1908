import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeatMap } from "@steelyard/protocol/series";
import { binEdges, columnAt, columnEdges, countOf, mostOf, shadeColour, shadeOf } from "./heat-map.ts";

const map = (xFirst: number[], more: Partial<HeatMap> = {}, xLast = xFirst): HeatMap => ({
  run: "r",
  key: "k",
  sampled: false,
  bins: 2,
  low: 0,
  high: 1,
  counts: new Float64Array(xFirst.length * 2),
  columns: {
    xFirst: Float64Array.from(xFirst),
    xLast: Float64Array.from(xLast),
    histograms: new Float64Array(xFirst.length).fill(1),
    outside: new Float64Array(xFirst.length),
  },
  ...more,
});

test("columns meet in the middle, and end before a pause", () => {
  const { from, to } = columnEdges(map([0, 10, 20, 100]));
  assert.deepEqual([...from], [-5, 5, 15, 95]);
  assert.deepEqual([...to], [5, 15, 25, 105]);
  assert.equal(columnAt({ from, to }, 9), 1);
  assert.equal(columnAt({ from, to }, 60), -1, "nothing was logged in the pause");
  assert.equal(columnAt({ from, to }, -6), -1);
  const parts = columnEdges(map([0, 10], {}, [8, 18]));
  assert.deepEqual([...parts.from, ...parts.to], [-1, 9, 9, 19]);
  const one = columnEdges(map([7]));
  assert.deepEqual([...one.from, ...one.to], [6.5, 7.5]);
});

test("a part of several histograms is no darker than one", () => {
  const two = map([0, 10], { counts: Float64Array.from([4, 0, 6, 2]) });
  two.columns.histograms[1] = 2;
  assert.equal(countOf(two, { column: 1, bin: 0 }), 3);
  assert.equal(mostOf(two), 4);
  assert.deepEqual(binEdges(two, 1), [0.5, 1]);
});

test("shades go from nothing to the most, by count or by its logarithm", () => {
  assert.equal(shadeOf(0, 100, false), 0);
  assert.equal(shadeOf(50, 100, false), 0.5);
  assert.equal(shadeOf(10, 100, true).toFixed(3), "0.667");
  assert.equal(shadeOf(100, 100, true), 1);
  assert.ok(shadeOf(1, 100, true) > 0, "one value is seen");
  assert.equal(shadeOf(1, 1, true), 1);
  assert.equal(shadeColour(0, "light"), "rgb(224 242 245)");
  assert.equal(shadeColour(1, "dark"), "rgb(232 252 255)");
  assert.equal(shadeColour(2, "dark"), "rgb(232 252 255)");
});
