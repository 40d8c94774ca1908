import { sql } from "kysely";
import { SteelyardError } from "../errors.ts";
import { globalId, parseGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver, Resolvers } from "../http/resolvers.ts";
import type { Viewer } from "../http/viewer.ts";
import { countRuns, listRuns, type RunsQuestion } from "../query/run-list.ts";
import { checkName } from "../runs/names.ts";
import { dateTime, loadRun, runModel } from "../runs/run.ts";
import {
  findEntity,
  findProject,
  findProjectById,
  mayNot,
  type ProjectRef,
  readableRun,
  requireViewer,
} from "./access.ts";
import {
  checkPrivacy,
  createProject,
  deletedName,
  editedColumns,
  loadProject,
  type ProjectEdit,
  type ProjectModel,
} from "./project.ts";
import { deletedRun, deletedRuns } from "./trash.ts";

const MAX_PAGE = 200;
/** Paths shown in a column picker. */
const MAX_COLUMNS = 10_000;

const project: Resolver = async (
  _source,
  { name, entityName }: { name?: string | null; entityName?: string | null },
  { services, viewer },
) => {
  if (!name) return null;
  const found = await findProject(services, viewer, entityName, name, "read");
  return found ? loadProject(services.catalog.db, found) : null;
};

interface ModelsArguments {
  entityName?: string | null;
  after?: string | null;
  first?: number | null;
}

/** Newest first. Without an entity: every project the viewer has as a person or member. */
const models: Resolver = async (_source, args: ModelsArguments, { services, viewer }) => {
  const entityIds = await entitiesToList(services, viewer, args.entityName);
  return projectPage(services, viewer, entityIds, args);
};

async function entitiesToList(
  services: GraphqlContext["services"],
  viewer: Viewer | undefined,
  entityName: string | null | undefined,
): Promise<number[]> {
  if (entityName) {
    // An entity that is not the viewer's may still have projects open to all; each is checked below.
    const entity = await services.catalog.db
      .selectFrom("entities")
      .select("id")
      .where("name", "=", entityName)
      .executeTakeFirst();
    return entity ? [entity.id] : [];
  }
  if (!viewer) return [];
  const teams = await services.catalog.db
    .selectFrom("members")
    .select("entity_id")
    .where("user_id", "=", viewer.userId)
    .execute();
  return [...new Set([viewer.entityId, ...teams.map(({ entity_id }) => entity_id)])];
}

async function projectPage(
  services: GraphqlContext["services"],
  viewer: Viewer | undefined,
  entityIds: number[],
  args: ModelsArguments,
) {
  const size = Math.min(Math.max(args.first ?? 50, 0), MAX_PAGE);
  const nodes: ProjectModel[] = [];
  let before = args.after ? parseGlobalId("Project", args.after) : Number.MAX_SAFE_INTEGER;
  let more = entityIds.length > 0;
  // What the viewer may not see is left out, so a page may take more than one look.
  while (more && nodes.length <= size) {
    const rows = await services.catalog.db
      .selectFrom("projects")
      .select("id")
      .where("entity_id", "in", entityIds)
      .where("deleted_at", "is", null)
      .where("id", "<", before)
      .orderBy("id", "desc")
      .limit(size + 1)
      .execute();
    more = rows.length === size + 1;
    for (const { id } of rows) {
      before = id;
      const ref = await findProjectById(services, viewer, id, "read");
      if (ref) nodes.push(await loadProject(services.catalog.db, ref));
    }
  }
  const page = nodes.slice(0, size);
  const last = page.at(-1);
  return {
    edges: page.map((node) => ({ node, cursor: globalId("Project", node.id) })),
    pageInfo: { endCursor: last ? globalId("Project", last.id) : null, hasNextPage: nodes.length > size },
  };
}

const run: Resolver = async (source: ProjectRef, { name }: { name: string }, { services, viewer }) => {
  const found = await readableRun(services, viewer, source.entityName, source.name, name);
  return found ? loadRun(services.catalog.db, found) : null;
};

const runs: Resolver = async (
  source: ProjectRef,
  args: RunsQuestion & { before?: string | null; last?: number | null },
  { services },
) => {
  if (args.before != null || args.last != null) {
    throw new SteelyardError(
      "bad-request",
      "runs are paged forward; use first and after, and the opposite order",
    );
  }
  const page = await listRuns(services.catalog, source.id, args);
  return {
    edges: page.runs.map(({ row, cursor }) => ({ node: runModel(row, source), cursor })),
    pageInfo: {
      startCursor: page.runs[0]?.cursor ?? null,
      endCursor: page.runs.at(-1)?.cursor ?? null,
      hasNextPage: page.hasNextPage,
      hasPreviousPage: args.after != null,
    },
    totalCount: () => countRuns(services.catalog, source.id, args.filters),
  };
};

/**
 * Keys of config and summary that some run has, from index to index without reading what lies between: a project of a
 * million runs has few. A key that only deleted runs have is left out.
 */
const runColumns: Resolver = async (source: ProjectRef, _args, { services }) => {
  const sorts = {
    numbers: sql`num IS NOT NULL`,
    texts: sql`txt IS NOT NULL`,
    others: sql`num IS NULL AND txt IS NULL`,
  };
  const kinds = new Map<string, Set<string>>();
  for (const [sort, condition] of Object.entries(sorts)) {
    const of = sql`run_cells WHERE project_id = ${source.id} AND ${condition}`;
    const { rows } = await sql<{ path: string }>`
      WITH RECURSIVE paths(path) AS (
        SELECT min(path) FROM ${of}
        UNION ALL SELECT (SELECT min(path) FROM ${of} AND path > paths.path) FROM paths WHERE path IS NOT NULL
        LIMIT ${MAX_COLUMNS})
      SELECT path FROM paths WHERE path IS NOT NULL AND EXISTS (
        SELECT 1 FROM run_cells c CROSS JOIN runs r
        WHERE c.project_id = ${source.id} AND c.path = paths.path AND ${condition} AND r.id = c.run_id AND r.deleted_at IS NULL)`.execute(
      services.catalog.db,
    );
    for (const { path } of rows) kinds.set(path, (kinds.get(path) ?? new Set()).add(sort));
  }
  return [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_COLUMNS)
    .map(([path, found]) => ({ path, kind: kindOf(found) }));
};

function kindOf(sorts: ReadonlySet<string>): "number" | "text" | "mixed" {
  if (sorts.has("numbers") !== sorts.has("texts")) return sorts.has("numbers") ? "number" : "text";
  return "mixed";
}

interface UpsertModelInput extends ProjectEdit {
  id?: string | null;
  name?: string | null;
  entityName?: string | null;
}

const LIMITS = { description: 1_000_000, repo: 256, dockerImage: 512, views: 16_000_000 } as const;

/** By id, or by entity and name; made when missing. */
const upsertModel: Resolver = async (
  _source,
  { input }: { input: UpsertModelInput },
  { services, viewer },
) => {
  const known = requireViewer(viewer);
  checkPrivacy(known, input.access);
  for (const [field, limit] of Object.entries(LIMITS)) {
    if ((input[field as keyof typeof LIMITS] ?? "").length > limit) {
      throw new SteelyardError("bad-request", `${field} of a project is longer than ${limit} characters`);
    }
  }
  const entityName = input.entityName || known.username;
  const name = input.name ? checkName("project", input.name) : undefined;
  const byId = input.id
    ? await findProjectById(services, viewer, parseGlobalId("Project", input.id), "write")
    : undefined;
  if (input.id && !byId)
    throw new SteelyardError("not-found", "the project is unknown, or you may not see it");
  if (!byId && name === undefined) throw new SteelyardError("bad-request", "a project needs a name");
  const found =
    byId ?? (await findProject(services, viewer, entityName, name ?? "", "write", { named: "now" }));
  const { project: ref, inserted } = found
    ? { project: found, inserted: false }
    : await createProject(services, known, entityName, name ?? "", input);
  if (!inserted) {
    const columns = editedColumns(input);
    if (columns.access !== undefined && columns.access !== ref.access) {
      await findProject(services, viewer, ref.entityName, ref.name, "admin");
    }
    await services.catalog.db
      .updateTable("projects")
      .set({ ...columns, updated_at: services.now() })
      .where("id", "=", ref.id)
      .execute();
    services.bus.publish({ kind: "project", project: ref.id, name: ref.name });
  }
  const model = await loadProject(services.catalog.db, { ...ref, access: input.access ?? ref.access });
  return { project: model, model, inserted };
};

/** The project of a mutation that needs its admin; throws 404 or 403. */
async function ownProject(
  { services, viewer }: GraphqlContext,
  entityName: string,
  name: string,
): Promise<ProjectRef> {
  requireViewer(viewer);
  const found = await findProject(services, viewer, entityName, name, "admin");
  if (found) return found;
  throw new SteelyardError("not-found", `project ${name} is unknown, or you may not see it`);
}

/** Change the name or the owner; both only when nothing is there already. */
async function relocate(context: GraphqlContext, ref: ProjectRef, to: { entityName: string; name: string }) {
  const { services, viewer } = context;
  const entity = await findEntity(services, viewer, to.entityName, "admin");
  if (!entity)
    throw new SteelyardError("not-found", `entity ${to.entityName} is unknown, or you may not see it`);
  const result = await services.catalog.write(async (tx) => {
    const taken = await tx
      .selectFrom("projects")
      .select("id")
      .where("entity_id", "=", entity.id)
      .where("name", "=", to.name)
      .where("id", "!=", ref.id)
      .executeTakeFirst();
    if (taken) return false;
    await tx
      .insertInto("former_project_names")
      .values({ entity_id: ref.entityId, name: ref.name, project_id: ref.id })
      .onConflict((conflict) => conflict.columns(["entity_id", "name"]).doUpdateSet({ project_id: ref.id }))
      .execute();
    await tx
      .updateTable("projects")
      .set({ entity_id: entity.id, name: to.name, updated_at: services.now() })
      .where("id", "=", ref.id)
      .execute();
    return true;
  });
  if (!result) {
    throw new SteelyardError(
      "conflict",
      `${entity.name} has a project ${to.name} already; choose another name`,
    );
  }
  services.bus.publish({ kind: "project", project: ref.id, name: to.name });
  const moved = { ...ref, name: to.name, entityId: entity.id, entityName: entity.name };
  return { project: await loadProject(services.catalog.db, moved) };
}

interface RenameInput {
  entityName: string;
  oldProjectName: string;
  newProjectName: string;
}

const renameProject: Resolver = async (_source, { input }: { input: RenameInput }, context) => {
  const ref = await ownProject(context, input.entityName, input.oldProjectName);
  return relocate(context, ref, {
    entityName: ref.entityName,
    name: checkName("project", input.newProjectName),
  });
};

interface MoveInput {
  entityName: string;
  projectName: string;
  newEntityName: string;
}

const moveProject: Resolver = async (_source, { input }: { input: MoveInput }, context) => {
  const ref = await ownProject(context, input.entityName, input.projectName);
  return relocate(context, ref, { entityName: input.newEntityName, name: ref.name });
};

/** Soft: the rows stay, the name is free again. Deleting again succeeds again. */
const deleteProject: Resolver = async (
  _source,
  { input }: { input: { id: string } },
  { services, viewer },
) => {
  requireViewer(viewer);
  const id = parseGlobalId("Project", input.id);
  const ref = await findProjectById(services, viewer, id, "admin");
  if (ref) {
    await services.catalog.db
      .updateTable("projects")
      .set({ deleted_at: services.now(), name: deletedName(ref.name, id) })
      .where("id", "=", id)
      .execute();
    services.bus.publish({ kind: "project", project: id, name: ref.name });
  }
  return { success: true };
};

export const projectsResolvers: Resolvers = {
  Query: { project, model: project, models },
  User: {
    projects: async (user: { entity_id: number }, args: ModelsArguments, { services, viewer }) =>
      projectPage(services, viewer, [user.entity_id], args),
  },
  Project: {
    id: (source: ProjectModel) => globalId("Project", source.id),
    internalId: (source: ProjectModel) => String(source.id),
    // Asked for by the project, which was let through already: whoever sees a project may see whose it is.
    entity: (source: ProjectModel, _args, { services }) =>
      services.catalog.db
        .selectFrom("entities")
        .selectAll()
        .where("id", "=", source.entityId)
        .executeTakeFirst(),
    description: (source: ProjectModel) => source.row.description,
    access: (source: ProjectModel) => source.row.access,
    views: (source: ProjectModel) => source.row.views,
    repo: (source: ProjectModel) => source.row.repo,
    dockerImage: (source: ProjectModel) => source.row.docker_image,
    createdAt: (source: ProjectModel) => dateTime(source.row.created_at),
    isBenchmark: () => false,
    readOnly: (source: ProjectModel, _args, context) =>
      mayNot(context.services, context.viewer, source, "write"),
    user: (source: ProjectModel, _args, { services }) =>
      services.catalog.db
        .selectFrom("users")
        .selectAll()
        .where("id", "=", source.row.user_id)
        .executeTakeFirst(),
    runCount: (source: ProjectModel, { filters }: { filters?: string | null }, { services }) =>
      countRuns(services.catalog, source.id, filters),
    runs,
    buckets: runs,
    run,
    bucket: run,
    runColumns,
    deletedRuns,
    deletedRun,
    // Launch is not served: a project has no queues.
    runQueues: () => [],
    runQueue: () => null,
  },
  Mutation: { upsertModel, renameProject, moveProject, deleteProject, deleteModel: deleteProject },
};
