import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordLogReader, RecordLogWriter } from "@steelyard/protocol/record-log";
import { exitRecord, headerRecord, historyRecord, outputLoggerRecord } from "@steelyard/protocol/records";
import { LoggedRunReader } from "./logged-run.ts";

/** Rows of every third step, a console line after each; where each record begins in the file. */
function logOf(rows: number, numberOf: (place: number) => number): { bytes: Uint8Array; begins: number[] } {
  const writer = new RecordLogWriter();
  const begins: number[] = [];
  const add = (make: (num: number) => Uint8Array) => {
    begins.push(writer.length);
    writer.append(make(numberOf(begins.length)));
  };
  add((num) => headerRecord(num, "test"));
  for (let row = 0; row < rows; row++) {
    add((num) => historyRecord(num, [[["_step"], String(row * 3)]], row * 3));
    add((num) => outputLoggerRecord(num, "line"));
  }
  add((num) => exitRecord(num, 0, 1));
  return { bytes: writer.take().slice(), begins };
}

function lossesOf(bytes: Uint8Array): string[] {
  const reader = new LoggedRunReader();
  for (const found of new RecordLogReader().take(bytes, true)) reader.take(found);
  return reader.losses.map((loss) => loss.replace(/^.* are lost/, ""));
}

function damage(bytes: Uint8Array, begin: number): void {
  bytes[begin + 8] = (bytes[begin + 8] ?? 0) ^ 1;
}

const HELD = ", with every record they hold a part of";

test("a damage is told with the records that are missing, and the rows beside them", () => {
  const { bytes, begins } = logOf(100, (place) => place);
  assert.deepEqual(lossesOf(bytes), []);
  const spoil = (...places: number[]) => {
    const spoilt = bytes.slice();
    for (const place of places) damage(spoilt, begins[place] ?? 0);
    return lossesOf(spoilt);
  };
  // Records 0 and 201 are the header and the end; rows are at odd places.
  assert.deepEqual(spoil(21), [`${HELD}; that is 1 record, between the rows of step 27 and 33`]);
  assert.deepEqual(spoil(21, 22), [
    HELD,
    `${HELD}; with the one before that is 2 records, between the rows of step 27 and 33`,
  ]);
  assert.deepEqual(spoil(1), [`${HELD}; that is 1 record`]);
  assert.deepEqual(spoil(200), [`${HELD}; that is 1 record`]);
  // Nothing behind it says how many there were.
  assert.deepEqual(spoil(201), [HELD]);
  assert.deepEqual(lossesOf(bytes.slice(0, (begins[150] ?? 0) + 3)), [HELD]);
});

test("a block that is gone, and a log whose writer did not count", () => {
  const { bytes } = logOf(4000, (place) => place);
  const spoilt = bytes.slice();
  spoilt.fill(0xff, 32_768, 65_536);
  const [loss = ""] = lossesOf(spoilt).slice(-1);
  const [, records, from, to] =
    /that is ([\d,]+) records, between the rows of step (\d+) and (\d+)$/.exec(loss) ?? [];
  const rows = (Number(to) - Number(from)) / 3 - 1;
  // A line behind each row, and a half at either side.
  assert.ok(Math.abs(Number(records?.replace(",", "")) - 2 * rows) <= 2, loss);
  const { bytes: uncounted, begins } = logOf(100, () => 0);
  damage(uncounted, begins[21] ?? 0);
  assert.deepEqual(lossesOf(uncounted), [HELD]);
});
