import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Kysely, SqliteDialect } from "kysely";
import type { Catalog, CatalogReader, CatalogTables, CatalogTransaction } from "../../ports/catalog.ts";
import { MIGRATIONS } from "./migrations.ts";

/** Statements kept prepared; Kysely makes few distinct texts, so this is a bound against leaks rather than a cache policy. */
const MAX_CACHED_STATEMENTS = 500;

/** The catalog on `node:sqlite`, write-ahead log, fsync at every commit. */
export class SqliteCatalog implements Catalog {
  readonly db: CatalogReader;
  readonly #path: string;

  constructor(path: string) {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(path);
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
    );
    migrate(database, path);
    this.#path = path;
    this.db = new Kysely<CatalogTables>({
      dialect: new SqliteDialect({ database: kyselyDatabase(database) }),
    });
  }

  write<T>(work: (tx: CatalogTransaction) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(work);
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
    await this.db.destroy();
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const done = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (done > MIGRATIONS.length) {
    database.close();
    throw new Error(
      `${path} was written by a newer Steelyard (schema ${done}, this version knows ${MIGRATIONS.length}); start that version, or restore a backup`,
    );
  }
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

/** The shape Kysely's SQLite dialect wants, over `node:sqlite`. */
function kyselyDatabase(database: DatabaseSync) {
  const cache = new Map<string, ReturnType<typeof wrap>>();
  return {
    close: () => database.close(),
    prepare(sql: string) {
      let statement = cache.get(sql);
      if (!statement) {
        statement = wrap(database.prepare(sql));
        if (cache.size >= MAX_CACHED_STATEMENTS) cache.clear();
        cache.set(sql, statement);
      }
      return statement;
    },
  };
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
