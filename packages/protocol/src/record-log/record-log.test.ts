import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { crc32, gunzipSync } from "node:zlib";
import {
  chunkChecksum,
  type RecordLogContent,
  RecordLogReader,
  RecordLogWriter,
  readRecordLog,
} from "./index.ts";

interface Vector {
  name: string;
  kind: "chunk-crc" | "frame" | "read-log";
  input: {
    type?: number;
    payload_b64?: string;
    records_b64?: string[];
    records_gzip_b64?: string[];
    bytes_b64?: string;
    gzip_b64?: string;
  };
  expected: {
    crc32?: number;
    bytes_b64?: string;
    size?: number;
    file_crc32?: number;
    lenient?: string[] | "refuse";
  };
}

const { vectors } = JSON.parse(
  readFileSync(new URL("./vectors/record-log.json", import.meta.url), "utf8"),
) as {
  vectors: Vector[];
};
const base64 = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
function framed(records: readonly Uint8Array[]): Uint8Array {
  const writer = new RecordLogWriter();
  for (const record of records) writer.append(record);
  return writer.take();
}
/** As a file that grows by so many bytes each time it is read. */
function inPieces(bytes: Uint8Array, size: number): RecordLogContent {
  const content: RecordLogContent = { records: [], damage: [] };
  const reader = new RecordLogReader();
  // One piece of memory for all of them, as a file is read.
  const piece = Buffer.alloc(bytes.length);
  for (let end = Math.min(size, bytes.length); ; end = Math.min(end + size, bytes.length)) {
    const length = Buffer.from(bytes.buffer, bytes.byteOffset).copy(piece, 0, reader.next, end);
    for (const found of reader.take(piece.subarray(0, length), end === bytes.length))
      if (found.kind === "record") content.records.push(new Uint8Array(found.bytes));
      else content.damage.push(found.reason);
    if (end === bytes.length) return content;
  }
}
const unzipped = (text: string) => new Uint8Array(gunzipSync(base64(text)));

for (const { name, kind, input, expected } of vectors) {
  test(`vector ${name}`, () => {
    if (kind === "chunk-crc") {
      if (input.payload_b64 === undefined) return;
      assert.equal(chunkChecksum(input.type ?? 1, base64(input.payload_b64)), expected.crc32);
    } else if (kind === "frame") {
      const records = input.records_b64?.map(base64) ?? input.records_gzip_b64?.map(unzipped) ?? [];
      const bytes = framed(records);
      if (expected.bytes_b64) assert.deepEqual(bytes, base64(expected.bytes_b64));
      if (expected.size) assert.equal(bytes.length, expected.size);
      if (expected.file_crc32) assert.equal(crc32(bytes), expected.file_crc32);
      assert.deepEqual(readRecordLog(bytes), { records, damage: [] });
    } else {
      const bytes = input.gzip_b64 ? unzipped(input.gzip_b64) : base64(input.bytes_b64 ?? "");
      if (expected.lenient === "refuse") {
        assert.throws(() => readRecordLog(bytes), /not a \.wandb log/);
        return;
      }
      for (const size of [1, 7, 1000, 40_000])
        assert.deepEqual(inPieces(bytes, size), readRecordLog(bytes), `pieces of ${size}`);
      const read = readRecordLog(bytes).records.map((record) => `rec:${crc32(record)}:${record.length}`);
      assert.deepEqual(read, expected.lenient);
    }
  });
}

test("records written in several goes are one log", () => {
  const records = Array.from({ length: 300 }, (_, index) => new Uint8Array(index * 7).fill(index));
  const writer = new RecordLogWriter();
  const parts = records.map((record) => {
    writer.append(record);
    return writer.take().slice();
  });
  assert.deepEqual(readRecordLog(new Uint8Array(Buffer.concat(parts))), { records, damage: [] });
});

test("what is not written yet at the end of a growing log is waited for, not taken for damage", () => {
  const records = [new Uint8Array(100).fill(1), new Uint8Array(50_000).fill(2), new Uint8Array(9).fill(3)];
  const whole = framed(records);
  const reader = new RecordLogReader();
  const found = (bytes: Uint8Array, last = false) =>
    [...reader.take(bytes, last)].map((each) => (each.kind === "record" ? each.bytes.length : each.reason));
  // A file system may make a file longer before its bytes are there.
  const early = whole.slice();
  early.fill(0, 60);
  assert.deepEqual(found(early.subarray(0, 20_000)), []);
  assert.equal(reader.next, 7);
  assert.deepEqual(found(whole.subarray(7, 30_000)), [100]);
  assert.equal(reader.done, 114);
  assert.deepEqual(found(whole.subarray(reader.next)), [50_000, 9]);
  assert.deepEqual([reader.next, reader.done], [whole.length, whole.length]);
  assert.deepEqual(found(new Uint8Array(3), true), [
    `the log is cut inside the chunk at byte ${whole.length}: the bytes from ${whole.length} to ${whole.length + 3} are lost, with every record they hold a part of`,
  ]);
});

test("a loss is told by the bytes that it cost", () => {
  const records = Array.from({ length: 8 }, (_, index) => new Uint8Array(10_000).fill(index));
  const whole = framed(records);
  const begins = (record: number) => 7 + record * 10_007;
  // No length can be trusted in the second record, and the eighth is cut; the fourth has its beginning in the second's block.
  whole.fill(7, begins(1), begins(2));
  const read = readRecordLog(whole.subarray(0, -1));
  assert.deepEqual(
    read.records.map(([first]) => first),
    [0, 4, 5, 6],
  );
  const lost = (from: number, to: number) =>
    `the bytes from ${from} to ${to} are lost, with every record they hold a part of`;
  // Each block that a record reaches costs a header more: the last one began in the third.
  const cut = begins(7) + 2 * 7;
  assert.deepEqual(read.damage, [
    `no chunk at byte ${begins(1)}: ${lost(begins(1), 2 ** 15)}`,
    `the log is cut inside the chunk at byte ${cut}: ${lost(cut, whole.length - 1)}`,
  ]);
});
