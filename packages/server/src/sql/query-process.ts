import type { DuckDBAppender } from "@duckdb/node-api";
import {
  type Cell,
  type ColumnType,
  type FromProcess,
  type HistoryFile,
  LEFT_OUT,
  type SqlResult,
  type Table,
  type ToProcess,
} from "./messages.ts";

/**
 * The process that runs one query, in a database of its own in memory: it holds what its asker may see and nothing else,
 * and files, extensions and settings are closed before the query is looked at. The server kills it when its time is up.
 */

const MEMORY = process.env.STEELYARD_SQL_MEMORY ?? "1GB";
/** Of an answer as JSON: it passes through the server's memory. */
const MAX_ANSWER_BYTES = 32 * 2 ** 20;
/** Words alone: in a comment one reader could see another statement than the next. */
const EXPLAIN_HEAD = /^\s*EXPLAIN\s+(ANALYZE\s+)?(\([\w\s,]*\)\s*)?/i;
/**
 * What tells the settings, which say where the files are in full, and what reads a text as a query: it could be put
 * together of parts. `query` is a column's name, too: only its call is meant.
 */
const TELLS_SETTINGS =
  /\b(duckdb_settings|pg_settings|current_setting|json_execute_serialized_sql)\b|\bquery(_table)?"?[^!-~]*(\(|\/\*|--)/i;
const duckdb = await import("@duckdb/node-api");
const instance = await duckdb.DuckDBInstance.create(":memory:", { memory_limit: MEMORY, threads: "2" });
const connection = await instance.connect();
/** Nothing is written to disk but what the server asks for. */
await connection.run("SET temp_directory = ''");

const tables = new Map<string, { appender: DuckDBAppender; types: ColumnType[] }>();

process.on("message", (message: ToProcess) => {
  queue = queue.then(() => take(message)).catch(refuse);
});
let queue: Promise<void> = Promise.resolve();
/** The server is gone. At once: a plain exit waits for the query's threads. */
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

async function take(message: ToProcess): Promise<void> {
  if (message.kind === "table") await createTable(message.table);
  else if (message.kind === "rows") append(message.table, message.rows);
  else await answer(message);
}

async function createTable({ name, columns }: Table): Promise<void> {
  const described = columns.map((column) => `${quoted(column.name)} ${column.type}`).join(", ");
  await connection.run(`CREATE TABLE ${quoted(name)} (${described})`);
  tables.set(name, {
    appender: await connection.createAppender(name),
    types: columns.map(({ type }) => type),
  });
}

function append(name: string, rows: readonly (readonly Cell[])[]): void {
  const table = tables.get(name);
  if (!table) throw new Error(`there is no table ${name}`);
  const { appender, types } = table;
  for (const row of rows) {
    for (const [at, type] of types.entries()) appendCell(appender, type, row[at] ?? null);
    appender.endRow();
  }
  appender.flushSync();
}

function appendCell(appender: DuckDBAppender, type: ColumnType, cell: Cell): void {
  if (cell === null) appender.appendNull();
  else if (type === "DOUBLE") appender.appendDouble(cell as number);
  else if (type === "BIGINT") appender.appendBigInt(BigInt(cell as number));
  else if (type === "TIMESTAMP") {
    appender.appendTimestamp(new duckdb.DuckDBTimestampValue(BigInt(cell as number) * 1000n));
  } else if (type === "VARCHAR[]") {
    appender.appendList(duckdb.listValue(cell as readonly string[]), duckdb.LIST(duckdb.VARCHAR));
  } else appender.appendVarchar(cell as string);
}

async function answer(asked: Extract<ToProcess, { kind: "ask" }>): Promise<void> {
  const { sql, folder, history, maxRows, output } = asked;
  for (const { appender } of tables.values()) appender.closeSync();
  // So that no name which a query can see says where the server has its data.
  if (history || output) process.chdir(folder);
  if (history) await openHistory(history);
  await close([...(history ?? []), ...(output ? [output] : [])].map(({ file }) => file));
  send({ kind: "started" });
  await onlyReads(sql);
  if (output) {
    const format = {
      csv: "FORMAT csv, HEADER",
      jsonl: "FORMAT json",
      parquet: "FORMAT parquet, COMPRESSION zstd",
    };
    const query = `SELECT * FROM (${withoutSemicolon(sql)}\n) LIMIT ${maxRows}`;
    await connection.run(
      `COPY (${query}) TO ${text(output.file)} (${format[output.format]}, USE_TMP_FILE false)`,
    );
    send({ kind: "written" });
  } else send({ kind: "result", result: await read(sql, maxRows) });
}

async function onlyReads(sql: string): Promise<void> {
  const told = TELLS_SETTINGS.exec(sql);
  if (told)
    throw new Error(
      `a query sees no settings, and none in a text: leave out ${told[1] ?? "the call of query"}`,
    );
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1)
    throw new Error(
      `one statement at a time, not ${statements.count}: leave out what follows the ;, and say of a PIVOT which values become columns (ON key IN ('a', 'b'))`,
    );
  const { statementType } = await statements.prepare(0);
  const { SELECT, EXPLAIN } = duckdb.StatementType;
  if (statementType === SELECT) return;
  // EXPLAIN ANALYZE does what it explains.
  const explained = statementType === EXPLAIN ? sql.replace(EXPLAIN_HEAD, "") : sql;
  if (explained !== sql) return onlyReads(explained);
  throw new Error("only questions are allowed: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE or EXPLAIN of one");
}

function withoutSemicolon(sql: string): string {
  return sql.replace(/[\s;]+$/, "");
}

async function read(sql: string, maxRows: number): Promise<SqlResult> {
  const result = await connection.stream(sql);
  const types = result.columnTypes();
  const columns = result.columnNames().map((name, at) => ({ name, type: String(types[at]) }));
  const rows: unknown[][] = [];
  let bytes = 0;
  for await (const some of result.yieldRowsJson()) {
    for (const row of some) {
      if (rows.length === maxRows) return { columns, rows, truncated: true };
      bytes += JSON.stringify(row).length;
      if (bytes > MAX_ANSWER_BYTES)
        throw new Error(
          `the answer is larger than ${MAX_ANSWER_BYTES / 2 ** 20} MB: ask for fewer rows or columns, or for a file`,
        );
      rows.push(row);
    }
  }
  return { columns, rows, truncated: false };
}

/** `history`: the rows of every run side by side, with the run's id; a key that a run does not have is NULL. */
async function openHistory(files: readonly HistoryFile[]): Promise<void> {
  if (files.length === 0) {
    await connection.run("CREATE TABLE history (run VARCHAR, _step DOUBLE)");
    return;
  }
  const described = files.map(
    ({ run, file, leftOut }) => `(${text(run)}, ${text(file)}, ${leftOut === 0 ? "NULL" : leftOut}::DOUBLE)`,
  );
  const paths = files.map(({ file }) => text(file)).join(", ");
  const leftOut = files.some((file) => file.leftOut > 0) ? `, f.left_out AS ${quoted(LEFT_OUT)}` : "";
  await connection.run(
    `CREATE TABLE history_files AS SELECT * FROM (VALUES ${described.join(", ")}) f(run, file, left_out)`,
  );
  await connection.run(`CREATE VIEW history AS
    SELECT f.run, h.* EXCLUDE (filename)${leftOut} FROM read_parquet([${paths}], union_by_name = true, filename = true) h
    JOIN history_files f ON f.file = h.filename`);
}

async function close(allowed: readonly string[]): Promise<void> {
  await connection.run(`SET allowed_paths = [${allowed.map(text).join(", ")}]`);
  await connection.run("SET enable_external_access = false");
  await connection.run("SET lock_configuration = true");
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function refuse(cause: unknown): void {
  const message = cause instanceof Error ? cause.message : String(cause);
  // DuckDB's own advice is for whoever opened the database.
  if (message.startsWith("Out of Memory"))
    send({
      kind: "refused",
      message: `the query wants more than the ${MEMORY} of memory that it may have (STEELYARD_SQL_MEMORY); ask of fewer runs, or for less`,
    });
  else send({ kind: "refused", message });
}

function send(message: FromProcess): void {
  process.send?.(message);
}
