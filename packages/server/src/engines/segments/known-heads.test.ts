import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHead } from "./block.ts";
import { KnownHeads } from "./known-heads.ts";
import { parseRows } from "./rows.ts";

function headOf(rows: readonly Record<string, unknown>[], fast = true): Uint8Array {
  const lines = rows.map((row) => JSON.stringify(row));
  return parseRows(lines, 0).block.encode(fast).head;
}

test("journal rows with the same head share it, and no other is taken for it", () => {
  const heads = new KnownHeads(2 ** 20);
  const first = headOf([{ a: 1 }, { b: 2 }, { a: 3 }]);
  // The same columns, shapes and counts, so the same JSON: only which row has which shape is another.
  const other = headOf([{ a: 1 }, { a: 3 }, { b: 2 }]);
  const head = heads.decode(1, first, true);
  assert.equal(heads.decode(2, first.slice(), true), head);
  assert.equal(heads.get(2), head);
  assert.notEqual(heads.decode(3, other, true), head);
  for (const [block, bytes] of [first, first, other].entries())
    assert.deepEqual(heads.get(block + 1), decodeHead(bytes));

  const damaged = first.slice();
  damaged[14] = (damaged[14] ?? 0) ^ 1;
  assert.throws(() => heads.decode(4, damaged, true), /checksum/);
  assert.throws(() => heads.decode(4, first.subarray(0, 8), true), /cut short/);
  assert.equal(heads.get(4), undefined);
});

test("of heads that differ as many are kept as there is room for, and the last one in any case", () => {
  const heads = new KnownHeads(64 * 1024);
  const blocks = 1000;
  for (let block = 0; block < blocks; block++) heads.decode(block, headOf([{ [`key${block}`]: 1 }]), true);
  let kept = 0;
  for (let block = 0; block < blocks; block++) if (heads.get(block)) kept++;
  assert.ok(kept > 0 && kept < 100, `${kept}`);

  const keys = Object.fromEntries(Array.from({ length: 1000 }, (_, key) => [`key${key}`, key]));
  const wide = heads.decode(blocks, headOf([keys], false), false);
  assert.equal(heads.get(blocks), wide);
  heads.decode(0, headOf([{ a: 1 }]), true);
  assert.equal(heads.get(blocks), undefined);
});
