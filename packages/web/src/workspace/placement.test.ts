import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsIn, inRows, sectionHeight } from "./placement.ts";

test("as many columns as fit, one at least", () => {
  assert.equal(columnsIn(0), 1);
  assert.equal(columnsIn(366), 1);
  assert.equal(columnsIn(688), 2);
  assert.equal(columnsIn(1131), 3);
});

test("rows are filled evenly: no half of the window stays empty", () => {
  const shape = (count: number, fitting: number) =>
    inRows(
      Array.from({ length: count }, (_, at) => at),
      fitting,
    ).map((row) => row.length);
  assert.deepEqual(shape(1, 3), [1]);
  assert.deepEqual(shape(2, 3), [2]);
  assert.deepEqual(shape(4, 3), [2, 2]);
  assert.deepEqual(shape(5, 4), [3, 2]);
  assert.deepEqual(shape(7, 3), [3, 3, 1]);
  assert.deepEqual(inRows([1, 2, 3], 2), [[1, 2], [3]]);
});

test("a section is as high as its rows, a closed one as its heading", () => {
  assert.equal(sectionHeight(0), 36);
  assert.equal(sectionHeight(2), 36 + 2 * 264);
});
