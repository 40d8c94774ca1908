import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { MetricStore } from "../ports/metric-store.ts";
import type { ExportColumn } from "./export-columns.ts";
import { columnPages } from "./row-pages.ts";

/** The history of a run as a Parquet file at `path`, whose folder is there; whole or not at all. */
export async function writeRunFile(
  metrics: MetricStore,
  run: number,
  columns: readonly ExportColumn[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const unfinished = join(dirname(path), `unfinished-${process.hrtime.bigint()}`);
  const file = await open(unfinished, "w", 0o600);
  try {
    const { ParquetFile } = await import("./parquet-file.ts");
    const parquet = new ParquetFile(columns);
    for await (const page of columnPages(metrics, run, "history", columns.length)) {
      signal?.throwIfAborted();
      parquet.add("", page);
      await file.writeFile(parquet.take());
    }
    await file.writeFile(parquet.end());
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}
