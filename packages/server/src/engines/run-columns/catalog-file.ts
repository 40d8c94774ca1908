import { DatabaseSync, type StatementSync } from "node:sqlite";

type Value = number | string;

/** Texts of statements are few: those of each kind of column. */
const MAX_PREPARED = 200;

/** The catalog's file as the thread of columns reads it. */
export class CatalogFile {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #sink: (run: number, value: Value) => void = () => {};

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true });
    this.#database.exec("PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16384;");
    // A function that SQLite calls with each row costs a third of an object a row.
    this.#database.aggregate("hand_over", {
      start: 0,
      step: (_, run, value) => {
        this.#sink(run as number, value as Value);
        return 0;
      },
    });
  }

  /** Everything that `read` asks is of one moment. */
  atOnce<T>(read: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return read();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  /** Every row of a query whose columns are called `run` and `value`, in its order. */
  each(query: string, parameters: readonly Value[], sink: (run: number, value: Value) => void): void {
    this.#sink = sink;
    this.#prepare(`SELECT hand_over(run, value) FROM (${query})`).get(...parameters);
  }

  /** The first row of a query, if it has one. */
  first(query: string, parameters: readonly Value[]): unknown[] | undefined {
    return this.#prepare(query).get(...parameters) as unknown as unknown[] | undefined;
  }

  close(): void {
    this.#database.close();
  }

  #prepare(query: string): StatementSync {
    let statement = this.#prepared.get(query);
    if (!statement) {
      statement = this.#database.prepare(query);
      statement.setReturnArrays(true);
      if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
      this.#prepared.set(query, statement);
    }
    return statement;
  }
}
