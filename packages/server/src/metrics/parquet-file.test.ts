import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { ParquetFile } from "./parquet-file.ts";

test("a file comes in parts as its groups are full, and is whole when they are put together", async () => {
  const file = new ParquetFile([
    { name: "run", key: undefined, type: "text" },
    { name: "_step", key: "_step", type: "step" },
    { name: "a", key: "a", type: "number" },
  ]);
  const count = 120_000;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let step = 0; step < count; step++) {
    const values = new Map<string, unknown>([["_step", step]]);
    if (step % 2 === 0) values.set("a", Math.sqrt(step));
    file.add(step < 1000 ? "first" : "second", values);
    if (step % 10_000 === 0) parts.push(file.take());
  }
  assert.ok(parts.filter(({ length }) => length > 1000).length >= 2, "nothing waits for the end");
  parts.push(file.end());
  const whole = new Uint8Array(await new Blob(parts).arrayBuffer()).buffer;
  const metadata = await parquetMetadataAsync(whole);
  assert.deepEqual(
    metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
    [50_000, 50_000, 20_000],
  );
  const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
  const rows = await parquetReadObjects({ file: whole, compressors, rowStart: 99_999, rowEnd: 100_001 });
  assert.deepEqual(rows, [
    { run: "second", _step: 99_999n, a: null },
    { run: "second", _step: 100_000n, a: Math.sqrt(100_000) },
  ]);
});
