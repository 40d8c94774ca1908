import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Selectable } from "kysely";
import { SteelyardError } from "../errors.ts";
import { checkFileName } from "../files/file-name.ts";
import type { ArtifactFilesTable, CatalogReader, CatalogTransaction } from "../ports/catalog.ts";
import type { Services } from "../services.ts";
import type { Artifact } from "./artifact.ts";

export type ArtifactFileRow = Selectable<ArtifactFilesTable>;

/** Doors of signed addresses: each says what it is for, so that an upload cannot read nor a file's address a manifest. */
export const FILE_UPLOAD_DOOR = "artifact";
export const FILE_DOOR = "artifact-file";
export const MANIFEST_UPLOAD_DOOR = "manifest";
export const MANIFEST_DOOR = "manifest-file";

const MAX_FILE_BYTES = 5 * 2 ** 40;
export const MAX_MANIFEST_BYTES = 256 * 2 ** 20;

/**
 * The row of a file that is about to come. Content that this project has already under the same MD5 is taken from there
 * and need not be sent; other projects are not looked at, for an MD5 proves nothing.
 */
export async function reserveArtifactFile(
  tx: CatalogTransaction,
  artifact: Artifact,
  name: string,
  md5: string,
  nowMs: number,
): Promise<ArtifactFileRow> {
  checkFileName(name);
  if (artifact.row.state !== "PENDING")
    throw new SteelyardError("conflict", "this artifact is committed; log a new version of it");
  const known = await tx
    .selectFrom("artifact_files")
    .selectAll()
    .where("artifact_id", "=", artifact.row.id)
    .where("name", "=", name)
    .executeTakeFirst();
  if (known && known.md5 === md5 && known.blob_key !== null) return known;
  const twin = await findContent(tx, artifact.collection.project.id, md5);
  const content = {
    md5,
    size_bytes: twin?.size_bytes ?? 0,
    blob_key: twin?.blob_key ?? null,
    birth_artifact_id: twin ? (twin.birth_artifact_id ?? twin.artifact_id) : artifact.row.id,
    uploaded_at: twin ? nowMs : null,
    ref: null,
  };
  return tx
    .insertInto("artifact_files")
    .values({ ...content, artifact_id: artifact.row.id, name, storage_path: null, created_at: nowMs })
    .onConflict((conflict) => conflict.columns(["artifact_id", "name"]).doUpdateSet(content))
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Content of this MD5 (base64) anywhere in the project. */
export async function findContent(
  db: CatalogReader | CatalogTransaction,
  projectId: number,
  md5: string,
): Promise<ArtifactFileRow | undefined> {
  return db
    .selectFrom("artifact_files")
    .innerJoin("artifacts", "artifacts.id", "artifact_files.artifact_id")
    .innerJoin("artifact_collections", "artifact_collections.id", "artifacts.collection_id")
    .selectAll("artifact_files")
    .where("artifact_files.md5", "=", md5)
    .where("artifact_files.blob_key", "is not", null)
    .where("artifact_collections.project_id", "=", projectId)
    .executeTakeFirst();
}

/** Take the body of an upload; what does not have the MD5 that was announced is refused and not kept. */
export async function putArtifactFile(services: Services, fileId: number, content: Readable): Promise<void> {
  const file = await services.catalog.db
    .selectFrom("artifact_files")
    .selectAll()
    .where("id", "=", fileId)
    .executeTakeFirst();
  if (!file) throw new SteelyardError("not-found", "the artifact of this file is gone; log it again");
  const key = `artifacts/${file.id.toString(36)}/${randomBytes(9).toString("hex")}`;
  const { sizeBytes, md5 } = await services.blobs.put(key, content, { maxBytes: MAX_FILE_BYTES });
  if (md5 !== file.md5) {
    await services.blobs.delete(key);
    throw new SteelyardError(
      "bad-request",
      `the content of ${file.name} has not the MD5 it was announced with; it changed while it was uploaded: log it again`,
    );
  }
  const { numUpdatedRows } = await services.catalog.write((tx) =>
    tx
      .updateTable("artifact_files")
      .set({ blob_key: key, size_bytes: sizeBytes, uploaded_at: services.now() })
      .where("id", "=", file.id)
      .where("md5", "=", md5)
      .where("blob_key", "is", null)
      .executeTakeFirst(),
  );
  // Sent twice, or no longer wanted: the first content stays.
  if (numUpdatedRows === 0n) await services.blobs.delete(key);
}

export async function putManifestFile(
  services: Services,
  manifestId: number,
  content: Readable,
): Promise<void> {
  const manifest = await services.catalog.db
    .selectFrom("artifact_manifests")
    .select(["artifact_manifests.id", "artifact_manifests.digest"])
    .where("artifact_manifests.id", "=", manifestId)
    .executeTakeFirst();
  if (!manifest) throw new SteelyardError("not-found", "the artifact of this manifest is gone; log it again");
  const key = `artifacts/manifests/${manifest.id.toString(36)}/${randomBytes(9).toString("hex")}`;
  const { md5 } = await services.blobs.put(key, content, { maxBytes: MAX_MANIFEST_BYTES });
  if (md5 !== manifest.digest) {
    await services.blobs.delete(key);
    throw new SteelyardError(
      "bad-request",
      "the manifest has not the MD5 it was announced with; log the artifact again",
    );
  }
  const { numUpdatedRows } = await services.catalog.write((tx) =>
    tx
      .updateTable("artifact_manifests")
      .set({ blob_key: key })
      .where("id", "=", manifest.id)
      .where("digest", "=", md5)
      .where("blob_key", "is", null)
      .executeTakeFirst(),
  );
  // Sent twice, or the manifest was announced anew meanwhile: what is there stays.
  if (numUpdatedRows === 0n) await services.blobs.delete(key);
}

/** By name in the order they were made; `limit + 1` rows, so that the caller knows whether there are more. */
export async function listArtifactFiles(
  db: CatalogReader,
  artifactId: number,
  question: { names?: readonly string[] | null; afterId?: number; limit: number },
): Promise<ArtifactFileRow[]> {
  let ask = db.selectFrom("artifact_files").selectAll().where("artifact_id", "=", artifactId);
  if (question.names) ask = ask.where("name", "in", question.names.slice(0, 1000));
  if (question.afterId !== undefined) ask = ask.where("id", ">", question.afterId);
  return ask
    .orderBy("id")
    .limit(question.limit + 1)
    .execute();
}

/** Of all artifacts of an entity; content that several versions share counts once, as it is stored. */
export async function artifactBytes(db: CatalogReader, entityId: number): Promise<number> {
  const { bytes } = await db
    .selectFrom((from) =>
      from
        .selectFrom("artifact_files")
        .innerJoin("artifacts", "artifacts.id", "artifact_files.artifact_id")
        .innerJoin("artifact_collections", "artifact_collections.id", "artifacts.collection_id")
        .innerJoin("projects", "projects.id", "artifact_collections.project_id")
        .select(["artifact_files.blob_key", "artifact_files.size_bytes"])
        .distinct()
        .where("projects.entity_id", "=", entityId)
        .where("artifact_files.blob_key", "is not", null)
        .as("content"),
    )
    .select((select) => select.fn.sum<number | null>("content.size_bytes").as("bytes"))
    .executeTakeFirstOrThrow();
  return bytes ?? 0;
}

/** Remove what no row points to any more. Called after the rows are gone, outside the transaction. */
export async function dropBlobs(services: Services, keys: readonly string[]): Promise<void> {
  for (const key of new Set(keys)) {
    const used = await services.catalog.db
      .selectFrom("artifact_files")
      .select("id")
      .where("blob_key", "=", key)
      .executeTakeFirst();
    if (used) continue;
    await services.blobs
      .delete(key)
      .catch((error) => services.log.warn({ err: error, key }, "a blob nobody uses could not be removed"));
  }
}
