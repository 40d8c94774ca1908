import { type RawBuilder, sql } from "kysely";
import { SteelyardError } from "../errors.ts";
import type { CatalogReader } from "../ports/catalog.ts";
import { cellText as asCellText, shownText } from "../ports/run-question/cell-text.ts";
import type { Filter, Scalar } from "../ports/run-question/filter.ts";
import { type Budget, FILTER_BUDGET, PatternError } from "../ports/run-question/linear-regex.ts";
import type { RunField, TextColumn } from "../ports/run-question/run-field.ts";

/**
 * Filters as SQL conditions on a run `r`. Values of config and summary are looked up as scalars by (run, path): a form
 * that no query planner turns round to start from the wrong index. Every condition is 0 or 1, never NULL, so that `not`
 * is exact.
 */
export type Condition = RawBuilder<unknown>;

/** A filter whose patterns were replaced by the values they match. */
export type ResolvedFilter =
  | Exclude<Filter, { kind: "matches" | "all" | "any" | "not" }>
  | { kind: "all" | "any"; parts: ResolvedFilter[] }
  | { kind: "not"; part: ResolvedFilter };

/** Look at each distinct text of the field once; the catalog knows no regular expressions of ours. */
export async function resolvePatterns(
  db: CatalogReader,
  projectId: number,
  filter: Filter,
  budget: Budget = { steps: FILTER_BUDGET },
): Promise<ResolvedFilter> {
  switch (filter.kind) {
    case "all":
    case "any": {
      const parts: ResolvedFilter[] = [];
      for (const part of filter.parts) parts.push(await resolvePatterns(db, projectId, part, budget));
      return { kind: filter.kind, parts };
    }
    case "not":
      return { kind: "not", part: await resolvePatterns(db, projectId, filter.part, budget) };
    case "matches": {
      const values: string[] = [];
      for (const text of await distinctTexts(db, projectId, filter.field)) {
        try {
          if (filter.regex.test(shownText(text), budget)) values.push(text);
        } catch (error) {
          if (!(error instanceof PatternError)) throw error;
          throw new SteelyardError("invalid-filter", `filter: the pattern ${error.message}`);
        }
      }
      return { kind: "in", field: filter.field, values };
    }
    default:
      return filter;
  }
}

async function distinctTexts(db: CatalogReader, projectId: number, field: RunField): Promise<string[]> {
  const { rows } = await distinctQuestion(projectId, field).execute(db);
  return rows.flatMap(({ text }) => (text === null ? [] : [text]));
}

function distinctQuestion(projectId: number, field: RunField): RawBuilder<{ text: string | null }> {
  if (field.kind === "cell" || field.kind === "key") {
    return sql`SELECT DISTINCT txt AS text FROM run_cells WHERE project_id = ${projectId} AND path = ${field.path} AND txt IS NOT NULL`;
  }
  if (field.kind === "tags")
    return sql`SELECT DISTINCT tag AS text FROM run_tags WHERE project_id = ${projectId}`;
  if (field.kind === "artifacts") return sql`SELECT DISTINCT c.name AS text FROM artifact_collections c`;
  if (field.kind === "text" && field.column === "username") return sql`SELECT username AS text FROM users`;
  const column = field.kind === "text" ? textColumn(field.column) : sql`NULL`;
  return sql`SELECT DISTINCT ${column} AS text FROM runs r WHERE r.project_id = ${projectId}`;
}

export function conditionOf(filter: ResolvedFilter): Condition {
  switch (filter.kind) {
    case "all":
      return filter.parts.length === 0
        ? sql`1`
        : sql`(${sql.join(filter.parts.map(conditionOf), sql` AND `)})`;
    case "any":
      return filter.parts.length === 0
        ? sql`0`
        : sql`(${sql.join(filter.parts.map(conditionOf), sql` OR `)})`;
    case "not":
      return sql`(NOT ${conditionOf(filter.part)})`;
    case "exists":
      return exists(filter.field);
    case "compare":
      return compare(filter.field, filter.op, filter.value);
    case "in":
      return isIn(filter.field, filter.values);
  }
}

export function textColumn(column: TextColumn): Condition {
  if (column === "username") return sql`(SELECT u.username FROM users u WHERE u.id = r.user_id)`;
  return sql.ref(`r.${column}`);
}

export function numberColumn(column: "duration" | "exit_code"): Condition {
  if (column === "exit_code") return sql`r.exit_code`;
  return sql`((coalesce(r.finished_at, r.heartbeat_at) - r.created_at) / 1000.0)`;
}

export function cellNumber(path: string): Condition {
  return sql`(SELECT c.num FROM run_cells c WHERE c.run_id = r.id AND c.path = ${path})`;
}

export function cellText(path: string): Condition {
  return sql`(SELECT c.txt FROM run_cells c WHERE c.run_id = r.id AND c.path = ${path})`;
}

/** The key itself, or something nested in it: `/` is what follows `.` in the alphabet. */
function cellExists(path: string): Condition {
  return sql`EXISTS (SELECT 1 FROM run_cells c WHERE c.run_id = r.id AND (c.path = ${path} OR (c.path > ${`${path}.`} AND c.path < ${`${path}/`})))`;
}

function exists(field: RunField): Condition {
  switch (field.kind) {
    case "cell":
    case "key":
      return cellExists(field.path);
    case "tags":
      return sql`EXISTS (SELECT 1 FROM run_tags t WHERE t.run_id = r.id)`;
    case "artifacts":
      return artifactExists(field.direction, sql`1`);
    case "text":
      return sql`(${textColumn(field.column)} IS NOT NULL)`;
    case "time":
      return sql`(${sql.ref(`r.${field.column}`)} IS NOT NULL)`;
    case "number":
      return sql`(${numberColumn(field.column)} IS NOT NULL)`;
  }
}

/** Artifacts by collection name, with or without a version: `data` or `data:v3`. */
function artifactExists(direction: "input" | "output", condition: Condition): Condition {
  const from =
    direction === "input" ? sql`artifact_uses x JOIN artifacts a ON a.id = x.artifact_id` : sql`artifacts a`;
  const mine = direction === "input" ? sql`x.run_id = r.id` : sql`a.created_by_run_id = r.id`;
  return sql`EXISTS (SELECT 1 FROM ${from} JOIN artifact_collections k ON k.id = a.collection_id WHERE ${mine} AND ${condition})`;
}

const OPERATORS = { "<": sql`<`, "<=": sql`<=`, ">": sql`>`, ">=": sql`>=` } as const;

function compare(field: RunField, op: keyof typeof OPERATORS, value: string | number): Condition {
  const side = sideFor(field, value);
  if (!side) return sql`0`;
  return sql`coalesce(${side} ${OPERATORS[op]} ${cut(value)}, 0)`;
}

function cut(value: string | number): string | number {
  return typeof value === "string" ? asCellText(value) : value;
}

/** What of the field can be compared with such a value; undefined = nothing. */
function sideFor(field: RunField, value: string | number): Condition | undefined {
  if (field.kind === "cell") return typeof value === "number" ? cellNumber(field.path) : cellText(field.path);
  if (field.kind === "text") return typeof value === "string" ? textColumn(field.column) : undefined;
  if (typeof value !== "number") return undefined;
  if (field.kind === "time") return sql.ref(`r.${field.column}`);
  return field.kind === "number" ? numberColumn(field.column) : undefined;
}

/** The values of a list by type, as cells keep them; booleans are texts there. */
export function splitValues(values: readonly Scalar[]): {
  numbers: number[];
  texts: string[];
  none: boolean;
} {
  const numbers: number[] = [];
  const texts: string[] = [];
  let none = false;
  for (const value of values) {
    if (typeof value === "number") numbers.push(value);
    else if (value === null) none = true;
    else texts.push(typeof value === "string" ? asCellText(value) : String(value));
  }
  return { numbers: numbers.filter(Number.isFinite), texts, none };
}

/** One value is compared, many come as one JSON parameter: few distinct statements to prepare. */
export function among(side: Condition, values: readonly (string | number)[]): Condition {
  return values.length === 1
    ? sql`coalesce(${side} = ${values[0]}, 0)`
    : sql`coalesce(${side} IN (SELECT value FROM json_each(${JSON.stringify(values)})), 0)`;
}

function isIn(field: RunField, values: readonly Scalar[]): Condition {
  const { numbers, texts, none } = splitValues(values);
  const parts: Condition[] = [];
  if (none) parts.push(sql`(NOT ${exists(field)})`);
  if (field.kind === "tags" || field.kind === "artifacts") {
    const listed = [...texts, ...numbers.map(String)];
    if (listed.length > 0) {
      parts.push(
        field.kind === "tags"
          ? sql`EXISTS (SELECT 1 FROM run_tags t WHERE t.run_id = r.id AND ${among(sql`t.tag`, listed)})`
          : artifactExists(
              field.direction,
              sql`(${among(sql`k.name`, listed)} OR ${among(sql`k.name || ':v' || a.version_index`, listed)})`,
            ),
      );
    }
  } else {
    const path = field.kind === "key" ? ({ kind: "cell", path: field.path } as const) : field;
    const numberSide = sideFor(path, 0);
    const textSide = sideFor(path, "");
    if (numbers.length > 0 && numberSide) parts.push(among(numberSide, numbers));
    if (texts.length > 0 && textSide) parts.push(among(textSide, texts));
  }
  return parts.length === 0 ? sql`0` : sql`(${sql.join(parts, sql` OR `)})`;
}
