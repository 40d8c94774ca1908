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
  for (let from = 0; from < count; from += 1000) {
    const steps = Float64Array.from({ length: 1000 }, (_, row) => from + row);
    const has = Uint8Array.from(steps, (step) => Number(step % 2 === 0));
    file.add(from < 1000 ? "first" : "second", {
      steps,
      columns: [{ key: "a", numbers: steps.map(Math.sqrt), has }],
    });
    if (from % 10_000 === 0) parts.push(file.take());
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

test("a key that is a number in some rows, a text or nothing in others is what was logged", async () => {
  const columns = [
    { key: "number", numbers: Float64Array.of(1.5, Number.NaN, 0), has: Uint8Array.of(1, 1, 0) },
    { key: "number", texts: [undefined, undefined, "null"] },
    { key: "mixed", numbers: Float64Array.of(0, 2, 0), has: Uint8Array.of(0, 1, 0) },
    { key: "mixed", texts: ['"a"', undefined, '{"b":[1,NaN]}'] },
    { key: "text", texts: ['"x, y"', undefined, '""'] },
    { key: "flag", texts: ["true", "false", undefined] },
  ];
  const file = new ParquetFile([
    { name: "_step", key: "_step", type: "step" },
    { name: "number", key: "number", type: "number" },
    { name: "mixed", key: "mixed", type: "json" },
    { name: "text", key: "text", type: "text" },
    { name: "flag", key: "flag", type: "boolean" },
    { name: "late", key: "late", type: "number" },
  ]);
  // The rows before lack none: what comes then does not change them.
  file.add("", {
    steps: Float64Array.of(0),
    columns: [
      { key: "number", numbers: Float64Array.of(7), has: undefined },
      { key: "late", numbers: Float64Array.of(8), has: undefined },
    ],
  });
  file.add("", { steps: Float64Array.of(1, 2, 2.5), columns });
  const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
  const rows = await parquetReadObjects({ file: new Uint8Array(file.end()).buffer, compressors });
  assert.deepEqual(rows, [
    { _step: 0n, number: 7, mixed: null, text: null, flag: null, late: 8 },
    { _step: 1n, number: 1.5, mixed: '"a"', text: "x, y", flag: true, late: null },
    { _step: 2n, number: Number.NaN, mixed: "2", text: null, flag: false, late: null },
    { _step: 2n, number: null, mixed: '{"b":[1,NaN]}', text: "", flag: null, late: null },
  ]);
});
