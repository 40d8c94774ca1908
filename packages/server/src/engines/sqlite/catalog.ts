import fs, { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { Kysely, SqliteDialect } from "kysely";
import type { Catalog, CatalogReader, CatalogTables, CatalogTransaction } from "../../ports/catalog.ts";
import { type AtOnce, answersAtOnce } from "../../ports/prepared-query.ts";
import { openingError } from "../damaged-file.ts";
import { RunColumnsClient } from "../run-columns/client.ts";
import { MIGRATIONS } from "./migrations.ts";

/** Statements kept prepared; Kysely makes few distinct texts, so this is a bound against leaks rather than a cache policy. */
const MAX_CACHED_STATEMENTS = 500;

/** Writes of one commit: enough that its cost is shared, few enough that the first does not wait long for the last. */
const MAX_GROUP = 100;

/** The catalog on `node:sqlite`, write-ahead log, fsync at every commit. */
export class SqliteCatalog implements Catalog {
  readonly db: CatalogReader;
  /** Of a file: a thread of its own reads it beside this one. */
  readonly runColumns?: RunColumnsClient;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  /** Of the write-ahead log, which stays the same file while the catalog is open. */
  #log: number | undefined;
  readonly #waiting: Write[] = [];
  #committing: Promise<void> | undefined;

  constructor(path: string) {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = openDatabase(path);
    this.#path = path;
    this.#database = database;
    const statements = new Statements(database);
    this.#statements = statements;
    this.db = new Kysely<CatalogTables>({ dialect: new SqliteDialect({ database: statements }) });
    answersAtOnce(this.db, statements);
    if (path !== ":memory:") this.runColumns = new RunColumnsClient(this.db, path);
  }

  write<T>(work: (tx: CatalogTransaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#committing ??= this.#commitAll();
    });
  }

  /** What came together is one commit, each in a savepoint of its own: one sync of the disk is shared by all who wait. */
  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Requests that the last commit kept waiting are read before the next one begins.
      await setImmediate();
      const group = this.#waiting.splice(0, MAX_GROUP);
      let results: Result[];
      try {
        results = await this.#commit(group);
        await this.#syncLog();
      } catch (cause) {
        for (const { reject } of group) reject(cause);
        continue;
      }
      for (const [i, { resolve, reject }] of group.entries()) {
        const result = results[i];
        if (result && "value" in result) resolve(result.value);
        else reject(result?.error);
      }
    }
    // In the same turn as the last look: a write that comes after this begins the next round itself.
    this.#committing = undefined;
  }

  /** Not synced: that is for `#syncLog`. Statements outside, which wait for the connection, sync their own commits. */
  #commit(group: readonly Write[]): Promise<Result[]> {
    return this.db.connection().execute(async (connection) => {
      this.#database.exec("PRAGMA synchronous = NORMAL");
      try {
        return await connection.transaction().execute((tx) => runAll(tx, group, this.#statements));
      } finally {
        this.#database.exec("PRAGMA synchronous = FULL");
      }
    });
  }

  /** By a thread of Node's pool: while the disk turns, this one, which answers everybody, goes on and gathers the next writes. */
  async #syncLog(): Promise<void> {
    if (this.#path === ":memory:") return;
    this.#log ??= openSync(`${this.#path}-wal`, "r+");
    const log = this.#log;
    await new Promise<void>((resolve, reject) => {
      fs.fdatasync(log, (cause) => (cause ? reject(cause) : resolve()));
    });
  }

  async stats(): Promise<{ bytes: number }> {
    if (this.#path === ":memory:") return { bytes: 0 };
    let bytes = 0;
    for (const suffix of ["", "-wal"]) {
      bytes += statSync(this.#path + suffix, { throwIfNoEntry: false })?.size ?? 0;
    }
    return { bytes };
  }

  async close(): Promise<void> {
    await this.#committing;
    await this.runColumns?.close();
    if (this.#log !== undefined) closeSync(this.#log);
    await this.db.destroy();
  }
}

interface Write {
  work: (tx: CatalogTransaction) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (cause: unknown) => void;
}
type Result = { value: unknown } | { error: unknown };

async function runAll(
  tx: CatalogTransaction,
  group: readonly Write[],
  statements: Statements,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { work } of group) {
    statements.ask("SAVEPOINT one", []);
    try {
      results.push({ value: await work(tx) });
    } catch (error) {
      results.push({ error });
      // A full disk has undone everything already; then its error is the one to tell all of them.
      if (!statements.isTransaction) throw error;
      statements.ask("ROLLBACK TO one", []);
    }
    statements.ask("RELEASE one", []);
  }
  return results;
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
    );
    migrate(database, path);
    return database;
  } catch (cause) {
    database.close();
    throw openingError(path, cause);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const done = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (done > MIGRATIONS.length)
    throw new Error(
      `${path} was written by a newer Steelyard (schema ${done}, this version knows ${MIGRATIONS.length}); start that version, or restore a backup`,
    );
  for (let version = done; version < MIGRATIONS.length; version++) {
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(MIGRATIONS[version] ?? "");
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (cause) {
      database.exec("ROLLBACK");
      throw new Error(`migration ${version + 1} of ${path} failed; nothing was changed`, { cause });
    }
  }
}

/** Prepared by their texts: in the shape that Kysely's SQLite dialect wants, and for who asks past it. */
class Statements implements AtOnce {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Statement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  ask(sql: string, parameters: readonly unknown[]): unknown[] {
    return this.prepare(sql).all(parameters);
  }

  prepare(sql: string): Statement {
    let statement = this.#prepared.get(sql);
    if (!statement) {
      statement = wrap(this.#database.prepare(sql));
      // A full disk ends the transaction by itself; taking it back once more would hide that behind another error.
      if (sql === "rollback") statement = onlyWithin(this.#database, statement);
      if (this.#prepared.size >= MAX_CACHED_STATEMENTS) this.#prepared.clear();
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  close(): void {
    this.#database.close();
  }
}

type Statement = ReturnType<typeof wrap>;

function onlyWithin(database: DatabaseSync, statement: Statement): Statement {
  const nothing = { changes: 0, lastInsertRowid: 0n };
  return { ...statement, run: (values) => (database.isTransaction ? statement.run(values) : nothing) };
}

function wrap(statement: StatementSync) {
  type Values = Parameters<StatementSync["all"]>;
  return {
    reader: statement.columns().length > 0,
    all: (parameters: readonly unknown[]) => statement.all(...(parameters as Values)),
    run: (parameters: readonly unknown[]) => {
      const { changes, lastInsertRowid } = statement.run(...(parameters as Values));
      return { changes: Number(changes), lastInsertRowid: BigInt(lastInsertRowid) };
    },
    iterate: (parameters: readonly unknown[]) =>
      statement.iterate(...(parameters as Values)) as IterableIterator<unknown>,
  };
}
