import type { Selectable } from "kysely";
import { SteelyardError } from "../errors.ts";
import { globalId, parseGlobalId } from "../http/global-id.ts";
import type { Viewer } from "../http/viewer.ts";
import type {
  ArtifactCollectionsTable,
  ArtifactsTable,
  ArtifactTypesTable,
  CatalogReader,
  CatalogTransaction,
} from "../ports/catalog.ts";
import { findProject, findProjectById, type Need, type ProjectRef } from "../projects/access.ts";
import type { Services } from "../services.ts";

export type TypeRow = Selectable<ArtifactTypesTable>;
export type CollectionRow = Selectable<ArtifactCollectionsTable>;
export type ArtifactRow = Selectable<ArtifactsTable>;

/** A collection behind the door of its project. */
export interface Collection {
  row: CollectionRow;
  project: ProjectRef;
}
/** One version, committed or not, with the collection it was logged into. */
export interface Artifact {
  row: ArtifactRow;
  collection: Collection;
}

export const artifactId = (id: number) => globalId("Artifact", id);

/** Undefined when unknown or not visible. A version that gave way to one of the same content is found as that one. */
export async function findArtifact(
  services: Services,
  viewer: Viewer | undefined,
  id: number,
  need: Need,
): Promise<Artifact | undefined> {
  const { db } = services.catalog;
  const row = await db.selectFrom("artifacts").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) return undefined;
  if (row.replaced_by !== null) return findArtifact(services, viewer, row.replaced_by, need);
  const collection = await findCollectionById(services, viewer, row.collection_id, need);
  return collection && { row, collection };
}

/** As `findArtifact`, from a global id; throws 404 when it is not there to be had. */
export async function requireArtifact(
  services: Services,
  viewer: Viewer | undefined,
  id: string,
  need: Need,
): Promise<Artifact> {
  const artifact = await findArtifact(services, viewer, parseGlobalId("Artifact", id), need);
  if (artifact) return artifact;
  throw new SteelyardError("not-found", `there is no artifact ${id.slice(0, 60)}, or you may not see it`);
}

export async function findCollectionById(
  services: Services,
  viewer: Viewer | undefined,
  id: number,
  need: Need,
): Promise<Collection | undefined> {
  const row = await services.catalog.db
    .selectFrom("artifact_collections")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  const project = row && (await findProjectById(services, viewer, row.project_id, need));
  return row && project && { row, project };
}

export async function findCollection(
  db: CatalogReader | CatalogTransaction,
  project: ProjectRef,
  name: string,
): Promise<Collection | undefined> {
  const row = await db
    .selectFrom("artifact_collections")
    .selectAll()
    .where("project_id", "=", project.id)
    .where("name", "=", name)
    .executeTakeFirst();
  return row && { row, project };
}

/** `name:v3`, `name:alias`, `name:<digest>`, or `name` for the latest; only what is committed is found. */
export async function findVersion(
  db: CatalogReader,
  project: ProjectRef,
  reference: string,
): Promise<Artifact | undefined> {
  const colon = reference.indexOf(":");
  const name = colon < 0 ? reference : reference.slice(0, colon);
  const collection = await findCollection(db, project, name);
  return collection && findInCollection(db, collection, colon < 0 ? "latest" : reference.slice(colon + 1));
}

export async function findInCollection(
  db: CatalogReader,
  collection: Collection,
  alias: string,
): Promise<Artifact | undefined> {
  const of = db
    .selectFrom("artifacts")
    .selectAll("artifacts")
    .where("artifacts.collection_id", "=", collection.row.id)
    .where("state", "=", "COMMITTED");
  const version = /^v(\d{1,9})$/.exec(alias);
  const row = version
    ? await of.where("version_index", "=", Number(version[1])).executeTakeFirst()
    : ((await of
        .innerJoin("artifact_aliases", "artifact_aliases.artifact_id", "artifacts.id")
        .where("artifact_aliases.collection_id", "=", collection.row.id)
        .where("alias", "=", alias)
        .executeTakeFirst()) ??
      (await of.where("digest", "=", alias).orderBy("version_index", "desc").executeTakeFirst()));
  return row && { row, collection };
}

/** The project that a mutation names; throws 404. */
export async function requireProject(
  services: Services,
  viewer: Viewer | undefined,
  entityName: string | null | undefined,
  projectName: string,
  need: Need,
): Promise<ProjectRef> {
  const project = await findProject(services, viewer, entityName, projectName, need);
  if (project) return project;
  throw new SteelyardError(
    "not-found",
    `there is no project ${entityName ?? ""}/${projectName.slice(0, 128)}, or you may not see it`,
  );
}

/** Newest committed version of a collection. */
export async function latestVersion(
  db: CatalogReader | CatalogTransaction,
  collectionId: number,
): Promise<ArtifactRow | undefined> {
  return db
    .selectFrom("artifacts")
    .selectAll()
    .where("collection_id", "=", collectionId)
    .where("state", "=", "COMMITTED")
    .orderBy("version_index", "desc")
    .executeTakeFirst();
}

const MAX_NAME = 128;

/** Collections, types and aliases share one rule: what would break `collection:alias` or an address. */
export function checkArtifactName(what: "name" | "type" | "alias" | "tag", name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  if (name !== "" && name.length <= MAX_NAME && !/[/:\\\u0000-\u001f\u007f]/.test(name)) return name;
  throw new SteelyardError(
    "invalid-name",
    `the artifact ${what} ${JSON.stringify(name.slice(0, 60))} must have 1 to ${MAX_NAME} characters, none of them / : or \\`,
  );
}
