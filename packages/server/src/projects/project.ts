import type { Selectable } from "kysely";
import { SteelyardError } from "../errors.ts";
import type { Viewer } from "../http/viewer.ts";
import type { CatalogReader, CatalogTransaction, ProjectsTable } from "../ports/catalog.ts";
import type { Services } from "../services.ts";
import { findEntity, findProject, type ProjectRef } from "./access.ts";

export type ProjectRow = Selectable<ProjectsTable>;

/** The source of the GraphQL type `Project`: a `ProjectRef` that has its whole row with it. */
export interface ProjectModel extends ProjectRef {
  row: ProjectRow;
}

/** Who may see a project and log to it: its entity; everyone who signed in; everyone to look; everyone to write. */
export const PROJECT_ACCESS = ["PRIVATE", "ENTITY_WRITE", "RESTRICTED", "USER_READ", "USER_WRITE"] as const;
const DEFAULT_ACCESS = "ENTITY_WRITE";
/** Where runs go that name no project; the client's own word for it. */
export const DEFAULT_PROJECT = "uncategorized";

export async function loadProject(
  db: CatalogReader | CatalogTransaction,
  project: ProjectRef,
): Promise<ProjectModel> {
  const row = await db
    .selectFrom("projects")
    .selectAll()
    .where("id", "=", project.id)
    .executeTakeFirstOrThrow();
  return { ...project, row };
}

export function checkAccess(access: string): string {
  const known = PROJECT_ACCESS.find((name) => name === access);
  if (known) return known;
  throw new SteelyardError("bad-request", `access must be one of ${PROJECT_ACCESS.join(", ")}`);
}

/** Throws forbidden when an anonymous account would show what it has to everyone. */
export function checkPrivacy(viewer: Viewer, access: string | null | undefined): void {
  if (viewer.kind !== "anonymous" || access == null || access === DEFAULT_ACCESS || access === "PRIVATE")
    return;
  throw new SteelyardError("forbidden", "anonymous runs are private; claim them to show them to others");
}

export interface ProjectEdit {
  description?: string | null;
  access?: string | null;
  views?: string | null;
  repo?: string | null;
  dockerImage?: string | null;
}

/** What `edit` changes of a row; null and absent leave a column alone. */
export function editedColumns(edit: ProjectEdit): Partial<ProjectRow> {
  const columns: Partial<ProjectRow> = {};
  if (edit.description != null) columns.description = edit.description;
  if (edit.access != null) columns.access = checkAccess(edit.access);
  if (edit.views != null) columns.views = edit.views;
  if (edit.repo != null) columns.repo = edit.repo;
  if (edit.dockerImage != null) columns.docker_image = edit.dockerImage;
  return columns;
}

/** Make a project in an entity the viewer may write to. One that is there already is returned as it is. */
export async function createProject(
  services: Services,
  viewer: Viewer,
  entityName: string,
  name: string,
  edit: ProjectEdit = {},
): Promise<{ project: ProjectRef; inserted: boolean }> {
  const entity = await findEntity(services, viewer, entityName, "write");
  if (!entity) {
    throw new SteelyardError(
      "not-found",
      `entity ${entityName.slice(0, 100)} is unknown, or you may not see it; check WANDB_ENTITY`,
    );
  }
  const now = services.now();
  const made = await services.catalog.db
    .insertInto("projects")
    .values({
      entity_id: entity.id,
      name,
      description: null,
      access: DEFAULT_ACCESS,
      views: null,
      repo: null,
      docker_image: null,
      user_id: viewer.userId,
      created_at: now,
      updated_at: now,
      deleted_at: null,
      ...editedColumns(edit),
    })
    .onConflict((conflict) => conflict.columns(["entity_id", "name"]).doNothing())
    .returning("id")
    .executeTakeFirst();
  const project = await findProject(services, viewer, entity.name, name, "write", { named: "now" });
  if (!project) throw new SteelyardError("conflict", `project ${name} is changing; try again`);
  if (made) services.bus.publish({ kind: "project", project: project.id, name });
  return { project, inserted: made !== undefined };
}

/** The name a deleted project keeps: its own is free again, and no project can be given this one. */
export function deletedName(name: string, id: number): string {
  return `${name}:deleted:${id}`;
}
