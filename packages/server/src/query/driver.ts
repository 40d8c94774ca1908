import { sql } from "kysely";
import { type Condition, type ResolvedFilter, splitValues } from "./filter-sql.ts";

/**
 * A way into the runs that a filter lets through: a table of `run_id`, read by an index, that holds every run of the
 * answer (and perhaps more: the whole condition is checked on each).
 */
export interface Driver {
  source: Condition;
}

/** One for each part that must hold and that an index answers. */
export function driversOf(projectId: number, filter: ResolvedFilter): Driver[] {
  if (filter.kind === "all") return filter.parts.flatMap((part) => driversOf(projectId, part));
  if (filter.kind === "compare" && filter.field.kind === "cell") {
    const column = sql.ref(typeof filter.value === "number" ? "num" : "txt");
    const operator = { "<": sql`<`, "<=": sql`<=`, ">": sql`>`, ">=": sql`>=` }[filter.op];
    return [cells(projectId, filter.field.path, column, sql`${column} ${operator} ${filter.value}`)];
  }
  if (filter.kind !== "in") return [];
  const { numbers, texts, none } = splitValues(filter.values);
  if (none) return [];
  const { field } = filter;
  if (field.kind === "cell") {
    // Values of both types would need two indexes; such a list is checked run by run.
    if (numbers.length > 0 && texts.length > 0) return [];
    const column = sql.ref(numbers.length > 0 ? "num" : "txt");
    return [cells(projectId, field.path, column, listed(column, numbers.length > 0 ? numbers : texts))];
  }
  if (field.kind === "tags") {
    const tags = [...texts, ...numbers.map(String)];
    return [
      {
        source: sql`(SELECT DISTINCT run_id FROM run_tags WHERE project_id = ${projectId} AND ${listed(sql`tag`, tags)})`,
      },
    ];
  }
  if (field.kind === "text" && field.column === "name") {
    return [
      {
        source: sql`(SELECT id AS run_id FROM runs WHERE project_id = ${projectId} AND ${listed(sql`name`, texts)})`,
      },
    ];
  }
  return [];
}

/** As `among`, but bare, so that an index can answer it. An empty list matches nothing. */
function listed(column: Condition, values: readonly (string | number)[]): Condition {
  if (values.length === 0) return sql`0`;
  if (values.length === 1) return sql`${column} = ${values[0]}`;
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}

function cells(projectId: number, path: string, column: Condition, condition: Condition): Driver {
  return {
    source: sql`(SELECT run_id FROM run_cells WHERE project_id = ${projectId} AND path = ${path} AND ${column} IS NOT NULL AND ${condition})`,
  };
}
