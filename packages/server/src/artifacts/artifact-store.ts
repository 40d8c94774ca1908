import { SteelyardError } from "../errors.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import type { ProjectRef } from "../projects/access.ts";
import {
  type ArtifactRow,
  type Collection,
  checkArtifactName,
  findCollection,
  type TypeRow,
} from "./artifact.ts";

/** Serialized metadata of one version; clients hold it to 100 keys. */
const MAX_METADATA = 4 * 2 ** 20;
const MAX_ALIASES = 100;

export interface NewArtifact {
  type: string;
  name: string;
  digest: string;
  description: string | null;
  metadata: string | null;
  aliases: readonly string[];
  tags: readonly string[];
  historyStep: number | null;
  ttlSeconds: number | null;
  distributedId: string | null;
  clientId: string | null;
  sequenceClientId: string | null;
  /** Give back a committed version of the same content instead of a new one. */
  deduplicate: boolean;
  runId: number | null;
  userId: number;
}

/** Made when missing; a description that is given is kept. */
export async function ensureType(
  tx: CatalogTransaction,
  project: ProjectRef,
  name: string,
  description: string | null,
  nowMs: number,
): Promise<TypeRow> {
  return tx
    .insertInto("artifact_types")
    .values({ project_id: project.id, name: checkArtifactName("type", name), description, created_at: nowMs })
    .onConflict((conflict) =>
      conflict.columns(["project_id", "name"]).doUpdateSet((set) => ({
        description: set.fn.coalesce(set.ref("excluded.description"), set.ref("artifact_types.description")),
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function ensureSequence(
  tx: CatalogTransaction,
  project: ProjectRef,
  wanted: { type: string; name: string },
  nowMs: number,
): Promise<Collection> {
  const type = await ensureType(tx, project, wanted.type, null, nowMs);
  const known = await findCollection(tx, project, checkArtifactName("name", wanted.name));
  if (known) {
    if (known.row.type_id === type.id) return known;
    throw new SteelyardError(
      "conflict",
      `artifact ${wanted.name} has another type in project ${project.entityName}/${project.name}; use that type or another name`,
    );
  }
  const row = await tx
    .insertInto("artifact_collections")
    .values({
      project_id: project.id,
      type_id: type.id,
      name: wanted.name,
      kind: "sequence",
      description: null,
      created_at: nowMs,
      updated_at: nowMs,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { row, project };
}

/**
 * A pending version, or the one this request means already: the same request again (its client id), the version several
 * runs write together, or, when asked, a committed one of the same content, which then takes the aliases at once.
 */
export async function createArtifact(
  tx: CatalogTransaction,
  project: ProjectRef,
  wanted: NewArtifact,
  nowMs: number,
): Promise<{ row: ArtifactRow; collection: Collection }> {
  if ((wanted.metadata?.length ?? 0) > MAX_METADATA)
    throw new SteelyardError("too-large", `an artifact's metadata may have ${MAX_METADATA} characters`);
  if (wanted.aliases.length > MAX_ALIASES)
    throw new SteelyardError("bad-request", `an artifact may have ${MAX_ALIASES} aliases`);
  for (const alias of wanted.aliases) checkArtifactName("alias", alias);
  for (const tag of wanted.tags) checkArtifactName("tag", tag);
  const collection = await ensureSequence(tx, project, wanted, nowMs);
  const known = await knownVersion(tx, collection, wanted);
  const row =
    known ??
    (await tx
      .insertInto("artifacts")
      .values({
        collection_id: collection.row.id,
        version_index: null,
        state: "PENDING",
        digest: wanted.digest,
        client_id: wanted.clientId,
        sequence_client_id: wanted.sequenceClientId,
        description: wanted.description,
        metadata: wanted.metadata,
        size_bytes: 0,
        file_count: 0,
        created_by_run_id: wanted.runId,
        created_by_user_id: wanted.userId,
        pending_aliases: JSON.stringify(wanted.aliases),
        history_step: wanted.historyStep,
        ttl_seconds: wanted.ttlSeconds,
        created_at: nowMs,
        committed_at: null,
        distributed_id: wanted.distributedId,
        replaced_by: null,
        updated_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow());
  if (row.state === "COMMITTED") await setAliases(tx, row, wanted.aliases);
  await addTags(tx, row.id, wanted.tags);
  if (wanted.runId !== null) await addOutput(tx, row.id, wanted.runId);
  await keepClientIds(tx, row, wanted);
  return { row, collection };
}

async function knownVersion(
  tx: CatalogTransaction,
  collection: Collection,
  wanted: NewArtifact,
): Promise<ArtifactRow | undefined> {
  const live = tx
    .selectFrom("artifacts")
    .selectAll("artifacts")
    .where("artifacts.collection_id", "=", collection.row.id)
    .where("state", "!=", "DELETED");
  if (wanted.clientId !== null) {
    const same = await live
      .innerJoin("artifact_client_ids", "artifact_client_ids.artifact_id", "artifacts.id")
      .where("artifact_client_ids.client_id", "=", wanted.clientId)
      .executeTakeFirst();
    if (same) return same;
  }
  if (wanted.distributedId !== null) {
    const shared = await live
      .where("distributed_id", "=", wanted.distributedId)
      .where("state", "=", "PENDING")
      .executeTakeFirst();
    if (shared) return shared;
  }
  if (!wanted.deduplicate) return undefined;
  return live
    .where("state", "=", "COMMITTED")
    .where("digest", "=", wanted.digest)
    .orderBy("version_index", "desc")
    .executeTakeFirst();
}

async function keepClientIds(tx: CatalogTransaction, row: ArtifactRow, wanted: NewArtifact): Promise<void> {
  const ids = [
    { client_id: wanted.clientId, artifact_id: row.id, collection_id: null },
    { client_id: wanted.sequenceClientId, artifact_id: null, collection_id: row.collection_id },
  ];
  for (const { client_id, ...names } of ids) {
    if (client_id === null) continue;
    if (client_id.length > 512) throw new SteelyardError("bad-request", "a client id is longer than 512");
    await tx
      .insertInto("artifact_client_ids")
      .values({ client_id, ...names })
      .onConflict((conflict) => conflict.column("client_id").doNothing())
      .execute();
  }
}

/** Each alias moves to this version; `vN` names are the version's own and cannot be given. */
export async function setAliases(
  tx: CatalogTransaction,
  artifact: { id: number; collection_id: number },
  aliases: readonly string[],
): Promise<void> {
  for (const alias of aliases) {
    if (/^v\d+$/.test(alias)) continue;
    await tx
      .insertInto("artifact_aliases")
      .values({
        collection_id: artifact.collection_id,
        alias: checkArtifactName("alias", alias),
        artifact_id: artifact.id,
      })
      .onConflict((conflict) =>
        conflict.columns(["collection_id", "alias"]).doUpdateSet({ artifact_id: artifact.id }),
      )
      .execute();
  }
}

export async function addTags(
  tx: CatalogTransaction,
  artifactId: number,
  tags: readonly string[],
): Promise<void> {
  for (const tag of tags) {
    await tx
      .insertInto("artifact_tags")
      .values({ artifact_id: artifactId, tag: checkArtifactName("tag", tag) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

export async function addOutput(tx: CatalogTransaction, artifactId: number, runId: number): Promise<void> {
  await tx
    .insertInto("artifact_outputs")
    .values({ artifact_id: artifactId, run_id: runId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** `FULL` and `INCREMENTAL` are one per version and made anew when asked again; of `PATCH` each run has its own. */
export async function putManifest(
  tx: CatalogTransaction,
  artifact: ArtifactRow,
  wanted: { name: string; digest: string; type: string; baseArtifactId: number | null },
  nowMs: number,
): Promise<number> {
  if (artifact.state !== "PENDING")
    throw new SteelyardError("conflict", "this artifact is committed; log a new version of it");
  const values = {
    name: wanted.name.slice(0, 200),
    digest: wanted.digest,
    type: wanted.type,
    base_artifact_id: wanted.baseArtifactId,
  };
  if (wanted.type !== "PATCH") {
    const known = await tx
      .selectFrom("artifact_manifests")
      .select(["id", "digest", "blob_key"])
      .where("artifact_id", "=", artifact.id)
      .where("type", "=", wanted.type)
      .executeTakeFirst();
    if (known) {
      const blob_key = known.digest === wanted.digest ? known.blob_key : null;
      await tx
        .updateTable("artifact_manifests")
        .set({ ...values, blob_key })
        .where("id", "=", known.id)
        .execute();
      return known.id;
    }
  }
  const { id } = await tx
    .insertInto("artifact_manifests")
    .values({ ...values, blob_key: null, artifact_id: artifact.id, created_at: nowMs })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}
