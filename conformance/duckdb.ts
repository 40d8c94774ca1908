/** Why tests of queries cannot run here; false where they can. */
export const withoutDuckdb: string | false = await import("@duckdb/node-api").then(
  () => false as const,
  () => "DuckDB, an optional dependency of the server, is not installed",
);
