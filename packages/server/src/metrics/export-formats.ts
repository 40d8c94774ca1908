import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import type { KeyColumn, RowColumns } from "../ports/metric-store.ts";
import type { ExportColumn } from "./export-columns.ts";

/** The formats in which rows leave the server, written as the rows come. */

export const EXPORT_FORMATS = ["csv", "jsonl", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The directory at the end of a Parquet file has an entry per column and group, all in memory. */
export const MAX_PARQUET_COLUMNS = 2000;

type Part = string | Uint8Array<ArrayBuffer>;

/** The rows of one run, as logged, a page at a time. */
export interface RowSource {
  texts(): AsyncIterable<string[]>;
  /** `keys`: how many columns the file has. */
  columns(keys: number): AsyncIterable<RowColumns>;
}

export interface ExportFile {
  contentType: string;
  begin(): Part;
  run(name: string, source: RowSource): AsyncIterable<Part>;
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
    async *run(name, source) {
      for await (const rows of source.texts()) yield rows.map((text) => row(name, text)).join("");
    },
    end: () => "",
  };
}

function csv(columns: readonly ExportColumn[]): ExportFile {
  const line = (cells: readonly string[]) => `${cells.join(",")}\n`;
  return {
    contentType: "text/csv; charset=utf-8",
    begin: () => line(columns.map(({ name }) => csvCell(name))),
    async *run(name, source) {
      const run = csvCell(name);
      for await (const page of source.columns(columns.length)) {
        const cells = csvCells(columns, page, run);
        let text = "";
        for (let row = 0; row < page.steps.length; row++) text += line(cells.map((cell) => cell(row)));
        yield text;
      }
    },
    end: () => "",
  };
}

/** For each column what it has in a row. */
function csvCells(
  columns: readonly ExportColumn[],
  { steps, columns: logged }: RowColumns,
  run: string,
): ((row: number) => string)[] {
  const byKey = Map.groupBy(logged, ({ key }) => key);
  return columns.map(({ key, type }) => {
    if (key === undefined) return () => run;
    if (type === "step") return (row) => String(steps[row]);
    const kinds = (byKey.get(key) ?? []).map(csvKind);
    return (row) => {
      for (const cell of kinds) {
        const text = cell(row);
        if (text !== undefined) return text;
      }
      return "";
    };
  });
}

function csvKind(column: KeyColumn): (row: number) => string | undefined {
  if ("numbers" in column) {
    const { numbers, has } = column;
    return (row) => (has && has[row] === 0 ? undefined : String(numbers[row]));
  }
  return (row) => {
    const text = column.texts[row];
    return text === undefined ? undefined : csvCell(parseExtendedJson(text));
  };
}

/** RFC 4180; a cell that a spreadsheet would run as a formula is kept as text. */
function csvCell(value: unknown): string {
  if (value === null) return "";
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
    async *run(name, source) {
      for await (const page of source.columns(columns.length)) {
        file.add(name, page);
        yield file.take();
      }
    },
    end: () => file.end(),
  };
}
