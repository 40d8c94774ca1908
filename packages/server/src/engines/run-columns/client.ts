import { sql } from "kysely";
import { SteelyardError } from "../../errors.ts";
import type { CatalogReader, RunColumns, RunColumnsAnswer, RunColumnsQuestion } from "../../ports/catalog.ts";
import { CalledWorker } from "../worker-calls.ts";
import type { RunChanges, RunColumnsCall } from "./worker.ts";

/** Memory that columns may take: some thirty of a million runs. */
const MAX_BYTES = 384 * 2 ** 20;

/** More changed runs than this are not counted one by one: the thread reads the project anew. */
const MANY = 10_000;

/**
 * Which runs were written to is noted by the database itself, so that no writer can forget it. The notes are of this
 * connection (`temp`), and are taken with each question: the thread always answers of what was committed before it.
 */
const WATCH = [
  "CREATE TEMP TABLE IF NOT EXISTS changed_runs (run_id INTEGER PRIMARY KEY)",
  "CREATE TEMP TABLE IF NOT EXISTS changed_users (user_id INTEGER PRIMARY KEY)",
  ...(["INSERT", "UPDATE", "DELETE"] as const).flatMap((event) =>
    [
      ["runs", "id"],
      ["run_cells", "run_id"],
      ["run_tags", "run_id"],
    ].map(
      ([
        table,
        id,
      ]) => `CREATE TEMP TRIGGER IF NOT EXISTS watch_${table}_${event} AFTER ${event} ON main.${table} BEGIN
        ${note("changed_runs", `${event === "DELETE" ? "old" : "new"}.${id}`)}; END`,
    ),
  ),
  `CREATE TEMP TRIGGER IF NOT EXISTS watch_users AFTER UPDATE OF username ON main.users BEGIN
    ${note("changed_users", "new.id")}; END`,
];

/** Not `INSERT OR IGNORE`: within a trigger SQLite takes the conflict clause of the statement that fired it. */
function note(table: string, id: string): string {
  return `INSERT INTO ${table} SELECT ${id} WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${table}.rowid = ${id})`;
}

/** The columns of large projects, kept by a thread of their own that the first question starts. */
export class RunColumnsClient implements RunColumns {
  readonly #db: CatalogReader;
  readonly #path: string;
  #watched: Promise<void> | undefined;
  #worker: CalledWorker | undefined;

  constructor(db: CatalogReader, path: string) {
    this.#db = db;
    this.#path = path;
  }

  async find(question: RunColumnsQuestion): Promise<RunColumnsAnswer> {
    this.#watched ??= this.#watch();
    await this.#watched;
    const changes = await this.#changes();
    this.#worker ??= new CalledWorker("list of runs", import.meta.url, "worker", {
      path: this.#path,
      maxBytes: MAX_BYTES,
    });
    try {
      return await this.#worker.call<RunColumnsAnswer>("find", {
        changes,
        question,
      } satisfies RunColumnsCall);
    } catch (cause) {
      // A thread that died knows nothing that the next one will not read.
      if (cause instanceof SteelyardError && cause.code === "unavailable") this.#worker = undefined;
      throw cause;
    }
  }

  async close(): Promise<void> {
    await this.#worker?.call("close", undefined).catch(() => {});
    await this.#worker?.end();
  }

  async #watch(): Promise<void> {
    for (const statement of WATCH) await sql.raw(statement).execute(this.#db);
  }

  /** Never in the middle of a transaction: its notes would be taken before others can see what it writes. */
  #changes(): Promise<RunChanges> {
    return this.#db.transaction().execute(async (tx) => {
      const { rows } = await sql<{
        run_id: number;
      }>`SELECT run_id FROM changed_runs LIMIT ${MANY + 1}`.execute(tx);
      const renamed = await sql`SELECT 1 FROM changed_users LIMIT 1`.execute(tx);
      if (rows.length > 0) await sql`DELETE FROM changed_runs`.execute(tx);
      if (renamed.rows.length > 0) await sql`DELETE FROM changed_users`.execute(tx);
      const runs = rows.length > MANY ? "many" : rows.map(({ run_id }) => run_id);
      return { runs, users: renamed.rows.length > 0 };
    });
  }
}
