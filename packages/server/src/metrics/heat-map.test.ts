import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { heatMap, histogramOf } from "./heat-map.ts";

const OPTIONS = { min: undefined, max: undefined, buckets: 4, low: undefined, high: undefined, bins: 3 };

const logged = fc
  .uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 8 })
  .chain((edges) =>
    fc.record({
      x: fc.nat(30),
      bins: fc.constant(edges.sort((a, b) => a - b)),
      values: fc.array(fc.nat(9), { minLength: edges.length - 1, maxLength: edges.length - 1 }),
    }),
  );

test("nothing is lost: every value is in its place of x, and in its bins or outside", () => {
  fc.assert(
    fc.property(
      fc.array(logged, { minLength: 1, maxLength: 12 }),
      fc.option(fc.integer({ min: -30, max: 0 }), { nil: undefined }),
      fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      (given, low, high) => {
        const histograms = given.map(({ x, bins, values }) =>
          histogramOf({ _type: "histogram", bins, values }, x),
        );
        const all = histograms.flatMap((histogram) => histogram ?? []);
        assert.equal(all.length, given.length);
        const map = heatMap(all, { ...OPTIONS, low, high });
        assert.ok(map);
        const { columns, counts } = map;
        assert.equal(
          columns.histograms.reduce((sum, one) => sum + one, 0),
          given.length,
        );
        for (let at = 0; at < columns.xFirst.length; at++) {
          const here = given.filter(
            ({ x }) => x >= (columns.xFirst[at] ?? 0) && x <= (columns.xLast[at] ?? 0),
          );
          for (let bin = 0; bin < map.bins; bin++) {
            const width = (map.high - map.low) / map.bins;
            const [from, to] = [map.low + bin * width, map.low + (bin + 1) * width];
            // Evenly spread within each bin that was logged.
            const wanted = here.reduce((sum, { bins, values }) => {
              const shares = values.map((value, index) => {
                const [start = 0, end = 0] = [bins[index], bins[index + 1]];
                return (value * Math.max(0, Math.min(end, to) - Math.max(start, from))) / (end - start);
              });
              return sum + shares.reduce((before, share) => before + share, 0);
            }, 0);
            assert.ok(Math.abs((counts[at * map.bins + bin] ?? 0) - wanted) < 1e-9 || map.high === map.low);
          }
          const inside = counts.slice(at * map.bins, (at + 1) * map.bins).reduce((sum, one) => sum + one, 0);
          const total = here.flatMap(({ values }) => values).reduce((sum, one) => sum + one, 0);
          assert.ok(Math.abs(inside + (columns.outside[at] ?? 0) - total) < 1e-9);
        }
      },
    ),
  );
});

test("what is no histogram is none", () => {
  const of = (value: unknown) => histogramOf(value, 0);
  assert.equal(of(5), undefined);
  assert.equal(of(null), undefined);
  assert.equal(of({ _type: "image-file" }), undefined);
  assert.equal(of({ _type: "histogram", values: [1], bins: [0] }), undefined);
  assert.equal(of({ _type: "histogram", values: [1], bins: [1, 0] }), undefined);
  assert.equal(of({ _type: "histogram", values: ["x"], bins: [0, 1] }), undefined);
  assert.equal(
    of({ _type: "histogram", values: [1], packedBins: { min: 0, size: Number.NaN, count: 1 } }),
    undefined,
  );
  assert.deepEqual(
    [...(of({ _type: "histogram", values: [1, 2], packedBins: { min: 1, size: 2, count: 2 } })?.edges ?? [])],
    [1, 3, 5],
  );
  // All values are one: a bin without a width.
  const one = of({ _type: "histogram", values: [4], bins: [2, 2] });
  assert.deepEqual([...(heatMap(one ? [one] : [], OPTIONS)?.counts ?? [])], [4, 0, 0]);
});
