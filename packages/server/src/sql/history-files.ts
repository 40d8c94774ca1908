import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { flattenKeys, parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import { MAX_PARQUET_COLUMNS } from "../metrics/export-formats.ts";
import { inTurns, rowPages } from "../metrics/row-pages.ts";
import { writeRunFile } from "../metrics/run-file.ts";
import type { KeyInfo, MetricStore } from "../ports/metric-store.ts";
import type { HistoryFile } from "./messages.ts";

/**
 * Runs' rows as files that a query reads: made of the store's rows when one asks for them first, kept until the rows
 * change or the room is wanted.
 */

const MAX_RUNS = 2_000;
const MAX_ROWS = 20_000_000;
/** What the table `history` has beside the keys. */
const RESERVED = ["run", "filename"];

/** Throws too-large, with what to do. */
export async function historyFiles(
  metrics: MetricStore,
  runs: readonly { id: number; name: string }[],
  folder: string,
  signal: AbortSignal,
): Promise<HistoryFile[]> {
  if (runs.length > MAX_RUNS) throw tooLarge(`${runs.length} runs`, `${MAX_RUNS} runs`);
  let rows = 0;
  for (const { id } of runs) rows += (await metrics.lineCounts(id)).history;
  if (rows > MAX_ROWS) throw tooLarge(`${rows} rows`, `${MAX_ROWS} rows`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const versions = await metrics.versions(
    runs.map(({ id }) => id),
    "history",
  );
  const keys = new Map<number, KeyInfo[]>();
  for (const { id } of runs) keys.set(id, await metrics.keys(id, "history"));
  const names = columnNames([...keys.values()].flat().map(({ key }) => key));
  const files: HistoryFile[] = [];
  for (const [at, { id, name }] of runs.entries()) {
    signal.throwIfAborted();
    const columns = (keys.get(id) ?? []).map((info) => columnOf(info, names.get(info.key) ?? info.key));
    if (columns.length === 0) continue;
    // A run's rows are named by what the other runs have, too.
    const renamed = columns.filter((column) => column.name !== column.key);
    const version = createHash("sha256")
      .update(JSON.stringify([versions[at], renamed]))
      .digest("hex");
    const path = join(folder, `${id}-${version.slice(0, 16)}.parquet`);
    if (existsSync(path)) {
      const now = new Date();
      utimesSync(path, now, now);
      files.push({ run: name, path });
      continue;
    }
    if (columns.length <= MAX_PARQUET_COLUMNS) {
      const typed = columns.map(({ key, name, type }) => ({
        key,
        name,
        type: type === "DOUBLE" ? ("number" as const) : ("text" as const),
      }));
      await writeRunFile(metrics, id, typed, path, signal);
      files.push({ run: name, path });
      continue;
    }
    const lines = `${path}.${process.hrtime.bigint()}.jsonl`;
    await writeLines(metrics, id, new Map(columns.map((column) => [column.key, column])), lines, signal);
    files.push({ run: name, path, source: { path: lines, columns } });
  }
  return files;
}

function tooLarge(asked: string, most: string): SteelyardError {
  return new SteelyardError(
    "too-large",
    `history of ${asked} is more than a query reads (${most}); name the runs it is about ("runs": […], --run ID)`,
  );
}

/** The rows as JSON that every reader knows: one level of keys, no bare NaN. */
async function writeLines(
  metrics: MetricStore,
  run: number,
  columns: ReadonlyMap<string, Column>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = createWriteStream(path, { mode: 0o600 });
  try {
    for await (const rows of inTurns(rowPages(metrics, run, "history"))) {
      signal.throwIfAborted();
      let text = "";
      for (const row of rows) text += line(row, columns);
      if (!file.write(text)) await once(file, "drain");
    }
  } finally {
    file.end();
    await finished(file);
  }
}

interface Column {
  key: string;
  name: string;
  type: "DOUBLE" | "VARCHAR";
}

function line(row: string, columns: ReadonlyMap<string, Column>): string {
  const values: Record<string, unknown> = {};
  for (const [key, value] of flattenKeys(parseExtendedJson(row) as Record<string, unknown>)) {
    const column = columns.get(key);
    if (!column || value === null) continue;
    if (column.type === "DOUBLE") values[column.name] = Number.isFinite(value) ? value : String(value);
    else values[column.name] = typeof value === "string" ? value : stringifyExtendedJson(value);
  }
  return `${JSON.stringify(values)}\n`;
}

function columnOf({ key, types }: KeyInfo, name: string): Column {
  const numbersOnly = Object.keys(types).every((type) => type === "number" || type === "null");
  return { key, name, type: numbersOnly ? "DOUBLE" : "VARCHAR" };
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
