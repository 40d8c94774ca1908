import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Config } from "./config.ts";
import { Histogram } from "./histogram.ts";
import { liveView } from "./live-view.ts";
import { toJson } from "./values.ts";

test("a histogram counts as numpy does", () => {
  // numpy.histogram([1, 2, 2, 3, 10], bins=3), and of equal values.
  assert.deepEqual(new Histogram([1, 2, 2, 3, 10], { bins: 3 }).toJSON(), {
    _type: "histogram",
    values: [4, 0, 1],
    bins: [1, 4, 7, 10],
  });
  assert.deepEqual(new Histogram(Float32Array.of(2, 2, 2), { bins: 2 }).toJSON(), {
    _type: "histogram",
    values: [0, 3],
    bins: [1.5, 2, 2.5],
  });
  const edge = new Histogram([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], { bins: 10 });
  assert.equal(
    edge.counts.reduce((sum, count) => sum + count, 0),
    11,
  );
  assert.equal(edge.edges.length, 11);
  assert.equal(new Histogram([1, Number.NaN, Number.POSITIVE_INFINITY, 2]).counts.length, 64);
  assert.deepEqual(new Histogram([], { bins: 1 }).toJSON().values, [0]);
  const wide = new Histogram([-Number.MAX_VALUE, 0, Number.MAX_VALUE], { bins: 2 });
  assert.deepEqual(wide.counts, [1, 2]);
  assert.deepEqual(new Histogram({ counts: [1, 2], edges: [0, 1, 2] }).toJSON().values, [1, 2]);
  assert.throws(() => new Histogram([1], { bins: 513 }), /1 to 512 bins, not 513/);
  assert.throws(() => new Histogram({ counts: [1, 2], edges: [0, 1] }), /needs 3 edges, not 2/);
});

test("typed arrays of a row: one value, a short list, or how they are spread", () => {
  const json = (value: unknown) => JSON.parse(toJson(value, "x", { forRow: true })) as unknown;
  assert.equal(json(Float64Array.of(0.5)), 0.5);
  assert.deepEqual(json(Int32Array.from({ length: 32 }, (_, index) => index)), [...Array(32).keys()]);
  const spread = json({ deep: BigInt64Array.from({ length: 33 }, (_, index) => BigInt(index)) }) as {
    deep: { _type: string; values: number[]; bins: number[] };
  };
  assert.equal(spread.deep._type, "histogram");
  assert.deepEqual([spread.deep.values.length, spread.deep.bins.length], [32, 33]);
  assert.deepEqual(JSON.parse(toJson(Int8Array.from({ length: 33 }), "x")), Array(33).fill(0));
});

test("a live view is the values of now", () => {
  const told: Record<string, string>[] = [];
  let config = new Config({ lr: 0.1 }, (all) => told.push(all));
  const view = liveView(() => config);
  view.lr = 0.2;
  view.update({ get: 1, layers: [1, 2] });
  assert.deepEqual(told.at(-1), { lr: "0.2", get: "1", layers: "[1,2]" });
  assert.equal(view.lr, 0.2);
  assert.equal(view.missing, undefined);
  assert.equal(view.get("get"), 1);
  assert.deepEqual(view.toJSON(), { lr: 0.2, get: 1, layers: [1, 2] });
  assert.deepEqual(Object.keys(view), ["lr", "get", "layers"]);
  assert.equal(JSON.stringify(view), '{"lr":0.2,"get":1,"layers":[1,2]}');
  assert.equal("lr" in view, true);
  assert.equal("toString" in view, false);
  assert.equal(inspect(view), "{ lr: 0.2, get: 1, layers: [ 1, 2 ] }");
  assert.throws(() => {
    view.lr = () => 1;
  }, /config\.lr is function/);
  assert.throws(() => {
    delete view.lr;
  }, TypeError);
  config = new Config({ other: 1 }, () => {});
  assert.deepEqual({ ...view }, { other: 1 });
});
