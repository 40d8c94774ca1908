import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricStore } from "../metric-store.ts";
import { history, type Open, steps, twice } from "./opened-store.contract.ts";

/** What is read of rows: some of them, and what keys they have. */
export function testRows(name: string, open: Open): void {
  test(`${name}: rows by range, keys, samples and page`, async () => {
    const lines = steps(0, 1000, (i) => (i % 10 === 0 ? { a: i, g: { v: -i } } : { a: i }));
    await twice(
      open,
      (store) => store.append([history(lines.slice(0, 700)), history(lines.slice(700), 700)]),
      async (store) => {
        const rows = (more: object) => store.rows({ run: 1, stream: "history", ...more });
        assert.deepEqual(await rows({ minStep: 695, maxStep: 705 }), lines.slice(695, 705));
        assert.deepEqual(await rows({ minStep: 990, limit: 3 }), lines.slice(990, 993));
        assert.deepEqual(await rows({ keys: ["_step", "g.v"], maxStep: 30 }), [
          '{"_step":0,"g.v":-0}',
          '{"_step":10,"g.v":-10}',
          '{"_step":20,"g.v":-20}',
        ]);
        const sampled = await rows({ samples: 11 });
        assert.equal(sampled.length, 11);
        assert.equal(sampled[0], lines[0]);
        assert.equal(sampled[10], lines[999]);
        assert.deepEqual(await rows({ keys: ["absent"] }), []);
        assert.deepEqual(await store.rows({ run: 9, stream: "history" }), []);
      },
    );
  });

  test(`${name}: the catalogue of keys`, async () => {
    const lines = [
      '{"_step":0,"up":1,"mix":1,"img":{"_type":"image-file","size":1},"g":{"a":NaN}}',
      '{"_step":1,"up":2,"mix":"x","down":5,"l":[1],"n":null,"t":true}',
      '{"_step":2,"up":2,"down":4,"e":{},"g":{"a":Infinity}}',
    ];
    await twice(
      open,
      (store) => store.append([history(lines)]),
      async (store) => {
        const keys = new Map((await store.keys(1, "history")).map((info) => [info.key, info]));
        assert.deepEqual(keys.get("up"), {
          key: "up",
          types: { number: 3 },
          count: 3,
          min: 1,
          max: 2,
          last: 2,
          lastStep: 2,
          monotonic: true,
        });
        assert.equal(keys.get("down")?.monotonic, false);
        assert.deepEqual(keys.get("mix")?.types, { number: 1, string: 1 });
        assert.equal(keys.get("mix")?.last, "x");
        assert.deepEqual(keys.get("img")?.types, { "image-file": 1 });
        assert.deepEqual(keys.get("l")?.types, { list: 1 });
        assert.deepEqual(keys.get("n")?.types, { null: 1 });
        assert.deepEqual(keys.get("t")?.types, { boolean: 1 });
        assert.deepEqual(keys.get("e")?.types, { map: 1 });
        assert.equal(keys.get("g.a")?.count, 2);
        assert.equal(keys.get("g.a")?.min, undefined);
        assert.equal(keys.get("g.a")?.last, Number.POSITIVE_INFINITY);
        assert.deepEqual(await store.keyNames([1, 2], "history"), ["_step", "down", "g.a", "mix", "up"]);
      },
    );
  });

  test(`${name}: the last value of a key is that of its highest step, whichever writer and kind it is of`, async () => {
    // The block that goes on longest has an early value.
    const long = steps(0, 100, (i) => (i === 5 ? { x: 5, mix: "5" } : { gpu: i }));
    const short = steps(0, 80, (i) => (i === 70 ? { x: 70 } : i < 3 ? { mix: i } : { y: i }));
    const kinds = steps(100, 103, (i) => ({ kind: i === 101 ? "text" : i }));
    await twice(
      open,
      (store) =>
        store.append([
          { ...history(long), writer: "a" },
          { ...history(short), writer: "b" },
          { ...history(kinds), run: 2 },
        ]),
      async (store) => {
        const told = [...(await store.keys(1, "history")), ...(await store.keys(2, "history"))];
        assert.deepEqual(
          told.map(({ key, last, lastStep }) => [key, last, lastStep]),
          [
            ["_step", 99, 99],
            ["gpu", 99, 99],
            ["mix", "5", 5],
            ["x", 70, 70],
            ["y", 79, 79],
            ["_step", 102, 102],
            ["kind", 102, 102],
          ],
        );
      },
    );
  });

  test(`${name}: keys of which every row was taken back or replaced are not named`, async () => {
    const lines = steps(0, 4, (i) => ({ all: i, [`at${i}`]: i, text: "x" }));
    const { store, reopen } = await open();
    const named = async (opened: MetricStore, ...keys: string[]) =>
      assert.deepEqual(await opened.keyNames([1, 2], "history"), ["_step", "all", ...keys]);
    await store.append([history(lines), { ...history(lines), run: 2 }]);
    await store.rewind(1, 0);
    await store.rewind(2, 1);
    await named(store, "at0", "at1");
    await store.append([{ ...history(['{"_step":1,"other":1}'], 1), run: 2 }]);
    await named(store, "at0", "other");
    await store.append([history(lines.slice(1), 1)]);
    // The same of what was sealed whole.
    const again = await reopen();
    await named(again, "at0", "at1", "at2", "at3", "other");
    await again.rewind(1, 1);
    await named(again, "at0", "at1", "other");
    await again.append([history(['{"_step":0,"new":0}'])]);
    await named(again, "at0", "at1", "new", "other");
    await again.deleteRun(2);
    await named(again, "at1", "new");
    await again.close();
  });
}
