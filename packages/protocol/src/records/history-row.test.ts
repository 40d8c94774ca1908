import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordLogWriter, readRecordLog } from "../record-log/index.ts";
import { appendHistoryRow, HistoryShape, historyRecord, type Item } from "./index.ts";

test("a row straight into the log is the record the general writer makes", () => {
  const log = new RecordLogWriter();
  const expected: Uint8Array[] = [];
  const keys = [
    ["loss"],
    ["", "한글", "a.b", "k".repeat(200)],
    Array.from({ length: 500 }, (_, i) => `k${i}`),
  ];
  const shapes = keys.map((list) => new HistoryShape(list));
  let num = 0;
  for (const step of [0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 52]) {
    for (const [index, shape] of shapes.entries()) {
      const list = keys[index] ?? [];
      const texts = list.map((_, key) => (key % 3 === 0 ? "NaN" : String(step / (key + 3))));
      num += 100;
      expected.push(
        historyRecord(
          num,
          list.map((key, at): Item => [[key], texts[at] ?? ""]),
          step,
        ),
      );
      const ends = texts.map((_, at) => texts.slice(0, at + 1).join("").length);
      const text = { bytes: Buffer.from(texts.join("")), ends: Int32Array.from(ends) };
      appendHistoryRow(log, num, shape, text, step);
    }
  }
  assert.deepEqual(readRecordLog(log.take().slice()), { records: expected, damage: [] });
});
