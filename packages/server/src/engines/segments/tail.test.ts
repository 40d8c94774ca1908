import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { answerTail } from "./row-reads.ts";
import { sealed } from "./sealed.test-part.ts";
import { openSegments } from "./store.ts";
import { StoredBlocks } from "./stored.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-tail-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("segments: the last row of a run is told from what is known of its columns, none of which is opened", async () => {
  const path = join(root, "tail.db");
  // The last rows of each run; those before have one key more, as a validation every few steps has.
  const ends = [
    [
      '{"_step":9998,"loss":0.25,"deep":{"a":3},"odd":NaN}',
      '{"_step":9999,"loss":0.1,"deep":{"a":-7},"odd":0.5}',
    ],
    ['{"_step":9998,"loss":1}', '{"_step":9999,"loss":-0,"note":"end"}'],
    // Late rows: the last line is not the last step.
    ['{"_step":20001,"loss":5}', '{"_step":20000,"loss":6}'],
  ];
  const store = await openSegments(path);
  for (const [run, end] of ends.entries()) {
    const rows = Array.from(
      { length: 9998 },
      (_, i) => `{"_step":${i},"loss":${Math.sin(i)},"validation":${i}}`,
    );
    await store.append([{ run, stream: "history", writer: "", offset: 0, lines: [...rows, ...end] }]);
  }
  await store.close();
  await sealed(path, 0);
  const stored = new StoredBlocks(path, { heads: 2 ** 20, decoded: 0 });
  let opened = 0;
  const { column } = stored;
  stored.column = (...given) => {
    opened++;
    return column.apply(stored, given);
  };
  const tail = (run: number, n: number) => stored.snapshot(() => answerTail(stored, run, "history", n));
  for (const [run, end] of ends.entries()) {
    assert.deepEqual(tail(run, 1), end.slice(-1), `run ${run}`);
    assert.deepEqual(tail(run, 2), end, `run ${run}`);
    assert.equal(tail(run, 9000).length, 9000);
  }
  opened = 0;
  tail(0, 1);
  assert.equal(opened, 0);
  stored.database.close();
});
