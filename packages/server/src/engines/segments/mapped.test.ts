import assert from "node:assert/strict";
import { test } from "node:test";
import { monotoneExpression, parseExpression } from "@steelyard/protocol/expressions";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";
import { columnsToMap, mapped } from "./mapped.ts";

const bucket = (more: Partial<Series>): Series => ({
  ...{ run: 1, key: "x", exact: false, points: 3, xFirst: Float64Array.of(0), xLast: Float64Array.of(2) },
  ...{
    min: Float64Array.of(1),
    max: Float64Array.of(4),
    mean: Float64Array.of(2),
    first: Float64Array.of(4),
  },
  ...{ last: Float64Array.of(1), count: Float64Array.of(3), nonFinite: Float64Array.of(0) },
  ...{ infinite: Float64Array.of(0), negativeInfinite: Float64Array.of(0), ...more },
});

function of(text: string) {
  const expression = monotoneExpression(parseExpression(text));
  assert.ok(expression, text);
  return expression;
}

test("extremes of the key are those of the expression, the other way round where it falls", () => {
  const grows = mapped(bucket({}), "log2(x)", of("log2(x)"), ["min", "max", "last"]);
  assert.deepEqual([grows?.min[0], grows?.max[0], grows?.last[0], grows?.mean.length], [0, 2, 0, 0]);
  const falls = mapped(bucket({}), "10 - x * 2", of("10 - x * 2"), SERIES_COLUMNS);
  assert.deepEqual([falls?.min[0], falls?.max[0], falls?.mean[0], falls?.first[0]], [2, 8, 6, 2]);
  assert.deepEqual([falls?.key, falls?.expression], ["10 - x * 2", true]);
});

test("where summaries do not say it, the rows are asked", () => {
  assert.equal(columnsToMap(of("log(x)"), ["mean"]), undefined);
  assert.ok(columnsToMap(of("x / 2"), ["mean"]));
  assert.equal(mapped(bucket({ min: Float64Array.of(0) }), "log(x)", of("log(x)"), ["min"]), undefined);
  assert.equal(mapped(bucket({ max: Float64Array.of(1e9) }), "exp(x)", of("exp(x)"), ["min"]), undefined);
  // Infinity has a sigmoid, NaN has none: their count does not tell them apart.
  const gaps = { nonFinite: Float64Array.of(1) };
  assert.equal(mapped(bucket(gaps), "sigmoid(x)", of("sigmoid(x)"), ["min"]), undefined);
  assert.ok(mapped(bucket(gaps), "x * 2", of("x * 2"), ["min"]));
  const infinite = { nonFinite: Float64Array.of(3), infinite: Float64Array.of(2) };
  assert.deepEqual(columnsToMap(of("-x"), ["infinite"])?.includes("negativeInfinite"), true);
  const turned = mapped(bucket(infinite), "-x", of("-x"), ["nonFinite", "infinite", "negativeInfinite"]);
  assert.deepEqual([turned?.nonFinite[0], turned?.infinite[0], turned?.negativeInfinite[0]], [3, 0, 2]);
});

test("single points are mapped one by one, whatever they are", () => {
  const last = Float64Array.of(1, 0, -1, Number.NEGATIVE_INFINITY);
  const points = mapped(bucket({ exact: true, last }), "log(x)", of("log(x)"), [
    "min",
    "last",
    "count",
    "nonFinite",
  ]);
  assert.deepEqual([...(points?.last ?? [])], [0, Number.NEGATIVE_INFINITY, Number.NaN, Number.NaN]);
  assert.deepEqual([...(points?.min ?? [])], [0, Number.NaN, Number.NaN, Number.NaN]);
  assert.deepEqual(
    [[...(points?.count ?? [])], [...(points?.nonFinite ?? [])]],
    [
      [1, 0, 0, 0],
      [0, 1, 1, 1],
    ],
  );
});
