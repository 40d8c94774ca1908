import type { CatalogTransaction } from "../ports/catalog.ts";
import type { Services } from "../services.ts";
import { dropBlobs } from "./artifact-files.ts";

/** Rows of the files of a version. Returns the blobs to look at with `dropBlobs`. */
export async function dropFiles(tx: CatalogTransaction, artifactId: number): Promise<string[]> {
  const rows = await tx
    .deleteFrom("artifact_files")
    .where("artifact_id", "=", artifactId)
    .returning("blob_key")
    .execute();
  return rows.flatMap(({ blob_key }) => (blob_key === null ? [] : [blob_key]));
}

/** Files and manifests of a version that goes. Returns the blobs to look at with `dropBlobs`. */
export async function dropVersion(tx: CatalogTransaction, artifactId: number): Promise<string[]> {
  const manifests = await tx
    .deleteFrom("artifact_manifests")
    .where("artifact_id", "=", artifactId)
    .returning("blob_key")
    .execute();
  const keys = manifests.flatMap(({ blob_key }) => (blob_key === null ? [] : [blob_key]));
  return [...keys, ...(await dropFiles(tx, artifactId))];
}

/** The version stays as a tombstone, so that links to it can say so. Returns the blobs to look at with `dropBlobs`. */
export async function deleteVersion(
  tx: CatalogTransaction,
  artifactId: number,
  nowMs: number,
): Promise<string[]> {
  await tx.deleteFrom("artifact_aliases").where("artifact_id", "=", artifactId).execute();
  await tx
    .updateTable("artifacts")
    .set({ state: "DELETED", updated_at: nowMs })
    .where("id", "=", artifactId)
    .execute();
  return dropVersion(tx, artifactId);
}

/** Every version a run made, with its aliases. */
export async function deleteArtifactsOfRun(services: Services, runId: number): Promise<void> {
  const dropped = await services.catalog.write(async (tx) => {
    const versions = await tx
      .selectFrom("artifacts")
      .select("id")
      .where("created_by_run_id", "=", runId)
      .where("state", "!=", "DELETED")
      .execute();
    const keys: string[] = [];
    for (const { id } of versions) keys.push(...(await deleteVersion(tx, id, services.now())));
    return keys;
  });
  await dropBlobs(services, dropped);
}
