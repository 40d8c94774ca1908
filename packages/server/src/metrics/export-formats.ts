import { flattenKeys, parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import type { ExportColumn } from "./export-columns.ts";

/** The formats in which rows leave the server, written as the rows come. */

export const EXPORT_FORMATS = ["csv", "jsonl", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The directory at the end of a Parquet file has an entry per column and group, all in memory. */
const MAX_PARQUET_COLUMNS = 2000;

type Part = string | Uint8Array<ArrayBuffer>;

export interface ExportFile {
  contentType: string;
  begin(): Part;
  /** Rows of one run, as logged. */
  rows(run: string, rows: readonly string[]): Part;
  end(): Part;
}

/** `columns` are not asked for by jsonl. `several`: each row says of which run it is. */
export async function exportFile(
  format: ExportFormat,
  columns: () => Promise<ExportColumn[]>,
  several: boolean,
): Promise<ExportFile> {
  switch (format) {
    case "jsonl":
      return jsonLines(several);
    case "csv":
      return csv(await columns());
    case "parquet":
      return parquet(await columns());
  }
}

function jsonLines(several: boolean): ExportFile {
  const row = (run: string, text: string) => {
    if (!several) return `${text}\n`;
    const rest = text.trimStart().slice(1);
    return `{"run":${JSON.stringify(run)}${rest.startsWith("}") ? "" : ","}${rest}\n`;
  };
  return {
    contentType: "application/jsonl",
    begin: () => "",
    rows: (run, rows) => rows.map((text) => row(run, text)).join(""),
    end: () => "",
  };
}

function csv(columns: readonly ExportColumn[]): ExportFile {
  const line = (cells: readonly unknown[]) => `${cells.map(csvCell).join(",")}\n`;
  return {
    contentType: "text/csv; charset=utf-8",
    begin: () => line(columns.map(({ name }) => name)),
    rows: (run, rows) =>
      rows
        .map((text) => {
          const values = valuesOf(text);
          return line(columns.map(({ key }) => (key === undefined ? run : values.get(key))));
        })
        .join(""),
    end: () => "",
  };
}

/** RFC 4180; a cell that a spreadsheet would run as a formula is kept as text. */
function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : stringifyExtendedJson(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

async function parquet(columns: readonly ExportColumn[]): Promise<ExportFile> {
  if (columns.length > MAX_PARQUET_COLUMNS)
    throw new SteelyardError(
      "bad-request",
      `${columns.length} keys are more than the ${MAX_PARQUET_COLUMNS} columns of a Parquet file; take csv or jsonl, or fewer runs`,
    );
  if (columns.length === 0) throw new SteelyardError("not-found", "there are no rows to export");
  const { ParquetFile } = await import("./parquet-file.ts");
  const file = new ParquetFile(columns);
  return {
    contentType: "application/vnd.apache.parquet",
    begin: () => "",
    rows: (run, rows) => {
      for (const text of rows) file.add(run, valuesOf(text));
      return file.take();
    },
    end: () => file.end(),
  };
}

function valuesOf(row: string): Map<string, unknown> {
  return new Map(flattenKeys(parseExtendedJson(row) as Record<string, unknown>));
}
