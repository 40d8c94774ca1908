import type { AnsweredFile } from "../files/graphql.ts";
import { signUrl } from "../files/signed-url.ts";
import { globalId, parseGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver, Resolvers } from "../http/resolvers.ts";
import { findRunById, type ProjectRef, type RunRef } from "../projects/access.ts";
import { loadProject } from "../projects/project.ts";
import { dateTime, loadRun } from "../runs/run.ts";
import {
  type Artifact,
  type ArtifactRow,
  artifactId,
  type Collection,
  type CollectionRow,
  findArtifact,
  findCollection,
  findCollectionById,
  findInCollection,
  findVersion,
  latestVersion,
  type TypeRow,
} from "./artifact.ts";
import { listArtifactFiles, MANIFEST_DOOR, MANIFEST_UPLOAD_DOOR } from "./artifact-files.ts";
import { collectionMutations } from "./collection-mutations.ts";
import { answerFile } from "./file-answer.ts";
import { artifactMutations } from "./mutations.ts";
import { type PageQuestion, pageOf, pageOfList, pageSize, pageStart } from "./pages.ts";
import { matches, orderedBy, parseFilter } from "./version-filter.ts";

/** What the server says it can do once these resolvers are there. */
export const ARTIFACT_FEATURES = [
  "CLIENT_IDS",
  "ARTIFACT_TAGS",
  "LARGE_FILENAMES",
  "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
  "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
  "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
  "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
  "TOTAL_COUNT_IN_FILE_CONNECTION",
  "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
  "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
] as const;

/** Kept for ever, in the client's own number. */
const NO_TTL = -2;

interface TypeModel {
  row: TypeRow;
  project: ProjectRef;
}
/** A version seen through the collection it is in. */
interface Membership {
  artifact: Artifact;
}
interface ManifestModel {
  id: number;
  digest: string;
  type: string;
  name: string;
  artifact: Artifact;
}
interface AliasModel {
  alias: string;
  collection: Collection;
}

const sequence = (collection: Collection) => ({ ...collection, __typename: "ArtifactSequence" });

async function aliasesOf({ row, collection }: Artifact, { services }: GraphqlContext): Promise<AliasModel[]> {
  const rows = await services.catalog.db
    .selectFrom("artifact_aliases")
    .select("alias")
    .where("collection_id", "=", row.collection_id)
    .where("artifact_id", "=", row.id)
    .orderBy("alias")
    .execute();
  // Every client takes the version's number from here, and the oldest insist on exactly one.
  const version = row.version_index === null ? [] : [{ alias: `v${row.version_index}`, collection }];
  return [...rows.map(({ alias }) => ({ alias, collection })), ...version];
}

async function typeOf({ row, project }: Collection, { services }: GraphqlContext): Promise<TypeModel> {
  const type = await services.catalog.db
    .selectFrom("artifact_types")
    .selectAll()
    .where("id", "=", row.type_id)
    .executeTakeFirstOrThrow();
  return { row: type, project };
}

async function filesOf(
  artifact: Artifact,
  question: PageQuestion & { names?: string[] | null },
  context: GraphqlContext,
) {
  const size = pageSize(question);
  const rows = await listArtifactFiles(context.services.catalog.db, artifact.row.id, {
    names: question.names,
    afterId: pageStart(question),
    limit: size,
  });
  return {
    ...pageOf(
      rows,
      size,
      ({ id }) => id,
      (file) => answerFile(file, artifact, context),
    ),
    uploadHeaders: [],
    totalCount: question.names ? rows.length : artifact.row.file_count,
  };
}

async function collectionsOf(
  project: ProjectRef,
  typeId: number | undefined,
  question: PageQuestion & { filters?: string | null; order?: string | null },
  { services }: GraphqlContext,
) {
  let ask = services.catalog.db
    .selectFrom("artifact_collections")
    .selectAll()
    .where("project_id", "=", project.id);
  if (typeId !== undefined) ask = ask.where("type_id", "=", typeId);
  const filter = parseFilter(question.filters);
  const rows = (await ask.orderBy("id", "desc").execute()).filter((row) =>
    matches(filter, collectionFields(row)),
  );
  return pageOfList(orderedBy(rows, question.order, collectionFields), question, (row) =>
    sequence({ row, project }),
  );
}

const collectionOfType: Resolver = async (
  { row, project }: TypeModel,
  { name }: { name: string },
  { services },
) => {
  const collection = await findCollection(services.catalog.db, project, name);
  return collection && collection.row.type_id === row.id ? sequence(collection) : null;
};

const collectionFields = (row: CollectionRow): Record<string, unknown> => ({
  id: row.id,
  name: row.name,
  description: row.description,
  state: "READY",
  createdAt: dateTime(row.created_at),
  updatedAt: dateTime(row.updated_at),
});

async function versionsOf(
  collection: Collection,
  question: { filters?: string | null; order?: string | null },
  { services }: GraphqlContext,
): Promise<Artifact[]> {
  const { db } = services.catalog;
  const rows = await db
    .selectFrom("artifacts")
    .selectAll()
    .where("collection_id", "=", collection.row.id)
    .where("state", "=", "COMMITTED")
    .orderBy("version_index", "desc")
    .execute();
  const aliases = await db
    .selectFrom("artifact_aliases")
    .select(["alias", "artifact_id"])
    .where("collection_id", "=", collection.row.id)
    .execute();
  const fields = (row: ArtifactRow): Record<string, unknown> => ({
    state: row.state,
    digest: row.digest,
    versionIndex: row.version_index,
    size: row.size_bytes,
    description: row.description,
    createdAt: dateTime(row.created_at),
    updatedAt: dateTime(row.updated_at),
    alias: aliases.filter(({ artifact_id }) => artifact_id === row.id).map(({ alias }) => alias),
  });
  const filter = parseFilter(question.filters);
  return orderedBy(
    rows.filter((row) => matches(filter, fields(row))),
    question.order,
    fields,
  ).map((row) => ({ row, collection }));
}

async function artifactsOfRun(
  run: RunRef,
  table: "artifact_outputs" | "artifact_uses",
  question: PageQuestion,
  { services, viewer }: GraphqlContext,
) {
  const rows = await services.catalog.db
    .selectFrom(table)
    .innerJoin("artifacts", "artifacts.id", `${table}.artifact_id`)
    .select("artifacts.id")
    .where(`${table}.run_id`, "=", run.id)
    .where("state", "=", "COMMITTED")
    .orderBy("artifacts.id")
    .execute();
  const seen: Artifact[] = [];
  for (const { id } of rows) {
    const artifact = await findArtifact(services, viewer, id, "read");
    if (artifact) seen.push(artifact);
  }
  return pageOfList(seen, question, (artifact) => artifact);
}

const membershipId = ({ artifact }: Membership) => globalId("ArtifactCollectionMembership", artifact.row.id);

const collectionResolvers: Resolvers[string] = {
  id: ({ row }: Collection) => globalId("ArtifactCollection", row.id),
  name: ({ row }: Collection) => row.name,
  description: ({ row }: Collection) => row.description,
  state: () => "READY",
  createdAt: ({ row }: Collection) => dateTime(row.created_at),
  updatedAt: ({ row }: Collection) => dateTime(row.updated_at),
  project: ({ project }: Collection, _args, { services }) => loadProject(services.catalog.db, project),
  defaultArtifactType: (collection: Collection, _args, context) => typeOf(collection, context),
  tags: () => pageOfList([], {}, (tag) => tag),
  aliases: async (collection: Collection, question: PageQuestion, { services }) => {
    const rows = await services.catalog.db
      .selectFrom("artifact_aliases")
      .select("alias")
      .where("collection_id", "=", collection.row.id)
      .orderBy("alias")
      .execute();
    return pageOfList(rows, question, ({ alias }): AliasModel => ({ alias, collection }));
  },
  artifacts: async (
    collection: Collection,
    question: PageQuestion & { order?: string; filters?: string },
    context,
  ) => {
    const page = pageOfList(
      await versionsOf(collection, question, context),
      question,
      (artifact) => artifact,
    );
    const edges = page.edges.map((edge) => ({ ...edge, version: `v${edge.node.row.version_index}` }));
    return { ...page, edges };
  },
  artifactMembership: async (collection: Collection, { aliasName }: { aliasName: string }, { services }) => {
    const artifact = await findInCollection(services.catalog.db, collection, aliasName);
    return artifact ? { artifact } : null;
  },
  artifactMemberships: async (
    collection: Collection,
    question: PageQuestion & { order?: string; filters?: string },
    context,
  ) =>
    pageOfList(
      await versionsOf(collection, question, context),
      question,
      (artifact): Membership => ({ artifact }),
    ),
};

export const artifactsResolvers: Resolvers = {
  Query: {
    artifact: (_source, { id }: { id: string }, { services, viewer }) =>
      findArtifact(services, viewer, parseGlobalId("Artifact", id), "read"),
    artifactCollection: async (_source, { id }: { id: string }, { services, viewer }) => {
      const number = parseGlobalId("ArtifactCollection", id);
      const collection = await findCollectionById(services, viewer, number, "read");
      return collection ? sequence(collection) : null;
    },
    clientIDMapping: async (_source, { clientID }: { clientID: string }, { services, viewer }) => {
      const known = await services.catalog.db
        .selectFrom("artifact_client_ids")
        .selectAll()
        .where("client_id", "=", clientID)
        .executeTakeFirst();
      if (!known) return null;
      const number =
        known.artifact_id ?? (await latestVersion(services.catalog.db, known.collection_id ?? 0))?.id;
      const artifact =
        number === undefined ? undefined : await findArtifact(services, viewer, number, "read");
      return artifact ? { serverID: artifactId(artifact.row.id) } : null;
    },
  },
  Project: {
    artifact: (project: ProjectRef, { name }: { name: string }, { services }) =>
      findVersion(services.catalog.db, project, name),
    artifactType: async (project: ProjectRef, { name }: { name: string }, { services }) => {
      const row = await services.catalog.db
        .selectFrom("artifact_types")
        .selectAll()
        .where("project_id", "=", project.id)
        .where("name", "=", name)
        .executeTakeFirst();
      return row ? { row, project } : null;
    },
    artifactTypes: async (project: ProjectRef, question: PageQuestion, { services }) => {
      const rows = await services.catalog.db
        .selectFrom("artifact_types")
        .selectAll()
        .where("project_id", "=", project.id)
        .orderBy("name")
        .execute();
      return pageOfList(rows, question, (row): TypeModel => ({ row, project }));
    },
    artifactCollection: async (project: ProjectRef, { name }: { name: string }, { services }) => {
      const collection = await findCollection(services.catalog.db, project, name);
      return collection ? sequence(collection) : null;
    },
    artifactCollections: (project: ProjectRef, question: PageQuestion, context) =>
      collectionsOf(project, undefined, question, context),
    artifactCollectionMembership: async (project: ProjectRef, { name }: { name: string }, { services }) => {
      const artifact = await findVersion(services.catalog.db, project, name);
      return artifact ? { artifact } : null;
    },
  },
  Run: {
    inputArtifacts: (run: RunRef, question: PageQuestion, context) =>
      artifactsOfRun(run, "artifact_uses", question, context),
    outputArtifacts: (run: RunRef, question: PageQuestion, context) =>
      artifactsOfRun(run, "artifact_outputs", question, context),
  },
  ArtifactType: {
    id: ({ row }: TypeModel) => globalId("ArtifactType", row.id),
    name: ({ row }: TypeModel) => row.name,
    description: ({ row }: TypeModel) => row.description,
    createdAt: ({ row }: TypeModel) => dateTime(row.created_at),
    artifactCollection: collectionOfType,
    artifactCollections: ({ row, project }: TypeModel, question: PageQuestion, context) =>
      collectionsOf(project, row.id, question, context),
    artifactSequence: collectionOfType,
    artifactSequences: ({ row, project }: TypeModel, question: PageQuestion, context) =>
      collectionsOf(project, row.id, question, context),
    artifact: async ({ row, project }: TypeModel, { name }: { name: string }, { services }) => {
      const artifact = await findVersion(services.catalog.db, project, name);
      return artifact && artifact.collection.row.type_id === row.id ? artifact : null;
    },
  },
  ArtifactSequence: {
    ...collectionResolvers,
    digestAlgorithm: () => "MANIFEST_MD5",
    latestArtifact: async (collection: Collection, _args, { services }) => {
      const row = await latestVersion(services.catalog.db, collection.row.id);
      return row ? { row, collection } : null;
    },
  },
  ArtifactAlias: {
    id: ({ alias, collection }: AliasModel) =>
      Buffer.from(`ArtifactAlias:${collection.row.id}:${alias}`).toString("base64"),
    artifactCollection: ({ collection }: AliasModel) => sequence(collection),
    artifactCollectionName: ({ collection }: AliasModel) => collection.row.name,
  },
  ArtifactCollectionMembership: {
    id: membershipId,
    versionIndex: ({ artifact }: Membership) => artifact.row.version_index,
    aliases: ({ artifact }: Membership, _args, context) => aliasesOf(artifact, context),
    artifactCollection: ({ artifact }: Membership) => sequence(artifact.collection),
    createdAt: ({ artifact }: Membership) => dateTime(artifact.row.committed_at ?? artifact.row.created_at),
    files: ({ artifact }: Membership, question: PageQuestion, context) =>
      filesOf(artifact, question, context),
  },
  ArtifactManifest: {
    id: ({ id }: ManifestModel) => globalId("ArtifactManifest", id),
    file: ({ id, name, digest }: ManifestModel, _args, { services, baseUrl }): AnsweredFile => ({
      answered: true,
      id: globalId("ArtifactManifestFile", id),
      name,
      displayName: name,
      sizeBytes: 0,
      md5: digest,
      digest,
      mimetype: "application/json",
      uploadHeaders: [],
      url: () => signUrl(services, baseUrl, MANIFEST_DOOR, id, name),
      directUrl: () => signUrl(services, baseUrl, MANIFEST_DOOR, id, name),
      uploadUrl: () => signUrl(services, baseUrl, MANIFEST_UPLOAD_DOOR, id, name),
    }),
  },
  Artifact: {
    id: ({ row }: Artifact) => artifactId(row.id),
    artifactType: ({ collection }: Artifact, _args, context) => typeOf(collection, context),
    artifactSequence: ({ collection }: Artifact) => sequence(collection),
    versionIndex: ({ row }: Artifact) => row.version_index,
    state: ({ row }: Artifact) => row.state,
    digest: ({ row }: Artifact) => row.digest,
    digestAlgorithm: () => "MANIFEST_MD5",
    size: ({ row }: Artifact) => row.size_bytes,
    storageBytes: ({ row }: Artifact) => row.size_bytes,
    fileCount: ({ row }: Artifact) => row.file_count,
    // The client only asks that there is one; digest and number together name a commit.
    commitHash: ({ row }: Artifact) => (row.state === "COMMITTED" ? `${row.digest}-${row.id}` : null),
    description: ({ row }: Artifact) => row.description,
    metadata: ({ row }: Artifact) => row.metadata,
    labels: () => "{}",
    ttlDurationSeconds: ({ row }: Artifact) =>
      row.ttl_seconds !== null && row.ttl_seconds > 0 ? row.ttl_seconds : NO_TTL,
    ttlIsInherited: ({ row }: Artifact) => row.ttl_seconds === null || row.ttl_seconds === -1,
    historyStep: ({ row }: Artifact) => row.history_step,
    createdAt: ({ row }: Artifact) => dateTime(row.created_at),
    updatedAt: ({ row }: Artifact) => dateTime(row.updated_at),
    aliases: (artifact: Artifact, _args, context) => aliasesOf(artifact, context),
    tags: async ({ row }: Artifact, _args, { services }) => {
      const tags = await services.catalog.db
        .selectFrom("artifact_tags")
        .select("tag")
        .where("artifact_id", "=", row.id)
        .orderBy("tag")
        .execute();
      return tags.map(({ tag }) => ({
        id: Buffer.from(`Tag:${row.id}:${tag}`).toString("base64"),
        name: tag,
      }));
    },
    currentManifest: async (artifact: Artifact, _args, { services }) => {
      const manifest = await services.catalog.db
        .selectFrom("artifact_manifests")
        .select(["id", "digest", "type", "name"])
        .where("artifact_id", "=", artifact.row.id)
        .where("blob_key", "is not", null)
        .orderBy("id")
        .executeTakeFirst();
      return manifest && artifact.row.state === "COMMITTED" ? { ...manifest, artifact } : null;
    },
    createdBy: async ({ row }: Artifact, _args, { services, viewer }) => {
      const { db } = services.catalog;
      if (row.created_by_run_id !== null) {
        const run = await findRunById(services, viewer, row.created_by_run_id, "read");
        return run ? { ...(await loadRun(db, run)), __typename: "Run" } : null;
      }
      const user = await db
        .selectFrom("users")
        .selectAll()
        .where("id", "=", row.created_by_user_id)
        .executeTakeFirst();
      return user ? { ...user, __typename: "User" } : null;
    },
    usedBy: async ({ row }: Artifact, question: PageQuestion, { services, viewer }) => {
      const uses = await services.catalog.db
        .selectFrom("artifact_uses")
        .select("run_id")
        .where("artifact_id", "=", row.id)
        .orderBy("run_id")
        .execute();
      const runs: RunRef[] = [];
      for (const { run_id } of uses) {
        const run = await findRunById(services, viewer, run_id, "read");
        if (run) runs.push(run);
      }
      return pageOfList(runs, question, (run) => loadRun(services.catalog.db, run));
    },
    artifactMemberships: (artifact: Artifact, question: PageQuestion) =>
      pageOfList(
        artifact.row.state === "COMMITTED" ? [artifact] : [],
        question,
        (one): Membership => ({ artifact: one }),
      ),
    files: (artifact: Artifact, question: PageQuestion & { names?: string[] }, context) =>
      filesOf(artifact, question, context),
    filesByManifestEntries: (
      artifact: Artifact,
      { entries, ...question }: PageQuestion & { entries?: { name: string }[] },
      context,
    ) => filesOf(artifact, { ...question, names: entries?.map(({ name }) => name) ?? [] }, context),
  },
  Mutation: { ...artifactMutations, ...collectionMutations },
};
