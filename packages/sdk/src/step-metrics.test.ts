import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "./messages.ts";
import { NumericRows } from "./numeric-rows.ts";
import { createRing, eachRow, RingReader, RingWriter } from "./ring.ts";
import { StepMetrics } from "./step-metrics.ts";
import { Summary } from "./summary.ts";

test("rows get the last value of their step metric, numbers and others alike", () => {
  const steps = new StepMetrics();
  const memory = createRing();
  const shapes: string[][] = [];
  const numbers = new NumericRows(new RingWriter(memory), steps, new Summary(), (id, keys) => {
    shapes[id] = keys;
  });
  const reader = new RingReader(memory);
  let row = 0;
  const log = (data: Record<string, number>): Record<string, number> => {
    assert.ok(numbers.log(data, row++));
    let got: Record<string, number> = {};
    reader.drain(reader.written, (start, end) =>
      eachRow(reader.cells, start, end, (shape, _step, _timestamp, cells, from) => {
        got = Object.fromEntries((shapes[shape] ?? []).map((key, at) => [key, cells[from + at] as number]));
      }),
    );
    return got;
  };
  const fill = (entries: Entry[]) => {
    steps.fill(entries);
    return entries;
  };
  assert.deepEqual(log({ "val/loss": 1 }), { "val/loss": 1 });
  steps.define("val/*", "epoch");
  steps.define("val/best/*", "round");
  steps.define("epoch", "batch");
  numbers.forgetShapes();
  assert.deepEqual(log({ "val/loss": 1 }), { "val/loss": 1, epoch: 0, batch: 0 });
  assert.deepEqual(log({ epoch: 3, batch: 70 }), { epoch: 3, batch: 70 });
  assert.deepEqual(log({ "val/loss": 2, other: 5 }), { "val/loss": 2, other: 5, epoch: 3, batch: 70 });
  assert.deepEqual(log({ "val/best/x": 2 }), { "val/best/x": 2, round: 0 });
  assert.deepEqual(fill([["val/text", '"a"']]), [
    ["val/text", '"a"'],
    ["epoch", "3"],
    ["batch", "70"],
  ]);
  fill([["batch", "71"]]);
  assert.deepEqual(log({ "val/loss": 3 }), { "val/loss": 3, epoch: 3, batch: 71 });
  fill([["batch", '"late"']]);
  // A value that is no number goes the other way.
  assert.equal(numbers.log({ "val/loss": 3 }, row++), false);
  assert.deepEqual(fill([["val/loss", "3"]]).at(-1), ["batch", '"late"']);
});
