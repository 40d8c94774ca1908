import assert from "node:assert/strict";
import { test } from "node:test";
import { drawMarks } from "./draw.ts";
import { type DomainOptions, type DrawnLine, domainOf, gapsText, kindsAt } from "./lines.ts";
import { makeScale } from "./scale.ts";

const plain: DomainOptions = {
  range: undefined,
  yRange: undefined,
  logX: false,
  logY: false,
  band: false,
  ignoreOutliers: false,
};

function line(y: number[]): DrawnLine {
  const values = Float64Array.from(y);
  return {
    colour: "",
    dash: 0,
    from: 0,
    x: Float64Array.from(y.keys()),
    y: values,
    min: values,
    max: values,
    exact: true,
    faded: false,
    nonFinite: values.map((value) => (Number.isFinite(value) ? 0 : 1)),
    infinite: values.map((value) => Number(value === Infinity)),
    negativeInfinite: values.map((value) => Number(value === -Infinity)),
  };
}

test("37: what is not finite is counted and moves no axis", () => {
  const domain = domainOf([line([1, 2, Number.NaN, Infinity, -Infinity, 3])], plain);
  assert.deepEqual([domain.nonFinite, domain.infinite, domain.negativeInfinite], [3, 1, 1]);
  assert.deepEqual(domain.y, [1, 3]);
});

test("37: of a bucket each kind that is in it is marked, and named", () => {
  const numbers = (...values: number[]) => Float64Array.from(values);
  const summarised: DrawnLine = {
    ...line([1, 2, Number.NaN]),
    exact: false,
    nonFinite: numbers(0, 6, 2),
    infinite: numbers(0, 1, 0),
    negativeInfinite: numbers(0, 2, 2),
  };
  assert.equal(gapsText(kindsAt(summarised, 1)), "◆ 3 NaN, ▲ 1 ∞, ▼ 2 −∞");
  assert.equal(gapsText(kindsAt(summarised, 0)), "");
  const begun: [number, number][] = [];
  const nothing = () => {};
  const context = {
    ...{ beginPath: nothing, lineTo: nothing, fill: nothing },
    moveTo: (x: number, y: number) => begun.push([x, y]),
  } as unknown as CanvasRenderingContext2D;
  const frame = { width: 120, height: 120, left: 10, right: 10, top: 10, bottom: 10 };
  const xs = makeScale(0, 2, false);
  drawMarks(context, frame, xs, makeScale(0, 4, false), summarised);
  // Of the second a triangle at either edge, and a diamond beside its last finite value; of the third one below.
  assert.deepEqual(begun, [
    [60, 10],
    [60, 110],
    [60, 56],
    [110, 110],
  ]);
});

test("38: a log axis counts what it cannot show", () => {
  const domain = domainOf([line([0, -1, Number.NaN, 4, 8])], { ...plain, logY: true });
  assert.equal(domain.hidden, 3);
  assert.deepEqual(domain.y, [4, 8]);
  // Log x with steps from 0: the first point only.
  assert.equal(domainOf([line([1, 2, 3])], { ...plain, logX: true }).hidden, 1);
});

test("39: outliers do not stretch the axis, and are counted", () => {
  const y = [...Array.from({ length: 99 }, (_, at) => at + 1), 1e6];
  const domain = domainOf([line(y)], { ...plain, ignoreOutliers: true });
  assert.ok(domain.y[1] < 200 && domain.y[0] > 1);
  assert.equal(domain.above, 5);
  assert.equal(domain.below, 5);
  assert.equal(domainOf([line(y)], plain).y[1], 1e6);
});

test("the axes of everything are those of a range that has everything", () => {
  const values = [[3, -2, Number.NaN, 7], [Infinity, 1, 1, 2], [Number.NaN], []].map(line);
  const wide = values.map((one) => ({
    ...one,
    exact: false,
    min: one.y.map((value) => value - 1),
    max: one.y.map((value) => value + 2),
    original: one.y.map((value) => value * 1.5),
  }));
  for (const drawn of [values, wide, [], [...values, ...wide]]) {
    for (const band of [true, false]) {
      const found = domainOf(drawn, { ...plain, band });
      assert.deepEqual(found, domainOf(drawn, { ...plain, band, range: [-1e9, 1e9] }));
      assert.deepEqual(domainOf(drawn, { ...plain, band }), found, "what is kept of a column");
    }
  }
});

test("the axes are of the zoomed range alone", () => {
  const domain = domainOf([line([100, 2, 3, 100])], { ...plain, range: [1, 2] });
  assert.deepEqual(
    [domain.x, domain.y],
    [
      [1, 2],
      [2, 3],
    ],
  );
});

test("the axis begins at the first point, though its bucket is drawn at its last", () => {
  const bucketed = { ...line([1, 2, 3]), x: Float64Array.from([4, 9, 14]), from: 0 };
  assert.deepEqual(domainOf([bucketed], plain).x, [0, 14]);
  assert.deepEqual(domainOf([bucketed], { ...plain, logX: true }).x, [4, 14]);
});

test("a zoomed range of y is drawn as it is", () => {
  assert.deepEqual(domainOf([line([1, 200, 3])], { ...plain, yRange: [0, 5] }).y, [0, 5]);
});
