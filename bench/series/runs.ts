import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DuckDBInstance } from "@duckdb/node-api";
import { openSegments } from "../../packages/server/src/engines/segments/store.ts";

/** Runs to measure charts with: float32 curves, as training scripts log, and one planted spike. */

export const KEYS = 10;
export const SPIKE = 1000;
const APPENDED_ROWS = 5000;
/** `_step` and `_runtime` are values too. */
const COLUMNS = KEYS + 2;

export function spikeStep(steps: number): number {
  return Math.floor(steps * 0.617283);
}

/**
 * The first run is logged, the others are forks of it: each has its own copy of every block and pyramid, and the store
 * knows nothing of their being alike.
 */
export async function fill(path: string, runs: readonly number[], steps: number, keys = KEYS): Promise<void> {
  const store = await openSegments(path);
  for (let at = 0; at < steps; at += APPENDED_ROWS) {
    const rows = Math.min(APPENDED_ROWS, steps - at);
    const lines = Array.from({ length: rows }, (_, i) => row(at + i, steps, keys));
    await store.append([{ run: runs[0] ?? 1, stream: "history", writer: "", offset: at, lines }]);
  }
  await store.close();
  // What a close has no time to seal, the next one does.
  let again = await openSegments(path);
  while ((await again.stats()).journalRows > 0) {
    await again.close();
    again = await openSegments(path);
  }
  for (const run of runs.slice(1)) await again.fork(runs[0] ?? 1, run, steps);
  await again.close();
}

function row(step: number, steps: number, keys: number): string {
  let text = `{"_step":${step},"_runtime":${step / 8}`;
  for (let key = 0; key < keys; key++) {
    const curve = 0.2 + Math.exp(-step / 20_000) + noise(step, key) / 10;
    text += `,"curve_${key}":${Math.fround(key === 0 && step === spikeStep(steps) ? SPIKE : curve)}`;
  }
  return `${text}}`;
}

/** -0.5 to 0.5, without a period that a compressor could find. */
function noise(step: number, key: number): number {
  let bits = Math.imul(step * 16 + key + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

/** Bytes a value; `all`: of the file, less its free pages. */
export function bytesOf(path: string, rows: number): { all: number; chunks: number; pyramids: number } {
  const file = new DatabaseSync(path, { readOnly: true });
  const one = (text: string) => Number(Object.values(file.prepare(text).get() ?? {})[0]);
  const free = one("PRAGMA freelist_count") * one("PRAGMA page_size");
  const pyramids = one("SELECT total(length(body)) FROM pyramids");
  const chunks =
    one("SELECT total(length(body) + length(head) + length(lines) + length(steps)) FROM blocks") +
    one("SELECT total(length(body)) FROM parts");
  file.close();
  const values = rows * COLUMNS;
  return { all: (statSync(path).size - free) / values, chunks: chunks / values, pyramids: pyramids / values };
}

/** Bytes a value of one such run as DuckDB writes it: Parquet of float64 columns, zstd. */
export async function parquetBytes(folder: string, steps: number): Promise<number> {
  const lines = join(folder, "rows.ndjson");
  const parquet = join(folder, "rows.parquet");
  writeFileSync(lines, Array.from({ length: steps }, (_, step) => row(step, steps, KEYS)).join("\n"));
  const names = ["_step", "_runtime", ...Array.from({ length: KEYS }, (_, key) => `curve_${key}`)];
  const columns = names.map((name) => `${name}: 'DOUBLE'`).join();
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(
    `COPY (SELECT * FROM read_json('${lines}', format = 'newline_delimited', columns = {${columns}})) TO '${parquet}' (FORMAT parquet, COMPRESSION zstd)`,
  );
  connection.closeSync();
  const { size } = statSync(parquet);
  for (const file of [lines, parquet]) rmSync(file);
  return size / (steps * COLUMNS);
}
