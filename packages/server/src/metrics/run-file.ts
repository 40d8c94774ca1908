import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { MetricStore } from "../ports/metric-store.ts";
import type { ExportColumn } from "./export-columns.ts";
import { unfinishedName } from "./kept-files.ts";
import { columnPages } from "./row-pages.ts";

/** What a run's history has of these columns as a Parquet file at `path`, whose folder is there; whole or not at all. */
export async function writeRunFile(
  metrics: MetricStore,
  run: number,
  columns: readonly ExportColumn[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const unfinished = join(dirname(path), unfinishedName("parquet"));
  const file = await open(unfinished, "w", 0o600);
  try {
    const { ParquetFile } = await import("./parquet-file.ts");
    const parquet = new ParquetFile(columns);
    const keys = columns.flatMap(({ key }) => key ?? []);
    for await (const page of columnPages(metrics, run, "history", columns.length, { keys })) {
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
