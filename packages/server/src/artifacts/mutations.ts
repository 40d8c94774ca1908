import { SteelyardError } from "../errors.ts";
import { parseGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver } from "../http/resolvers.ts";
import { findRun, type RunRef, requireViewer } from "../projects/access.ts";
import {
  type Artifact,
  artifactId,
  checkArtifactName,
  findCollection,
  requireArtifact,
  requireProject,
} from "./artifact.ts";
import { type ArtifactFileRow, dropBlobs, reserveArtifactFile } from "./artifact-files.ts";
import { addTags, createArtifact, ensureType, putManifest, setAliases } from "./artifact-store.ts";
import { commitArtifact } from "./commit.ts";
import { deleteVersion } from "./deletion.ts";
import { answerFile } from "./file-answer.ts";

/** Most files announced in one request; clients ask for 2,000 at most. */
const MAX_FILES = 10_000;

interface RunNames {
  entityName: string;
  projectName: string;
  runName?: string | null;
}

async function runOf(input: RunNames, { services, viewer }: GraphqlContext): Promise<RunRef | undefined> {
  if (!input.runName) return undefined;
  const run = await findRun(services, viewer, input.entityName, input.projectName, input.runName, "write");
  if (run) return run;
  throw new SteelyardError(
    "not-found",
    `there is no run ${input.entityName}/${input.projectName}/${input.runName}`,
  );
}

async function reread(artifact: Artifact, { services }: GraphqlContext): Promise<Artifact> {
  const row = await services.catalog.db
    .selectFrom("artifacts")
    .selectAll()
    .where("id", "=", artifact.row.id)
    .executeTakeFirstOrThrow();
  return { ...artifact, row };
}

interface CreateInput extends RunNames {
  artifactTypeName: string;
  artifactCollectionName?: string | null;
  artifactCollectionNames?: string[] | null;
  digest: string;
  description?: string | null;
  aliases?: { alias: string }[] | null;
  tags?: { tagName: string }[] | null;
  metadata?: string | null;
  ttlDurationSeconds?: number | null;
  historyStep?: number | null;
  distributedID?: string | null;
  clientID?: string | null;
  sequenceClientID?: string | null;
  enableDigestDeduplication?: boolean | null;
}

const create: Resolver = async (_source, { input }: { input: CreateInput }, context) => {
  const { services } = context;
  const { userId } = requireViewer(context.viewer);
  const project = await requireProject(
    services,
    context.viewer,
    input.entityName,
    input.projectName,
    "write",
  );
  const run = await runOf(input, context);
  const name = input.artifactCollectionName ?? input.artifactCollectionNames?.[0];
  if (!name) throw new SteelyardError("bad-request", "the artifact has no name");
  const artifact = await services.catalog.write((tx) =>
    createArtifact(
      tx,
      project,
      {
        type: input.artifactTypeName,
        name,
        digest: input.digest.slice(0, 200),
        description: input.description ?? null,
        metadata: input.metadata ?? null,
        aliases: (input.aliases ?? []).map(({ alias }) => alias),
        tags: (input.tags ?? []).map(({ tagName }) => tagName),
        historyStep: input.historyStep ?? null,
        ttlSeconds: input.ttlDurationSeconds ?? null,
        distributedId: input.distributedID || null,
        clientId: input.clientID || null,
        sequenceClientId: input.sequenceClientID || null,
        deduplicate: input.enableDigestDeduplication ?? false,
        runId: run?.id ?? null,
        userId,
      },
      services.now(),
    ),
  );
  return { artifact };
};

interface ManifestInput {
  artifactID: string;
  baseArtifactID?: string | null;
  name: string;
  digest: string;
  type?: string | null;
}

const createManifest: Resolver = async (_source, { input }: { input: ManifestInput }, context) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "write");
  const { name, digest, type, baseArtifactID } = input;
  const wanted = {
    name,
    digest: digest.slice(0, 200),
    type: type ?? "FULL",
    baseArtifactId: baseArtifactID ? parseGlobalId("Artifact", baseArtifactID) : null,
  };
  const id = await services.catalog.write((tx) => putManifest(tx, artifact.row, wanted, services.now()));
  return { artifactManifest: { id, ...wanted, artifact } };
};

const updateManifest: Resolver = async (
  _source,
  {
    input,
  }: { input: { artifactManifestID: string; digest?: string | null; baseArtifactID?: string | null } },
  context,
) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const id = parseGlobalId("ArtifactManifest", input.artifactManifestID);
  const { db } = services.catalog;
  const known = await db.selectFrom("artifact_manifests").selectAll().where("id", "=", id).executeTakeFirst();
  if (!known)
    throw new SteelyardError("not-found", "this artifact's manifest is gone; log the artifact again");
  const artifact = await requireArtifact(services, viewer, artifactId(known.artifact_id), "write");
  if (artifact.row.state !== "PENDING")
    throw new SteelyardError("conflict", "this artifact is committed; log a new version of it");
  const digest = input.digest?.slice(0, 200) ?? known.digest;
  const base_artifact_id = input.baseArtifactID
    ? parseGlobalId("Artifact", input.baseArtifactID)
    : known.base_artifact_id;
  const blob_key = digest === known.digest ? known.blob_key : null;
  const manifest = await services.catalog.write((tx) =>
    tx
      .updateTable("artifact_manifests")
      .set({ digest, base_artifact_id, blob_key })
      .where("id", "=", id)
      .returning(["id", "name", "digest", "type"])
      .executeTakeFirstOrThrow(),
  );
  return { artifactManifest: { ...manifest, artifact } };
};

/** One edge per input, in its order: the client matches them by position. */
const createFiles: Resolver = async (
  _source,
  { input }: { input: { artifactFiles: { artifactID: string; name: string; md5: string }[] } },
  context,
) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const { artifactFiles } = input;
  if (artifactFiles.length > MAX_FILES)
    throw new SteelyardError("bad-request", `at most ${MAX_FILES} files at once`);
  const artifacts = new Map<string, Artifact>();
  for (const { artifactID } of artifactFiles) {
    if (!artifacts.has(artifactID))
      artifacts.set(artifactID, await requireArtifact(services, viewer, artifactID, "write"));
  }
  const made = await services.catalog.write(async (tx) => {
    const reserved: { file: ArtifactFileRow; artifact: Artifact }[] = [];
    for (const { artifactID, name, md5 } of artifactFiles) {
      const artifact = artifacts.get(artifactID);
      if (!artifact) continue;
      const file = await reserveArtifactFile(tx, artifact, name, md5, services.now());
      reserved.push({ file, artifact });
    }
    return reserved;
  });
  return {
    files: {
      edges: made.map(({ file, artifact }) => ({ node: answerFile(file, artifact, context), cursor: "" })),
      pageInfo: { hasNextPage: false, endCursor: null },
      uploadHeaders: [],
      totalCount: made.length,
    },
  };
};

const commit: Resolver = async (_source, { input }: { input: { artifactID: string } }, context) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "write");
  return { artifact: await commitArtifact(services, viewer, artifact) };
};

const use: Resolver = async (
  _source,
  { input }: { input: RunNames & { artifactID: string; usedAs?: string | null } },
  context,
) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "read");
  const run = await runOf(input, context);
  if (!run) throw new SteelyardError("bad-request", "an artifact is used by a run; name it in runName");
  const used = {
    artifact_id: artifact.row.id,
    run_id: run.id,
    used_as: input.usedAs ?? null,
    created_at: services.now(),
  };
  await services.catalog.write((tx) =>
    tx
      .insertInto("artifact_uses")
      .values(used)
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
  return { artifact };
};

interface UpdateInput {
  artifactID: string;
  description?: string | null;
  metadata?: string | null;
  ttlDurationSeconds?: number | null;
  aliases?: { alias: string }[] | null;
  tagsToAdd?: { tagName: string }[] | null;
  tagsToDelete?: { tagName: string }[] | null;
}

/** Null and absent leave a field alone; a list of aliases is the version's whole list. */
const update: Resolver = async (_source, { input }: { input: UpdateInput }, context) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "write");
  const { id, collection_id } = artifact.row;
  await services.catalog.write(async (tx) => {
    await tx
      .updateTable("artifacts")
      .set({
        updated_at: services.now(),
        ...(input.description == null ? {} : { description: input.description }),
        ...(input.metadata == null ? {} : { metadata: input.metadata }),
        ...(input.ttlDurationSeconds == null ? {} : { ttl_seconds: input.ttlDurationSeconds }),
      })
      .where("id", "=", id)
      .execute();
    if (input.aliases && artifact.row.state === "COMMITTED") {
      await tx
        .deleteFrom("artifact_aliases")
        .where("collection_id", "=", collection_id)
        .where("artifact_id", "=", id)
        .execute();
      await setAliases(
        tx,
        artifact.row,
        input.aliases.map(({ alias }) => alias),
      );
    }
    await addTags(
      tx,
      id,
      (input.tagsToAdd ?? []).map(({ tagName }) => tagName),
    );
    for (const { tagName } of input.tagsToDelete ?? []) {
      await tx.deleteFrom("artifact_tags").where("artifact_id", "=", id).where("tag", "=", tagName).execute();
    }
  });
  return { artifact: await reread(artifact, context) };
};

/** Refused while the version has aliases, unless they go with it. The content goes when no other version has it. */
const remove: Resolver = async (
  _source,
  { input }: { input: { artifactID: string; deleteAliases?: boolean | null } },
  context,
) => {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "write");
  const dropped = await services.catalog.write(async (tx) => {
    const aliases = tx
      .selectFrom("artifact_aliases")
      .select("alias")
      .where("artifact_id", "=", artifact.row.id);
    const alias = await aliases.executeTakeFirst();
    if (alias && !input.deleteAliases)
      throw new SteelyardError(
        "conflict",
        `this version still has the alias "${alias.alias}"; delete its aliases with it (delete_aliases=True)`,
      );
    return deleteVersion(tx, artifact.row.id, services.now());
  });
  await dropBlobs(services, dropped);
  return { artifact: await reread(artifact, context) };
};

interface AliasesInput {
  artifactID: string;
  aliases: {
    entityName?: string | null;
    projectName?: string | null;
    artifactCollectionName: string;
    alias: string;
  }[];
}

/** Aliases are of the version's own collection; the names in the input must say so. */
async function aliasesOf(input: AliasesInput, context: GraphqlContext) {
  const { services, viewer } = context;
  requireViewer(viewer);
  const artifact = await requireArtifact(services, viewer, input.artifactID, "write");
  for (const { artifactCollectionName } of input.aliases) {
    const named = await findCollection(
      services.catalog.db,
      artifact.collection.project,
      artifactCollectionName,
    );
    if (named?.row.id !== artifact.row.collection_id)
      throw new SteelyardError(
        "not-found",
        `this artifact is not in the collection ${artifactCollectionName}`,
      );
  }
  return { artifact, names: input.aliases.map(({ alias }) => checkArtifactName("alias", alias)) };
}

const addAliases: Resolver = async (_source, { input }: { input: AliasesInput }, context) => {
  const { artifact, names } = await aliasesOf(input, context);
  if (artifact.row.state !== "COMMITTED")
    throw new SteelyardError("conflict", "this artifact is not committed yet; wait for it, then name it");
  await context.services.catalog.write((tx) => setAliases(tx, artifact.row, names));
  return { success: true };
};

const deleteAliases: Resolver = async (_source, { input }: { input: AliasesInput }, context) => {
  const { artifact, names } = await aliasesOf(input, context);
  await context.services.catalog.db
    .deleteFrom("artifact_aliases")
    .where("collection_id", "=", artifact.row.collection_id)
    .where("artifact_id", "=", artifact.row.id)
    .where("alias", "in", names)
    .execute();
  return { success: true };
};

export const artifactMutations: Record<string, Resolver> = {
  createArtifactType: async (
    _source,
    { input }: { input: RunNames & { name: string; description?: string | null } },
    { services, viewer },
  ) => {
    requireViewer(viewer);
    const project = await requireProject(services, viewer, input.entityName, input.projectName, "write");
    const row = await services.catalog.write((tx) =>
      ensureType(tx, project, input.name, input.description ?? null, services.now()),
    );
    return { artifactType: { row, project } };
  },
  createArtifact: create,
  createArtifactManifest: createManifest,
  updateArtifactManifest: updateManifest,
  createArtifactFiles: createFiles,
  completeMultipartUploadArtifact: () => {
    throw new SteelyardError(
      "bad-request",
      "this server hands out no upload in parts; send the whole file to its upload address",
    );
  },
  commitArtifact: commit,
  useArtifact: use,
  updateArtifact: update,
  deleteArtifact: remove,
  addAliases,
  deleteAliases,
};
