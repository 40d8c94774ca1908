import { dashedRunId } from "@steelyard/protocol/settings";
import { claimedRun } from "../anonymous/claimed-run.ts";
import { SteelyardError } from "../errors.ts";
import type { Viewer } from "../http/viewer.ts";
import type { CatalogReader, RunState } from "../ports/catalog.ts";
import { prepare, type Values } from "../ports/prepared-query.ts";
import type { Services } from "../services.ts";

/**
 * The one place that decides who may do what. Every resolver and route reaches a project, a run and what hangs on it
 * through here; nothing is found by a bare id.
 *
 * read: see it. write: log to it, edit it. admin: change visibility, delete the project.
 */
export type Need = "read" | "write" | "admin";

export interface EntityRef {
  id: number;
  name: string;
  kind: "user" | "team";
}
export interface ProjectRef {
  id: number;
  name: string;
  entityId: number;
  entityName: string;
  access: string;
}
export interface RunRef {
  id: number;
  /** Public id. */
  name: string;
  state: RunState;
  /** Someone asked its client to stop. */
  stopRequested: boolean;
  /** The last sign of life that was written down; a fresh one is not written again with every request. */
  heartbeatAtMs: number;
  project: ProjectRef;
}

type Level = 0 | 1 | 2 | 3;
const LEVEL: Record<Need, Level> = { read: 1, write: 2, admin: 3 };
const ROLE_LEVEL: Record<"viewer" | "member" | "admin", Level> = { viewer: 1, member: 2, admin: 3 };

/** Throws 401 when nobody is signed in. */
export function requireViewer(viewer: Viewer | undefined): Viewer {
  if (viewer) return viewer;
  throw new SteelyardError(
    "not-authenticated",
    "API key is missing or not known to this server; create one at /authorize and set WANDB_API_KEY",
  );
}

/** Throws 403 unless the viewer administers this server. */
export function requireAdmin(viewer: Viewer | undefined): Viewer {
  const known = requireViewer(viewer);
  if (known.admin) return known;
  throw new SteelyardError("forbidden", "this needs the key of an administrator of this server");
}

const memberRow = prepare((db, value: Values<{ entity: number; user: number }>) =>
  db
    .selectFrom("members")
    .select("role")
    .where("entity_id", "=", value("entity"))
    .where("user_id", "=", value("user")),
);

async function entityLevel(services: Services, viewer: Viewer | undefined, entityId: number): Promise<Level> {
  if (!viewer) return 0;
  if (viewer.admin || viewer.entityId === entityId) return 3;
  if (viewer.guestOf?.entityId === entityId) return 1;
  const [member] = await memberRow(services.catalog.db, { entity: entityId, user: viewer.userId });
  return member ? ROLE_LEVEL[member.role] : 0;
}

function projectLevel(level: Level, viewer: Viewer | undefined, access: string): Level {
  if (access === "USER_READ" && level < 1) return 1;
  if (access === "USER_WRITE" && level < 2) return viewer && viewer.kind !== "anonymous" ? 2 : 1;
  return level;
}

/** Undefined when unknown or not visible to the viewer; throws 403 when visible but `need` is more than they may. */
export async function findEntity(
  services: Services,
  viewer: Viewer | undefined,
  name: string,
  need: Need,
): Promise<EntityRef | undefined> {
  const entity = await services.catalog.db
    .selectFrom("entities")
    .select(["id", "name", "kind"])
    .where("name", "=", name)
    .executeTakeFirst();
  if (!entity) return undefined;
  const level = await entityLevel(services, viewer, entity.id);
  if (level === 0) return undefined;
  if (level < LEVEL[need]) throw denied(need, `entity ${entity.name}`);
  return entity;
}

interface FindProject {
  /**
   * Which projects a name means. `now`: the one that has it. `before`: one that had it. Both by default, the one that
   * has it first: a client whose project was renamed under it goes on, and old links still lead somewhere.
   */
  named?: "now" | "before";
}

const projectColumns = (db: CatalogReader) =>
  db
    .selectFrom("projects")
    .innerJoin("entities", "entities.id", "projects.entity_id")
    .select([
      "projects.id",
      "projects.name",
      "entities.id as entityId",
      "entities.name as entityName",
      "projects.access",
    ])
    .where("projects.deleted_at", "is", null);
const projectRow = prepare((db, value: Values<{ owner: string; name: string }>) =>
  projectColumns(db).where("entities.name", "=", value("owner")).where("projects.name", "=", value("name")),
);
const formerProjectRow = prepare((db, value: Values<{ owner: string; name: string }>) =>
  projectColumns(db)
    .innerJoin("former_project_names as former", "former.project_id", "projects.id")
    .innerJoin("entities as owner", "owner.id", "former.entity_id")
    .where("owner.name", "=", value("owner"))
    .where("former.name", "=", value("name")),
);
/** With the run of that name, where there is one. */
const placeRow = prepare((db, value: Values<{ owner: string; name: string; run: string }>) =>
  withRun(projectColumns(db), value("run"))
    .where("entities.name", "=", value("owner"))
    .where("projects.name", "=", value("name")),
);
const formerPlaceRow = prepare((db, value: Values<{ owner: string; name: string; run: string }>) =>
  withRun(projectColumns(db), value("run"))
    .innerJoin("former_project_names as former", "former.project_id", "projects.id")
    .innerJoin("entities as owner", "owner.id", "former.entity_id")
    .where("owner.name", "=", value("owner"))
    .where("former.name", "=", value("name")),
);
const withRun = (projects: ReturnType<typeof projectColumns>, run: string) =>
  projects
    .leftJoin("runs", (join) => join.onRef("runs.project_id", "=", "projects.id").on("runs.name", "=", run))
    .select([
      "runs.id as runId",
      "runs.name as runName",
      "runs.state",
      "runs.stop_requested",
      "runs.heartbeat_at",
      "runs.deleted_at",
    ]);

/** As `findEntity`, for a project. `entityName` absent or empty = the viewer's own entity. Deleted projects are unknown. */
export async function findProject(
  services: Services,
  viewer: Viewer | undefined,
  entityName: string | null | undefined,
  projectName: string,
  need: Need,
  { named }: FindProject = {},
): Promise<ProjectRef | undefined> {
  const owner = entityName || viewer?.username;
  if (!owner) return undefined;
  const { db } = services.catalog;
  const wanted = { owner, name: projectName };
  let [row] = named === "before" ? [] : await projectRow(db, wanted);
  if (!row && named !== "now") [row] = await formerProjectRow(db, wanted);
  return row && visibleProject(services, viewer, row, need);
}

async function visibleProject(
  services: Services,
  viewer: Viewer | undefined,
  { id, name, entityId, entityName, access }: ProjectRef,
  need: Need,
): Promise<ProjectRef | undefined> {
  const level = projectLevel(await entityLevel(services, viewer, entityId), viewer, access);
  if (level === 0) return undefined;
  if (level < LEVEL[need]) throw denied(need, `project ${entityName}/${name}`);
  return { id, name, entityId, entityName, access };
}

/** As `findProject`, by the project's number (from a global id). */
export async function findProjectById(
  services: Services,
  viewer: Viewer | undefined,
  id: number,
  need: Need,
): Promise<ProjectRef | undefined> {
  const row = await services.catalog.db
    .selectFrom("projects")
    .innerJoin("entities", "entities.id", "projects.entity_id")
    .select(["projects.name", "entities.name as entityName"])
    .where("projects.id", "=", id)
    .executeTakeFirst();
  return row && findProject(services, viewer, row.entityName, row.name, need);
}

/** What of a page is for others: a refusal is the answer here, not a failure. */
export async function mayNot(
  services: Services,
  viewer: Viewer | undefined,
  project: ProjectRef,
  need: Need,
): Promise<boolean> {
  return findProject(services, viewer, project.entityName, project.name, need).then(
    (found) => found === undefined,
    () => true,
  );
}

/** As `findProject`, for a run by its public id. Deleted runs are unknown unless `deleted: "too"`. */
export async function findRun(...asked: Parameters<typeof findRunOrPlace>): Promise<RunRef | undefined> {
  return (await findRunOrPlace(...asked)).run;
}

/** As `findRun`; where there is no such run, the project that has the name now, for who is to make it there. */
export async function findRunOrPlace(
  services: Services,
  viewer: Viewer | undefined,
  entityName: string | null | undefined,
  projectName: string,
  runName: string,
  need: Need,
  options: { deleted?: "too" } = {},
): Promise<{ run?: RunRef; project?: ProjectRef }> {
  const owner = entityName || viewer?.username;
  const { db } = services.catalog;
  let place: ProjectRef | undefined;
  for (const places of owner ? [placeRow, formerPlaceRow] : []) {
    const [row] = await places(db, { owner: owner ?? "", name: projectName, run: runName });
    const project = row && (await visibleProject(services, viewer, row, need));
    const run = project && runOf(row, project);
    if (run && (row.deleted_at === null || options.deleted === "too")) return { run, project };
    if (places === placeRow) place = project;
  }
  if (viewer?.kind !== "anonymous" || need === "admin") return { project: place };
  const run = await claimedRun(db, viewer.userId, projectName, runName, services.now());
  return run ? { run, project: run.project } : { project: place };
}

type PlaceRow = Awaited<ReturnType<typeof placeRow>>[number];

function runOf(row: PlaceRow, project: ProjectRef): RunRef | undefined {
  const { runId, runName, state, stop_requested, heartbeat_at } = row;
  if (runId === null || runName === null || state === null || heartbeat_at === null) return undefined;
  return {
    id: runId,
    name: runName,
    state,
    stopRequested: stop_requested === 1,
    heartbeatAtMs: heartbeat_at,
    project,
  };
}

/**
 * As `findRun`, for reading: where no run has the id, the one whose id is that with dashes, as variables and file names
 * have it. Never for what writes: it would mix the data of two runs.
 */
export async function readableRun(
  services: Services,
  viewer: Viewer | undefined,
  entityName: string | null | undefined,
  projectName: string,
  runName: string,
  options: { deleted?: "too" } = {},
): Promise<RunRef | undefined> {
  const found = await findRun(services, viewer, entityName, projectName, runName, "read", options);
  const { value: dashed } = dashedRunId(runName);
  if (found || dashed === runName) return found;
  return findRun(services, viewer, entityName, projectName, dashed, "read", options);
}

/** As `findRun`, by the run's number (from a global id). */
export async function findRunById(
  services: Services,
  viewer: Viewer | undefined,
  id: number,
  need: Need,
  options: { deleted?: "too" } = {},
): Promise<RunRef | undefined> {
  const row = await services.catalog.db
    .selectFrom("runs")
    .select(["project_id", "name"])
    .where("id", "=", id)
    .executeTakeFirst();
  const project = row && (await findProjectById(services, viewer, row.project_id, need));
  return (
    row && project && findRun(services, viewer, project.entityName, project.name, row.name, need, options)
  );
}

function denied(need: Need, what: string): SteelyardError {
  return new SteelyardError(
    "forbidden",
    `you may not ${need === "admin" ? "administer" : need} ${what}; ask one of its admins`,
  );
}
