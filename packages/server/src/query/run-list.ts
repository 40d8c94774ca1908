import { type RawBuilder, sql } from "kysely";
import type { Catalog, CatalogReader, RunColumnsAnswer, RunHit } from "../ports/catalog.ts";
import { type Filter, parseFilter } from "../ports/run-question/filter.ts";
import {
  decodeCursor,
  encodeCursor,
  parseOrder,
  type RunCursor,
  type RunOrder,
} from "../ports/run-question/run-order.ts";
import type { RunRow } from "../runs/run.ts";
import { type Driver, driversOf } from "./driver.ts";
import {
  type Condition,
  cellNumber,
  cellText,
  conditionOf,
  numberColumn,
  type ResolvedFilter,
  resolvePatterns,
  textColumn,
} from "./filter-sql.ts";

/**
 * The runs of a project by filter and order, a page at a time. Of a large project the engine's columns are asked, where it
 * has them. Otherwise the catalog's tables are: SQLite left alone starts such a question from the wrong
 * index, so the way is chosen here: the filters' hits are counted up to a bound, and the page is made either from the
 * fewest hits, sorted, or by walking the index of the order until the page is full.
 */

/** With no more hits than this, reading and sorting them all beats walking an index past runs that do not match. */
const DRIVE_UP_TO = 5_000;
/** Runs ever made in a project from which on its columns are kept: below, an index finds a page in a few milliseconds. */
const COLUMNS_FROM = 5_000;
/** Largest page. The client goes on by cursor. */
const MAX_PAGE = 1_000;

export interface RunsQuestion {
  filters?: string | null;
  order?: string | null;
  after?: string | null;
  first?: number | null;
  /** Runs to leave out before the page: for jumping into a long list. Going on through a list is what `after` is for. */
  offset?: number | null;
}

export interface RunsPage {
  runs: { row: RunRow; cursor: string }[];
  hasNextPage: boolean;
}

/** Which way a page was made; for tests and the benchmark. */
export type Plan = "columns" | "drive" | "walk" | "scan";

interface Slice {
  limit: number;
  offset: number;
}

/** For tests and the benchmark: another bound, and who is told the plan. */
export interface PlanOptions {
  driveUpTo?: number;
  columnsFrom?: number;
  explain?: (plan: Plan) => void;
}

type RunCatalog = Pick<Catalog, "db" | "runColumns">;

/** Throws invalid-filter, bad-request. */
export async function listRuns(
  catalog: RunCatalog,
  projectId: number,
  question: RunsQuestion,
  options: PlanOptions = {},
): Promise<RunsPage> {
  const { db } = catalog;
  const size = Math.min(Math.max(question.first ?? 50, 0), MAX_PAGE);
  const page = { limit: size + 1, offset: Math.max(question.offset ?? 0, 0) };
  const inMemory = await askColumns(catalog, projectId, question, page, options);
  const hits = inMemory?.hits ?? (await askTables(db, projectId, question, page, options));
  return { runs: await rowsOf(db, hits.slice(0, size)), hasNextPage: hits.length > size };
}

export async function countRuns(
  catalog: RunCatalog,
  projectId: number,
  filters: string | null | undefined,
  options: PlanOptions = {},
): Promise<number> {
  const { db } = catalog;
  const inMemory = await askColumns(catalog, projectId, { filters }, { limit: 0, offset: 0 }, options);
  if (inMemory) return inMemory.total;
  const filter = await resolvePatterns(db, projectId, parseFilter(filters));
  const driver = await cheapestDriver(db, projectId, filter, DRIVE_UP_TO);
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM ${from(driver)}
    WHERE ${join(projectId, driver)} AND r.deleted_at IS NULL AND ${conditionOf(filter)}`.execute(db);
  return rows[0]?.n ?? 0;
}

/** Undefined where the tables are to be asked. */
async function askColumns(
  { db, runColumns }: RunCatalog,
  projectId: number,
  { filters = null, order = null, after = null }: RunsQuestion,
  page: Slice,
  { columnsFrom = COLUMNS_FROM, explain }: PlanOptions,
): Promise<RunColumnsAnswer | undefined> {
  if (!runColumns || namesArtifacts(parseFilter(filters))) return undefined;
  const project = await db
    .selectFrom("projects")
    .select("runs_made")
    .where("id", "=", projectId)
    .executeTakeFirst();
  if (!project || project.runs_made < columnsFrom) return undefined;
  explain?.("columns");
  return runColumns.find({ project: projectId, filters, order, after: after || null, ...page });
}

function namesArtifacts(filter: Filter): boolean {
  switch (filter.kind) {
    case "all":
    case "any":
      return filter.parts.some(namesArtifacts);
    case "not":
      return namesArtifacts(filter.part);
    default:
      return filter.field.kind === "artifacts";
  }
}

async function askTables(
  db: CatalogReader,
  projectId: number,
  question: RunsQuestion,
  page: Slice,
  options: PlanOptions,
): Promise<RunHit[]> {
  const filter = await resolvePatterns(db, projectId, parseFilter(question.filters));
  const order = parseOrder(question.order);
  const after = question.after ? decodeCursor(question.after) : undefined;
  const driveUpTo = options.driveUpTo ?? DRIVE_UP_TO;
  const driver = await cheapestDriver(db, projectId, filter, driveUpTo);
  const walkable = order.field.kind === "cell" || isCreation(order);
  const plan: Plan = driver && (driver.hits <= driveUpTo || !walkable) ? "drive" : walkable ? "walk" : "scan";
  options.explain?.(plan);
  const condition = conditionOf(filter);
  return plan === "walk"
    ? walk(db, projectId, condition, order, after, page)
    : sortAll(db, projectId, condition, order, after, page, driver);
}

function isCreation(order: RunOrder): boolean {
  return order.field.kind === "time" && order.field.column === "created_at";
}

async function cheapestDriver(
  db: CatalogReader,
  projectId: number,
  filter: ResolvedFilter,
  bound: number,
): Promise<(Driver & { hits: number }) | undefined> {
  let best: (Driver & { hits: number }) | undefined;
  for (const driver of driversOf(projectId, filter)) {
    // Counted no further than what could still be better.
    const limit = (best?.hits ?? bound) + 1;
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM (SELECT 1 FROM ${driver.source} LIMIT ${limit})`.execute(db);
    const hits = rows[0]?.n ?? 0;
    if (!best || hits < best.hits) best = { ...driver, hits };
    if (hits === 0) break;
  }
  return best;
}

/** CROSS JOIN keeps the order of the tables as written: the driver first, each run by its number. */
function from(driver: Driver | undefined): Condition {
  return driver ? sql`(SELECT run_id FROM ${driver.source}) d CROSS JOIN runs r` : sql`runs r`;
}

function join(projectId: number, driver: Driver | undefined): Condition {
  return driver ? sql`r.id = d.run_id AND r.project_id = ${projectId}` : sql`r.project_id = ${projectId}`;
}

/** What an order compares: a number, a text, or first one and then the other. */
function sides(order: RunOrder): { num: Condition; txt: Condition } {
  const { field } = order;
  const none = sql`NULL`;
  switch (field.kind) {
    case "cell":
      return { num: cellNumber(field.path), txt: cellText(field.path) };
    case "text":
      return { num: none, txt: textColumn(field.column) };
    case "number":
      return { num: numberColumn(field.column), txt: none };
    case "time":
      return { num: sql.ref(`r.${field.column}`), txt: none };
    case "tag":
      return {
        num: sql`EXISTS (SELECT 1 FROM run_tags t WHERE t.run_id = r.id AND t.tag = ${field.tag})`,
        txt: none,
      };
  }
}

async function sortAll(
  db: CatalogReader,
  projectId: number,
  condition: Condition,
  order: RunOrder,
  after: RunCursor | undefined,
  { limit, offset }: Slice,
  driver: Driver | undefined,
): Promise<RunHit[]> {
  const { num, txt } = sides(order);
  const way = order.descending ? sql`DESC` : sql`ASC`;
  const { rows } = await sql<RunHit>`
    SELECT id, num, txt, created_at FROM (
      SELECT r.id AS id, ${num} AS num, ${txt} AS txt, r.created_at AS created_at
      FROM ${from(driver)} WHERE ${join(projectId, driver)} AND r.deleted_at IS NULL AND ${condition}
    ) WHERE ${afterCursor(after, order.descending)}
    ORDER BY num IS NULL, num ${way}, txt IS NULL, txt ${way},
      CASE WHEN num IS NULL AND txt IS NULL THEN created_at END ${way}, id ${way}
    LIMIT ${limit} OFFSET ${offset}`.execute(db);
  return rows;
}

function afterCursor(after: RunCursor | undefined, descending: boolean): Condition {
  if (!after) return sql`1`;
  const { value, createdAt, id } = after;
  const past = descending ? sql`<` : sql`>`;
  if (typeof value === "number") {
    return sql`(num IS NULL OR num ${past} ${value} OR (num = ${value} AND id ${past} ${id}))`;
  }
  if (typeof value === "string") {
    return sql`(num IS NULL AND (txt IS NULL OR txt ${past} ${value} OR (txt = ${value} AND id ${past} ${id})))`;
  }
  return sql`(num IS NULL AND txt IS NULL AND (created_at ${past} ${createdAt} OR (created_at = ${createdAt} AND id ${past} ${id})))`;
}

/** Walk the order's index: runs with a number, then those with a text, then those with neither. */
async function walk(
  db: CatalogReader,
  projectId: number,
  condition: Condition,
  order: RunOrder,
  after: RunCursor | undefined,
  { limit, offset }: Slice,
): Promise<RunHit[]> {
  if (order.field.kind !== "cell") {
    const way = creationWay(projectId, condition, order, after, sql`r.created_at`);
    return take(db, way, { limit, offset });
  }
  const { path } = order.field;
  const stage = !after ? 0 : typeof after.value === "number" ? 0 : typeof after.value === "string" ? 1 : 2;
  const absent = sql`(${condition} AND NOT EXISTS (SELECT 1 FROM run_cells c WHERE c.run_id = r.id AND c.path = ${path} AND (c.num IS NOT NULL OR c.txt IS NOT NULL)))`;
  const from = (at: number) => (at === stage ? after : undefined);
  const ways = [
    cellsWay(projectId, condition, order, path, "num", from(0)),
    cellsWay(projectId, condition, order, path, "txt", from(1)),
    creationWay(projectId, absent, order, from(2), sql`NULL`),
  ].slice(stage);
  const hits: RunHit[] = [];
  let left = offset;
  for (const [at, way] of ways.entries()) {
    if (hits.length >= limit) break;
    const found = await take(db, way, { limit: limit - hits.length, offset: left });
    hits.push(...found);
    if (found.length > 0 || left === 0) left = 0;
    else if (at < ways.length - 1) left -= await countOf(db, way);
  }
  return hits;
}

/** A stretch of a walk: what it reads, and in which order. */
interface Way {
  columns: Condition;
  from: Condition;
  order: Condition;
}

async function take(db: CatalogReader, way: Way, { limit, offset }: Slice): Promise<RunHit[]> {
  const { rows } = await sql<RunHit>`
    SELECT ${way.columns} FROM ${way.from} ORDER BY ${way.order} LIMIT ${limit} OFFSET ${offset}`.execute(db);
  return rows;
}

async function countOf(db: CatalogReader, way: Way): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${way.from}`.execute(db);
  return rows[0]?.n ?? 0;
}

function cellsWay(
  projectId: number,
  condition: Condition,
  order: RunOrder,
  path: string,
  column: "num" | "txt",
  after: RunCursor | undefined,
): Way {
  const value = sql.ref(`s.${column}`);
  const way = order.descending ? sql`DESC` : sql`ASC`;
  const past = order.descending ? sql`<` : sql`>`;
  const position = after ? sql`(${value}, s.run_id) ${past} (${after.value}, ${after.id})` : sql`1`;
  return {
    columns: sql`r.id AS id, s.num AS num, s.txt AS txt, r.created_at AS created_at`,
    from: sql`run_cells s CROSS JOIN runs r
      WHERE s.project_id = ${projectId} AND s.path = ${path} AND ${value} IS NOT NULL AND ${position}
        AND r.id = s.run_id AND r.deleted_at IS NULL AND ${condition}`,
    order: sql`${value} ${way}, s.run_id ${way}`,
  };
}

function creationWay(
  projectId: number,
  condition: Condition,
  order: RunOrder,
  after: RunCursor | undefined,
  num: RawBuilder<unknown>,
): Way {
  const way = order.descending ? sql`DESC` : sql`ASC`;
  const past = order.descending ? sql`<` : sql`>`;
  const position = after ? sql`(r.created_at, r.id) ${past} (${after.createdAt}, ${after.id})` : sql`1`;
  return {
    columns: sql`r.id AS id, ${num} AS num, NULL AS txt, r.created_at AS created_at`,
    from: sql`runs r WHERE r.project_id = ${projectId} AND ${position} AND r.deleted_at IS NULL AND ${condition}`,
    order: sql`r.created_at ${way}, r.id ${way}`,
  };
}

async function rowsOf(db: CatalogReader, hits: readonly RunHit[]): Promise<RunsPage["runs"]> {
  if (hits.length === 0) return [];
  const { rows } = await sql<RunRow>`
    SELECT * FROM runs WHERE id IN (SELECT value FROM json_each(${JSON.stringify(hits.map(({ id }) => id))}))`.execute(
    db,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return hits.flatMap(({ id, num, txt, created_at }) => {
    const row = byId.get(id);
    return row ? [{ row, cursor: encodeCursor({ value: num ?? txt, createdAt: created_at, id }) }] : [];
  });
}
