/** What the server and the process that runs a query say to each other. */

export type ColumnType = "VARCHAR" | "DOUBLE" | "BIGINT" | "TIMESTAMP" | "VARCHAR[]";

/** A table that is handed over row by row; times are milliseconds since 1970 UTC. */
export interface Table {
  name: string;
  columns: readonly { name: string; type: ColumnType }[];
}

export type Cell = string | number | null | readonly string[];

/** A run's rows, in a Parquet file; with `source`, of a run of very many keys, it is still to be made of those JSON lines. */
export interface HistoryFile {
  run: string;
  path: string;
  source?: { path: string; columns: readonly { name: string; type: "DOUBLE" | "VARCHAR" }[] };
}

export type OutputFormat = "csv" | "jsonl" | "parquet";

/** In this order: tables, their rows, then the question. One question a process. */
export type ToProcess =
  | { kind: "table"; table: Table }
  | { kind: "rows"; table: string; rows: readonly (readonly Cell[])[] }
  | {
      kind: "ask";
      sql: string;
      history: readonly HistoryFile[] | undefined;
      maxRows: number;
      output: { format: OutputFormat; path: string } | undefined;
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
