import type { Selectable } from "kysely";
import { SteelyardError } from "../errors.ts";
import { globalId, parseViewGlobalId, viewGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver, Resolvers } from "../http/resolvers.ts";
import type { ViewsTable } from "../ports/catalog.ts";
import {
  findEntity,
  findProject,
  findProjectById,
  type Need,
  type ProjectRef,
  requireViewer,
} from "../projects/access.ts";
import { loadProject } from "../projects/project.ts";
import { dateTime } from "../runs/run.ts";

/** Saved views of a project: reports (`runs`), their drafts, workspaces (`project-view`). What a view shows is its own JSON. */
export interface ViewModel {
  row: Selectable<ViewsTable>;
  project: ProjectRef;
}

const MAX_SPEC = 16_000_000;
const MAX_NAME = 1_000;
const MAX_PAGE = 200;

/** Undefined when unknown or not to be seen. */
async function findView(context: GraphqlContext, id: string, need: Need): Promise<ViewModel | undefined> {
  const { services, viewer } = context;
  const row = await services.catalog.db
    .selectFrom("views")
    .selectAll()
    .where("id", "=", parseViewGlobalId(id))
    .executeTakeFirst();
  const project = row && (await findProjectById(services, viewer, row.project_id, need));
  return row && project && { row, project };
}

interface AllViewsArguments {
  viewType?: string | null;
  viewName?: string | null;
  userName?: string | null;
  after?: string | null;
  first?: number | null;
}

/** Newest first; the cursor is the id of the last view. */
export const allViews: Resolver = async (project: ProjectRef, args: AllViewsArguments, { services }) => {
  const size = Math.min(Math.max(args.first ?? 50, 0), MAX_PAGE);
  let question = services.catalog.db
    .selectFrom("views")
    .innerJoin("users", "users.id", "views.user_id")
    .selectAll("views")
    .where("project_id", "=", project.id)
    .where("type", "=", args.viewType ?? "runs")
    .orderBy("views.id", "desc")
    .limit(size + 1);
  const { viewName, userName, after } = args;
  if (viewName) {
    question = question.where((where) =>
      where.or([where("name", "=", viewName), where("views.display_name", "=", viewName)]),
    );
  }
  if (userName) question = question.where("users.username", "=", userName);
  if (after) question = question.where("views.id", "<", parseViewGlobalId(after));
  const rows = await question.execute();
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return {
    edges: page.map((row) => ({ node: { row, project } satisfies ViewModel, cursor: viewGlobalId(row.id) })),
    pageInfo: { endCursor: last ? viewGlobalId(last.id) : null, hasNextPage: rows.length > size },
  };
};

interface UpsertViewInput {
  id?: string | null;
  entityName?: string | null;
  projectName?: string | null;
  type?: string | null;
  name?: string | null;
  displayName?: string | null;
  description?: string | null;
  spec?: string | null;
}

/** By id, or by (project, type, name) when it has a name; else a new one. Null leaves a field alone. */
const upsertView: Resolver = async (_source, { input }: { input: UpsertViewInput }, context) => {
  const { services } = context;
  const viewer = requireViewer(context.viewer);
  checkView(input);
  const found = input.id ? await findView(context, input.id, "write") : undefined;
  if (input.id && !found) throw new SteelyardError("not-found", "the view is unknown, or you may not see it");
  const project =
    found?.project ??
    (await findProject(services, viewer, input.entityName, input.projectName ?? "", "write"));
  if (!project)
    throw new SteelyardError(
      "not-found",
      `project ${input.projectName ?? ""} is unknown, or you may not see it`,
    );
  const type = input.type ?? found?.row.type ?? "runs";
  const now = services.now();
  return services.catalog.write(async (tx) => {
    const named =
      found?.row ??
      (input.name
        ? await tx
            .selectFrom("views")
            .selectAll()
            .where("project_id", "=", project.id)
            .where("type", "=", type)
            .where("name", "=", input.name)
            .executeTakeFirst()
        : undefined);
    if (named) {
      const row = await tx
        .updateTable("views")
        .set({
          type,
          updated_at: now,
          ...(input.name == null ? {} : { name: input.name }),
          ...(input.displayName == null ? {} : { display_name: input.displayName }),
          ...(input.description == null ? {} : { description: input.description }),
          ...(input.spec == null ? {} : { spec: input.spec }),
        })
        .where("id", "=", named.id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return { view: { row, project }, inserted: false };
    }
    const row = await tx
      .insertInto("views")
      .values({
        project_id: project.id,
        user_id: viewer.userId,
        type,
        name: input.name ?? "",
        display_name: input.displayName ?? null,
        description: input.description ?? null,
        spec: input.spec ?? "{}",
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { view: { row, project }, inserted: true };
  });
};

function checkView(input: UpsertViewInput): void {
  for (const field of ["type", "name", "displayName"] as const) {
    if ((input[field] ?? "").length > MAX_NAME) {
      throw new SteelyardError("bad-request", `${field} of a view is longer than ${MAX_NAME} characters`);
    }
  }
  if ((input.spec ?? "").length > MAX_SPEC || (input.description ?? "").length > MAX_SPEC) {
    throw new SteelyardError("too-large", `a view has more than ${MAX_SPEC} characters; divide it`);
  }
  if (input.spec == null) return;
  try {
    JSON.parse(input.spec);
  } catch (cause) {
    throw new SteelyardError("invalid-json", "spec is not JSON; send the view as a JSON text", { cause });
  }
}

const deleteView: Resolver = async (_source, { input }: { input: { id: string } }, context) => {
  requireViewer(context.viewer);
  const view = await findView(context, input.id, "write");
  if (!view) throw new SteelyardError("not-found", "the view is unknown, or you may not see it");
  await context.services.catalog.db.deleteFrom("views").where("id", "=", view.row.id).execute();
  return { success: true, pendingDrafts: null };
};

interface CustomChartInput {
  entity: string;
  name: string;
  displayName: string;
  type: string;
  access: string;
  spec: string;
}

/** A chart of the same name is replaced: the client calls this at every start of a script. */
const createCustomChart: Resolver = async (
  _source,
  { input }: { input: CustomChartInput },
  { services, viewer },
) => {
  requireViewer(viewer);
  checkView({ name: input.name, displayName: input.displayName, type: input.type, spec: input.spec });
  const access = input.access.toUpperCase();
  if (access !== "PRIVATE" && access !== "PUBLIC") {
    throw new SteelyardError("bad-request", "access of a chart is PRIVATE or PUBLIC");
  }
  const entity = await findEntity(services, viewer, input.entity, "write");
  if (!entity)
    throw new SteelyardError("not-found", `entity ${input.entity} is unknown, or you may not see it`);
  const values = { display_name: input.displayName, type: input.type, access, spec: input.spec };
  const { id } = await services.catalog.db
    .insertInto("custom_charts")
    .values({ entity_id: entity.id, name: input.name, ...values })
    .onConflict((conflict) => conflict.columns(["entity_id", "name"]).doUpdateSet(values))
    .returning("id")
    .executeTakeFirstOrThrow();
  return { chart: { id: globalId("CustomChart", id) } };
};

export const reportsResolvers: Resolvers = {
  Query: {
    view: async (_source, { id }: { id: string }, context) => (await findView(context, id, "read")) ?? null,
  },
  Project: { allViews },
  View: {
    id: ({ row }: ViewModel) => viewGlobalId(row.id),
    type: ({ row }: ViewModel) => row.type,
    name: ({ row }: ViewModel) => row.name,
    displayName: ({ row }: ViewModel) => row.display_name,
    description: ({ row }: ViewModel) => row.description,
    spec: ({ row }: ViewModel) => row.spec,
    user: ({ row }: ViewModel, _args, { services }) =>
      services.catalog.db.selectFrom("users").selectAll().where("id", "=", row.user_id).executeTakeFirst(),
    project: ({ project }: ViewModel, _args, { services }) => loadProject(services.catalog.db, project),
    createdAt: ({ row }: ViewModel) => dateTime(row.created_at),
    updatedAt: ({ row }: ViewModel) => dateTime(row.updated_at),
    accessTokens: () => [],
  },
  Mutation: { upsertView, deleteView, createCustomChart },
};
