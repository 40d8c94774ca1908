import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BoundedCache, ITEM_BYTES } from "./bounded-cache.ts";

const MAX_BYTES = 5 * ITEM_BYTES;

test("what was used last is kept, up to the bytes, of which each item takes some itself", () => {
  const use = fc.record({
    set: fc.boolean(),
    id: fc.nat(5),
    name: fc.constantFrom("a", "b", 1),
    bytes: fc.nat(ITEM_BYTES / 2),
  });
  fc.assert(
    fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
      const cache = new BoundedCache<number>(MAX_BYTES);
      // The plain one: last used last.
      let kept: { label: string; value: number; bytes: number }[] = [];
      for (const [value, { set, id, name, bytes }] of uses.entries()) {
        const label = `${id} ${name}`;
        const known = kept.find((item) => item.label === label);
        if (!set) {
          assert.equal(cache.get(id, name), known?.value);
          if (known) kept = [...kept.filter((item) => item !== known), known];
          continue;
        }
        cache.set(id, name, value, bytes);
        if (bytes + ITEM_BYTES > MAX_BYTES / 4) continue;
        kept = [...kept.filter((item) => item !== known), { label, value, bytes: bytes + ITEM_BYTES }];
        while (kept.reduce((sum, item) => sum + item.bytes, 0) > MAX_BYTES) kept.shift();
      }
    }),
  );
});
