import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { SteelyardError } from "../errors.ts";
import { parseGlobalId } from "../http/global-id.ts";
import type { Viewer } from "../http/viewer.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import type { Services } from "../services.ts";
import { type Artifact, type ArtifactRow, artifactId, findArtifact } from "./artifact.ts";
import { type ArtifactFileRow, dropBlobs } from "./artifact-files.ts";
import { addOutput, addTags, setAliases } from "./artifact-store.ts";
import { dropFiles, dropVersion } from "./deletion.ts";
import { type ManifestEntry, manifestDigest, parseManifest, writeManifest } from "./manifest.ts";

/** Rows written by one statement; SQLite takes 32,766 values in one. */
const ROWS_AT_ONCE = 500;

/**
 * Make a pending version final: its manifest is read, every entry must have its content (or be a reference), and it gets
 * the next number, its aliases and its size in one transaction. What is missing is named and the version stays pending.
 * Committing again changes nothing. Content equal to a version committed meanwhile ends as that version.
 */
export async function commitArtifact(
  services: Services,
  viewer: Viewer | undefined,
  artifact: Artifact,
): Promise<Artifact> {
  if (artifact.row.state === "COMMITTED") return artifact;
  if (artifact.row.state !== "PENDING")
    throw new SteelyardError("conflict", "this artifact was deleted; log it again");
  const read = await readEntries(services, artifact.row);
  const digest = manifestDigest(read.entries);
  if (read.whole && digest !== artifact.row.digest)
    throw new SteelyardError(
      "bad-request",
      "the manifest does not have the digest that this artifact was created with; log it again",
    );
  const files = await filesOf(services, viewer, artifact, read.entries);
  const merged = read.whole ? undefined : await storeMerged(services, artifact, files);

  const dropped: string[] = [];
  const row = await services.catalog.write(async (tx) => {
    const now = await tx
      .selectFrom("artifacts")
      .selectAll()
      .where("id", "=", artifact.row.id)
      .executeTakeFirstOrThrow();
    if (now.state !== "PENDING") return now;
    const aliases = JSON.parse(now.pending_aliases ?? "[]") as string[];
    const twin = await tx
      .selectFrom("artifacts")
      .selectAll()
      .where("collection_id", "=", now.collection_id)
      .where("state", "=", "COMMITTED")
      .where("digest", "=", digest)
      .executeTakeFirst();
    if (twin) {
      dropped.push(...(await giveWay(tx, now, twin)));
      await setAliases(tx, twin, aliases);
      return twin;
    }
    dropped.push(...(await replaceFiles(tx, now.id, files)));
    if (merged !== undefined) await replaceManifest(tx, now.id, merged);
    const { last } = await tx
      .selectFrom("artifacts")
      .select((select) => select.fn.max("version_index").as("last"))
      .where("collection_id", "=", now.collection_id)
      .executeTakeFirstOrThrow();
    const committed = await tx
      .updateTable("artifacts")
      .set({
        state: "COMMITTED",
        digest,
        version_index: (last ?? -1) + 1,
        size_bytes: files.reduce((sum, file) => sum + file.size_bytes, 0),
        file_count: files.length,
        pending_aliases: null,
        committed_at: services.now(),
        updated_at: services.now(),
      })
      .where("id", "=", now.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    await setAliases(tx, committed, aliases);
    return committed;
  });
  await dropBlobs(services, dropped);
  return { row, collection: artifact.collection };
}

/** `whole`: the manifest as sent says everything, so its digest is the version's. */
async function readEntries(
  services: Services,
  artifact: ArtifactRow,
): Promise<{ entries: ManifestEntry[]; whole: boolean }> {
  const manifests = await services.catalog.db
    .selectFrom("artifact_manifests")
    .selectAll()
    .where("artifact_id", "=", artifact.id)
    .where("blob_key", "is not", null)
    .orderBy("id")
    .execute();
  if (manifests.length === 0)
    throw new SteelyardError(
      "bad-request",
      "this artifact's manifest was not uploaded; upload it, then commit",
    );
  const whole = manifests.length === 1 && manifests[0]?.type === "FULL";
  const merged = new Map<string, ManifestEntry>();
  const base = whole
    ? null
    : (manifests.find((one) => one.base_artifact_id !== null)?.base_artifact_id ?? null);
  if (base !== null)
    for (const entry of await entriesOfVersion(services, artifact, base)) merged.set(entry.name, entry);
  for (const { blob_key } of manifests) {
    const content = blob_key === null ? undefined : await services.blobs.get(blob_key);
    if (!content)
      throw new SteelyardError("unavailable", "this artifact's manifest cannot be read now; try again");
    for (const entry of parseManifest(await text(content))) merged.set(entry.name, entry);
  }
  return { entries: [...merged.values()], whole };
}

/** Of a base version, which is one of the same sequence. */
async function entriesOfVersion(
  services: Services,
  artifact: ArtifactRow,
  baseId: number,
): Promise<ManifestEntry[]> {
  const rows = await services.catalog.db
    .selectFrom("artifact_files")
    .innerJoin("artifacts", "artifacts.id", "artifact_files.artifact_id")
    .selectAll("artifact_files")
    .where("artifacts.id", "=", baseId)
    .where("artifacts.collection_id", "=", artifact.collection_id)
    .where("artifacts.state", "=", "COMMITTED")
    .orderBy("artifact_files.id")
    .execute();
  return rows.map(entryOf);
}

function entryOf(file: ArtifactFileRow): ManifestEntry {
  return {
    name: file.name,
    digest: file.md5,
    sizeBytes: file.size_bytes,
    ref: file.ref,
    birthArtifactId: file.ref === null ? artifactId(file.birth_artifact_id ?? file.artifact_id) : null,
  };
}

type NewFile = Omit<ArtifactFileRow, "id">;

/** A row per entry with the content it stands for; throws bad-request naming the first that has none. */
async function filesOf(
  services: Services,
  viewer: Viewer | undefined,
  artifact: Artifact,
  entries: readonly ManifestEntry[],
): Promise<NewFile[]> {
  const { db } = services.catalog;
  const own = new Map<string, ArtifactFileRow>();
  for (const file of await db
    .selectFrom("artifact_files")
    .selectAll()
    .where("artifact_id", "=", artifact.row.id)
    .execute()) {
    own.set(file.name, file);
  }
  const births = new Map<string, Promise<number | undefined>>();
  const files: NewFile[] = [];
  for (const entry of entries) {
    const common = {
      artifact_id: artifact.row.id,
      name: entry.name,
      md5: entry.digest,
      storage_path: null,
      created_at: artifact.row.created_at,
    };
    if (entry.ref !== null) {
      files.push({
        ...common,
        size_bytes: entry.sizeBytes,
        blob_key: null,
        birth_artifact_id: null,
        uploaded_at: null,
        ref: entry.ref,
      });
      continue;
    }
    let content = own.get(entry.name);
    if (content?.md5 !== entry.digest || content.blob_key === null)
      content = await inherited(services, viewer, entry, births);
    if (!content)
      throw new SteelyardError(
        "bad-request",
        `the content of ${entry.name} was not uploaded; upload it, then commit again`,
      );
    files.push({
      ...common,
      size_bytes: content.size_bytes,
      blob_key: content.blob_key,
      birth_artifact_id: content.birth_artifact_id ?? content.artifact_id,
      uploaded_at: content.uploaded_at,
      ref: null,
    });
  }
  return files;
}

/** Content of an earlier version that the entry names as its birth, if the viewer may read that. */
async function inherited(
  services: Services,
  viewer: Viewer | undefined,
  entry: ManifestEntry,
  births: Map<string, Promise<number | undefined>>,
): Promise<ArtifactFileRow | undefined> {
  if (entry.birthArtifactId === null) return undefined;
  let birth = births.get(entry.birthArtifactId);
  if (!birth) {
    birth = findArtifact(services, viewer, parseGlobalId("Artifact", entry.birthArtifactId), "read").then(
      (artifact) => artifact?.row.id,
    );
    births.set(entry.birthArtifactId, birth);
  }
  const birthId = await birth;
  if (birthId === undefined) return undefined;
  return services.catalog.db
    .selectFrom("artifact_files")
    .selectAll()
    .where("md5", "=", entry.digest)
    .where((where) =>
      where.or([where("artifact_id", "=", birthId), where("birth_artifact_id", "=", birthId)]),
    )
    .where("blob_key", "is not", null)
    .executeTakeFirst();
}

/** Where a merged manifest lies, and its MD5 (base64). */
interface Merged {
  key: string;
  md5: string;
}

async function storeMerged(
  services: Services,
  artifact: Artifact,
  files: readonly NewFile[],
): Promise<Merged> {
  const entries = files.map((file) => entryOf({ ...file, id: 0 }));
  const key = `artifacts/manifests/merged/${artifact.row.id.toString(36)}/${randomBytes(9).toString("hex")}`;
  const { md5 } = await services.blobs.put(key, Readable.from([writeManifest(entries)]));
  return { key, md5 };
}

/** The rows of a version as its manifest has them. Returns the blobs that rows were taken away from. */
async function replaceFiles(
  tx: CatalogTransaction,
  artifactId: number,
  files: readonly NewFile[],
): Promise<string[]> {
  const dropped = await dropFiles(tx, artifactId);
  for (let at = 0; at < files.length; at += ROWS_AT_ONCE) {
    await tx
      .insertInto("artifact_files")
      .values(files.slice(at, at + ROWS_AT_ONCE))
      .execute();
  }
  return dropped;
}

/** The merged manifest takes the place of the parts it was made of. */
async function replaceManifest(tx: CatalogTransaction, artifactId: number, merged: Merged): Promise<void> {
  const [first, ...rest] = await tx
    .selectFrom("artifact_manifests")
    .select("id")
    .where("artifact_id", "=", artifactId)
    .orderBy("id")
    .execute();
  if (!first) return;
  for (const { id } of rest) await tx.deleteFrom("artifact_manifests").where("id", "=", id).execute();
  await tx
    .updateTable("artifact_manifests")
    .set({ type: "FULL", name: "wandb_manifest.json", digest: merged.md5, blob_key: merged.key })
    .where("id", "=", first.id)
    .execute();
}

/** `twin` has this content already: what pointed here points there. */
async function giveWay(tx: CatalogTransaction, row: ArtifactRow, twin: ArtifactRow): Promise<string[]> {
  for (const { run_id } of await tx
    .selectFrom("artifact_outputs")
    .select("run_id")
    .where("artifact_id", "=", row.id)
    .execute())
    await addOutput(tx, twin.id, run_id);
  const tags = await tx.selectFrom("artifact_tags").select("tag").where("artifact_id", "=", row.id).execute();
  await addTags(
    tx,
    twin.id,
    tags.map(({ tag }) => tag),
  );
  await tx
    .updateTable("artifact_client_ids")
    .set({ artifact_id: twin.id })
    .where("artifact_id", "=", row.id)
    .execute();
  await tx
    .updateTable("artifacts")
    .set({ state: "DELETED", replaced_by: twin.id, client_id: null })
    .where("id", "=", row.id)
    .execute();
  return dropVersion(tx, row.id);
}
