import assert from "node:assert/strict";
import { test } from "node:test";
import { type DomainOptions, type DrawnLine, domainOf } from "./lines.ts";

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
    last: values,
  };
}

test("37: what is not finite is counted and moves no axis", () => {
  const domain = domainOf([line([1, 2, Number.NaN, Infinity, -Infinity, 3])], plain);
  assert.equal(domain.nonFinite, 3);
  assert.deepEqual(domain.y, [1, 3]);
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
