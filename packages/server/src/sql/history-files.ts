import { createHash } from "node:crypto";
import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { SteelyardError } from "../errors.ts";
import type { ExportColumn } from "../metrics/export-columns.ts";
import { MAX_PARQUET_COLUMNS } from "../metrics/export-formats.ts";
import { writeRunFile } from "../metrics/run-file.ts";
import type { KeyInfo, MetricStore } from "../ports/metric-store.ts";
import { type HistoryFile, LEFT_OUT } from "./messages.ts";
import { choosesByPattern, keysNamedIn } from "./named-keys.ts";

/**
 * Runs' rows as files that a query reads: made of the store's rows when one asks for them first, kept until the rows
 * change or the room is wanted. Of a run of very many keys a file has only those that the query names.
 */

const MAX_RUNS = 2_000;
const MAX_ROWS = 20_000_000;
/** What the table `history` has beside the keys. */
const RESERVED = ["run", "filename", LEFT_OUT];

/** Throws too-large, or bad-request, with what to do. */
export async function historyFiles(
  metrics: MetricStore,
  runs: readonly { id: number; name: string }[],
  sql: string,
  folder: string,
  signal: AbortSignal,
): Promise<HistoryFile[]> {
  if (runs.length > MAX_RUNS) throw tooLarge(`${runs.length} runs`, `${MAX_RUNS} runs`);
  let rows = 0;
  for (const { id } of runs) rows += (await metrics.lineCounts(id)).history;
  if (rows > MAX_ROWS) throw tooLarge(`${rows} rows`, `${MAX_ROWS} rows`);
  const versions = await metrics.versions(
    runs.map(({ id }) => id),
    "history",
  );
  const keys = new Map<number, KeyInfo[]>();
  for (const { id } of runs) keys.set(id, await metrics.keys(id, "history"));
  const names = columnNames([...keys.values()].flat().map(({ key }) => key));
  const isNamed = keysNamedIn(sql);
  const files: HistoryFile[] = [];
  for (const [at, { id, name }] of runs.entries()) {
    signal.throwIfAborted();
    const all = (keys.get(id) ?? []).map((info) => columnOf(info, names.get(info.key) ?? info.key));
    if (all.length === 0) continue;
    const isWide = all.length > MAX_PARQUET_COLUMNS;
    if (isWide && choosesByPattern(sql)) throw hiddenFromPattern(name, all.length);
    const columns = isWide ? all.filter((column) => isNamed(column.name)) : all;
    if (columns.length > MAX_PARQUET_COLUMNS)
      throw new SteelyardError(
        "too-large",
        `the query names ${columns.length} keys of the run ${name}, and a query reads at most ${MAX_PARQUET_COLUMNS} of a run; ask of some at a time`,
      );
    // A run's rows are named by what the other runs have, too.
    const contents = isWide ? columns : columns.filter((column) => column.name !== column.key);
    const version = createHash("sha256")
      .update(JSON.stringify([versions[at], contents]))
      .digest("hex");
    const file = `${id}-${version.slice(0, 16)}.parquet`;
    const path = join(folder, file);
    if (existsSync(path)) {
      const now = new Date();
      utimesSync(path, now, now);
    } else await writeRunFile(metrics, id, columns, path, signal);
    files.push({ run: name, file, leftOut: all.length - columns.length });
  }
  return files;
}

function tooLarge(asked: string, most: string): SteelyardError {
  return new SteelyardError(
    "too-large",
    `history of ${asked} is more than a query reads (${most}); name the runs it is about ("runs": […], --run ID)`,
  );
}

function hiddenFromPattern(run: string, keys: number): SteelyardError {
  return new SteelyardError(
    "bad-request",
    `COLUMNS(…) and * LIKE choose among the columns that are there, and of the run ${run}, of ${keys} keys, only those are that the query names (of more than ${MAX_PARQUET_COLUMNS}); name the keys, or ask of other runs ("runs": […], --run ID)`,
  );
}

function columnOf({ key, types }: KeyInfo, name: string): ExportColumn {
  const numbersOnly = Object.keys(types).every((type) => type === "number" || type === "null");
  return { key, name, type: numbersOnly ? "number" : "text" };
}

/** Columns know no case: of keys that differ by it alone the one in small letters keeps its name, others get a number. */
export function columnNames(keys: readonly string[]): Map<string, string> {
  const taken = new Set(RESERVED);
  const names = new Map<string, string>();
  for (const key of [...new Set(keys)].sort().reverse()) {
    let name = key;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${key}_${n}`;
    taken.add(name.toLowerCase());
    names.set(key, name);
  }
  return names;
}
