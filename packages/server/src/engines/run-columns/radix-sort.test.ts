import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sortByKeys } from "./radix-sort.ts";

test("places are sorted by their keys, equal ones stay as they were", () => {
  const key = fc.oneof(
    fc.double({ noNaN: true }),
    fc.constantFrom(0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  fc.assert(
    fc.property(fc.array(key, { minLength: 2, maxLength: 50 }), fc.constantFrom(1, 30), (some, times) => {
      // Few are compared, many go through the passes.
      const keys = Float64Array.from({ length: some.length * times }, (_, at) => some[at % some.length] ?? 0);
      const places = Uint32Array.from(keys.keys()).reverse();
      const wanted = [...places].sort((a, b) => {
        const [left, right] = [keys[a] ?? 0, keys[b] ?? 0];
        return left < right ? -1 : left > right ? 1 : b - a;
      });
      sortByKeys(places, (place) => keys[place] ?? 0);
      assert.deepEqual([...places], wanted);
    }),
  );
});
