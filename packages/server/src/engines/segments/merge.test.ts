import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeHead } from "./block.ts";
import { mergeBlocks, type OpenBlock, openBlock, SEALED_ROWS } from "./merge.ts";
import { parseRows } from "./rows.ts";

/** Journal rows as the sealer opens them. */
function opened(lines: readonly string[], offset: number): OpenBlock {
  const { block } = parseRows(lines, offset);
  const { head, parts } = block.encode(true);
  return openBlock(
    decodeHead(head),
    new Float64Array(block.lines),
    new Float64Array(block.steps),
    (index) => parts[index] as Uint8Array,
  );
}

/** No row is dead, and every one is looked at. */
const oneByOne = (sources: readonly OpenBlock[]) =>
  mergeBlocks(
    sources,
    sources.map(() => () => false),
  );
const encoded = (blocks: ReturnType<typeof mergeBlocks>) =>
  blocks.map((block) => ({ lines: block.lines, steps: block.steps, ...block.encode(false) }));

test("columns put end to end are the blocks that rows looked at one by one make", () => {
  const row = fc.record({ step: fc.nat(20), odd: fc.boolean(), value: fc.double() });
  fc.assert(
    fc.property(
      fc.array(fc.array(row, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      (batches) => {
        let line = 0;
        let step = 0;
        const sources = batches.map((rows) => {
          const offset = line;
          line += rows.length;
          const texts = rows.map(({ step: more, odd, value }) => {
            step += more - 2;
            const number = Object.is(value, -0) ? "-0" : String(value);
            return odd && more > 15
              ? `{"_step":${step},"other":"text"}`
              : `{"_step":${step},"a":${number},"b":{"c":1}}`;
          });
          return opened(texts, offset);
        });
        assert.deepEqual(encoded(mergeBlocks(sources, [])), encoded(oneByOne(sources)));
      },
    ),
  );
});

test("rows are shared out evenly, also within a journal row, so that no small rest is left to merge again", () => {
  const rows = (from: number, count: number) =>
    opened(
      Array.from({ length: count }, (_, at) => `{"_step":${from + at},"loss":${1 / (from + at + 1)}}`),
      from,
    );
  const sources = [rows(0, 3000), rows(3000, 3000), rows(6000, 3000)];
  const blocks = mergeBlocks(sources, []);
  assert.deepEqual(
    blocks.map((block) => block.rows),
    [3008, 3008, 9000 - 2 * 3008],
  );
  assert.deepEqual(encoded(blocks), encoded(oneByOne(sources)));
  // What was sealed meanwhile comes after the rows that came, and lies before them.
  assert.deepEqual(encoded(mergeBlocks(sources.toReversed(), [])), encoded(blocks));
  for (const count of [1, SEALED_ROWS - 1, SEALED_ROWS])
    assert.equal(mergeBlocks([rows(0, count)], []).length, 1);
});
