import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { crc32, gunzipSync } from "node:zlib";
import { chunkChecksum, RecordLogWriter, readRecordLog } from "./index.ts";

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
