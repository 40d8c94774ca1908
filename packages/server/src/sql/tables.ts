import { sql } from "kysely";
import { SteelyardError } from "../errors.ts";
import type { CatalogReader } from "../ports/catalog.ts";
import type { Cell, Table } from "./messages.ts";

/** The catalog of one project as tables for a query, a stretch of rows at a time. */

const AT_ONCE = 5_000;

export interface ProjectTable extends Table {
  /** Rows in the order of `columns`; `runs`: numbers of the runs whose rows are wanted. */
  rows(db: CatalogReader, projectId: number, runs: readonly number[]): AsyncGenerator<Cell[][]>;
}

type Described = [name: string, type: Table["columns"][number]["type"]];

function table(
  name: string,
  columns: Described[],
  rowsOf: (db: CatalogReader, projectId: number, runs: readonly number[]) => Promise<object[]>,
): ProjectTable {
  return {
    name,
    columns: columns.map(([columnName, type]) => ({ name: columnName, type })),
    async *rows(db, projectId, runs) {
      for (let at = 0; at < runs.length; at += AT_ONCE) {
        const found = await rowsOf(db, projectId, runs.slice(at, at + AT_ONCE));
        yield found.map((row) => columns.map(([column]) => cellOf((row as Record<string, unknown>)[column])));
      }
    },
  };
}

function cellOf(value: unknown): Cell {
  if (typeof value === "string" || typeof value === "number" || Array.isArray(value)) return value;
  return null;
}

function listed(ids: readonly number[]) {
  return sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`;
}

function cells(section: "config" | "summary"): ProjectTable {
  const from = section.length + 2;
  return table(
    section,
    [
      ["run", "VARCHAR"],
      ["key", "VARCHAR"],
      ["number", "DOUBLE"],
      ["text", "VARCHAR"],
    ],
    async (db, _project, runs) =>
      (
        await sql<object>`SELECT r.name AS run, substr(c.path, ${from}) AS key, c.num AS number, c.txt AS text
          FROM runs r JOIN run_cells c ON c.run_id = r.id AND c.path > ${`${section}.`} AND c.path < ${`${section}/`}
          WHERE r.id IN ${listed(runs)} ORDER BY r.id, c.path`.execute(db)
      ).rows,
  );
}

const runs = table(
  "runs",
  [
    ["run", "VARCHAR"],
    ["name", "VARCHAR"],
    ["state", "VARCHAR"],
    ["user", "VARCHAR"],
    ["group", "VARCHAR"],
    ["job_type", "VARCHAR"],
    ["tags", "VARCHAR[]"],
    ["notes", "VARCHAR"],
    ["host", "VARCHAR"],
    ["program", "VARCHAR"],
    ["git_commit", "VARCHAR"],
    ["sweep", "VARCHAR"],
    ["created_at", "TIMESTAMP"],
    ["heartbeat_at", "TIMESTAMP"],
    ["finished_at", "TIMESTAMP"],
    ["duration_s", "DOUBLE"],
    ["exit_code", "BIGINT"],
    ["config", "VARCHAR"],
    ["summary", "VARCHAR"],
  ],
  async (db, _project, ids) => {
    const { rows } = await sql<Record<string, unknown>>`
      SELECT r.name AS run, r.display_name AS name, r.state, u.username AS user, r.group_name AS "group", r.job_type,
        (SELECT json_group_array(t.tag) FROM run_tags t WHERE t.run_id = r.id) AS tags, r.notes, r.host, r.program,
        r.git_commit, r.sweep_name AS sweep, r.created_at, r.heartbeat_at, r.finished_at,
        (coalesce(r.finished_at, r.heartbeat_at) - r.created_at) / 1000.0 AS duration_s, r.exit_code, r.config, r.summary
      FROM runs r JOIN users u ON u.id = r.user_id WHERE r.id IN ${listed(ids)} ORDER BY r.id`.execute(db);
    return rows.map((row) => ({ ...row, tags: JSON.parse(String(row.tags)) }));
  },
);

const artifacts: ProjectTable = {
  name: "artifacts",
  columns: [
    { name: "type", type: "VARCHAR" },
    { name: "name", type: "VARCHAR" },
    { name: "version", type: "BIGINT" },
    { name: "aliases", type: "VARCHAR[]" },
    { name: "run", type: "VARCHAR" },
    { name: "digest", type: "VARCHAR" },
    { name: "size_bytes", type: "BIGINT" },
    { name: "file_count", type: "BIGINT" },
    { name: "created_at", type: "TIMESTAMP" },
    { name: "description", type: "VARCHAR" },
    { name: "metadata", type: "VARCHAR" },
  ],
  async *rows(db, projectId) {
    for (let after = 0; ; ) {
      const { rows } = await sql<Record<string, unknown>>`
        SELECT a.id, t.name AS type, k.name, a.version_index AS version,
          (SELECT json_group_array(x.alias) FROM artifact_aliases x WHERE x.artifact_id = a.id) AS aliases,
          r.name AS run, a.digest, a.size_bytes, a.file_count, a.created_at, a.description, a.metadata
        FROM artifacts a JOIN artifact_collections k ON k.id = a.collection_id JOIN artifact_types t ON t.id = k.type_id
          LEFT JOIN runs r ON r.id = a.created_by_run_id AND r.project_id = ${projectId} AND r.deleted_at IS NULL
        WHERE k.project_id = ${projectId} AND a.state = 'COMMITTED' AND a.id > ${after}
        ORDER BY a.id LIMIT ${AT_ONCE}`.execute(db);
      if (rows.length === 0) return;
      after = Number(rows.at(-1)?.id);
      yield rows.map((row) => {
        const known: Record<string, unknown> = { ...row, aliases: JSON.parse(String(row.aliases)) };
        return artifacts.columns.map(({ name }) => cellOf(known[name]));
      });
    }
  },
};

/** Config and summary once as JSON in `runs`, once as a row a key: one for a quick look, one to filter and join by. */
export const PROJECT_TABLES: readonly ProjectTable[] = [runs, cells("config"), cells("summary"), artifacts];

/** Which of them a query speaks of. A word that only looks like one costs a table too many. */
export function tablesIn(query: string): { tables: ProjectTable[]; history: boolean } {
  const speaksOf = (name: string) => new RegExp(`\\b${name}\\b`, "i").test(query);
  return { tables: PROJECT_TABLES.filter(({ name }) => speaksOf(name)), history: speaksOf("history") };
}

/** Numbers and ids of the runs a query is about: those named, or all that are there. */
export async function runsOf(
  db: CatalogReader,
  projectId: number,
  names: readonly string[] | undefined,
  most: number,
): Promise<{ id: number; name: string }[]> {
  let query = db
    .selectFrom("runs")
    .select(["id", "name"])
    .where("project_id", "=", projectId)
    .where("deleted_at", "is", null)
    .orderBy("id")
    .limit(most + 1);
  if (names) query = query.where("name", "in", names);
  const found = await query.execute();
  if (found.length > most) {
    throw new SteelyardError(
      "too-large",
      `the project has more than ${most} runs; name those the query is about ("runs": […], --run ID)`,
    );
  }
  const missing = names?.find((name) => !found.some((run) => run.name === name));
  if (missing !== undefined)
    throw new SteelyardError("not-found", `there is no run ${missing} in this project`);
  return found;
}
