import { runGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver } from "../http/resolvers.ts";
import { dateTime, type RunRow } from "../runs/run.ts";
import { mayNot, type ProjectRef, readableRun } from "./access.ts";

const MAX_RUNS = 200;
const DELETED_RUN_COLUMNS = [
  "id",
  "name",
  "display_name",
  "created_at",
  "deleted_at",
  "deleted_by",
  "user_id",
] as const;

/** Who may not restore sees no list: what is in the trash is nobody else's to look through. */
export const deletedRuns: Resolver = async (
  source: ProjectRef,
  { first }: { first?: number | null },
  context,
) => {
  if (await mayNot(context.services, context.viewer, source, "write")) return [];
  const db = context.services.catalog.db;
  const rows = await db
    .selectFrom("runs")
    .select(DELETED_RUN_COLUMNS)
    .where("project_id", "=", source.id)
    .where("deleted_at", "is not", null)
    .orderBy("deleted_at", "desc")
    .orderBy("id", "desc")
    .limit(Math.min(Math.max(first ?? MAX_RUNS, 0), MAX_RUNS))
    .execute();
  return rows.map((row) => deletedRunModel(context, source, row));
};

/** Who knows the id of a run of a project they see may know what became of it. */
export const deletedRun: Resolver = async (source: ProjectRef, { name }: { name: string }, context) => {
  const { services, viewer } = context;
  const found = await readableRun(services, viewer, source.entityName, source.name, name, { deleted: "too" });
  const row =
    found &&
    (await services.catalog.db
      .selectFrom("runs")
      .select(DELETED_RUN_COLUMNS)
      .where("id", "=", found.id)
      .where("deleted_at", "is not", null)
      .executeTakeFirst());
  return row ? deletedRunModel(context, found.project, row) : null;
};

function deletedRunModel(
  context: GraphqlContext,
  project: ProjectRef,
  row: Pick<RunRow, (typeof DELETED_RUN_COLUMNS)[number]>,
) {
  const { db } = context.services.catalog;
  const user = (id: number | null) =>
    id === null ? null : db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
  return {
    id: runGlobalId({ name: row.name, project }),
    name: row.name,
    displayName: row.display_name,
    createdAt: dateTime(row.created_at),
    deletedAt: dateTime(row.deleted_at),
    deletedBy: () => user(row.deleted_by),
    user: () => user(row.user_id),
    readOnly: () => mayNot(context.services, context.viewer, project, "write"),
  };
}
