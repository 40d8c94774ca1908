/** What the server and the process that runs a query say to each other. */

export type ColumnType = "VARCHAR" | "DOUBLE" | "BIGINT" | "TIMESTAMP" | "VARCHAR[]";

/** A table that is handed over row by row; times are milliseconds since 1970 UTC. */
export interface Table {
  name: string;
  columns: readonly { name: string; type: ColumnType }[];
}

export type Cell = string | number | null | readonly string[];

/** How many keys of its run a row is without: a column of this name is in every answer that would have all columns. */
export const LEFT_OUT = "more keys: name those you want";

/** A run's rows, in a Parquet file of the folder. */
export interface HistoryFile {
  run: string;
  file: string;
  /** Keys that are not in the file, for the run has very many. */
  leftOut: number;
}

export type OutputFormat = "csv" | "jsonl" | "parquet";

/** In this order: tables, their rows, then the question. One question a process. */
export type ToProcess =
  | { kind: "table"; table: Table }
  | { kind: "rows"; table: string; rows: readonly (readonly Cell[])[] }
  | {
      kind: "ask";
      sql: string;
      /** Where the files are; the query knows them by their names in it. */
      folder: string;
      history: readonly HistoryFile[] | undefined;
      maxRows: number;
      output: { format: OutputFormat; file: string } | undefined;
    };

export interface SqlResult {
  columns: { name: string; type: string }[];
  /** JSON values; numbers beyond 2^53, decimals and times are texts, NaN and infinities are their names. */
  rows: unknown[][];
  /** There were more rows than were asked for. */
  truncated: boolean;
}

export type FromProcess =
  /** What the query needs is there: its time runs from now. */
  | { kind: "started" }
  | { kind: "result"; result: SqlResult }
  | { kind: "written" }
  /** Of the query: for the one who asked. */
  | { kind: "refused"; message: string };
