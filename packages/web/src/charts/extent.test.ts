import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { extentOf } from "./extent.ts";

const value = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0));

test("of a column that grows where it lies, its last value changing, the extent is that of all its values", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 30 }), (steps) => {
      const room = new Float64Array(40);
      for (const [at, [before, after]] of steps.entries()) {
        // It comes, and then grows before the next one does.
        for (const last of [before, after]) {
          room[at + 2] = last;
          const values = room.subarray(2, at + 3);
          const finite = [...values].filter(Number.isFinite);
          const { low, high } = extentOf(values);
          // Of two zeros of either sign neither is the smaller one: `+ 0` makes them one.
          assert.equal(low + 0, Math.min(...finite) + 0, `${values}`);
          assert.equal(high + 0, Math.max(...finite) + 0, `${values}`);
        }
      }
    }),
  );
});

test("columns that share a buffer, and beginnings of a column, have their own", () => {
  const all = Float64Array.of(5, 1, 9, 2);
  const ranges = (...columns: Float64Array[]) => columns.map(extentOf).map(({ low, high }) => [low, high]);
  assert.deepEqual(ranges(all, all.subarray(2), all.subarray(0, 2), all.subarray(0, 1), all.subarray(0, 0)), [
    [1, 9],
    [2, 9],
    [1, 5],
    [5, 5],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ]);
});
