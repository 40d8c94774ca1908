import { dropBlobs } from "../artifacts/artifact-files.ts";
import { dropVersion } from "../artifacts/deletion.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import { repeat } from "../repeat.ts";
import type { Services } from "../services.ts";
import { KEPT_MS } from "./account.ts";

const SWEEP_MS = 3_600_000;

/**
 * Delete, for good, the anonymous accounts that nobody claimed and nothing was heard of for the time they are kept: runs,
 * rows, files, artifacts, all. Returns how many went.
 */
export async function deleteExpired(services: Services): Promise<number> {
  const { db } = services.catalog;
  const endMs = services.now() - KEPT_MS;
  const expired = await db
    .selectFrom("users")
    .select(["users.id", "users.username", "users.entity_id"])
    .where("users.kind", "=", "anonymous")
    .where("users.deleted_at", "is", null)
    .where("users.created_at", "<", endMs)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("runs")
            .innerJoin("projects", "projects.id", "runs.project_id")
            .select("runs.id")
            .whereRef("projects.entity_id", "=", "users.entity_id")
            .where("runs.heartbeat_at", ">=", endMs),
        ),
      ),
    )
    .execute();
  for (const account of expired) {
    await deleteAccount(services, { userId: account.id, entityId: account.entity_id });
    services.log.info({ username: account.username }, "an anonymous account expired; it is deleted");
  }
  return expired.length;
}

async function deleteAccount(
  services: Services,
  account: { userId: number; entityId: number },
): Promise<void> {
  const { runs, blobs, artifactBlobs } = await services.catalog.write((tx) => deleteRows(tx, account));
  // Rows first: what is left of content after a crash in between costs room, and nobody can reach it.
  for (const run of runs) await services.metrics.deleteRun(run);
  for (const key of blobs)
    await services.blobs
      .delete(key)
      .catch((error) => services.log.warn({ err: error, key }, "a blob of an expired run stayed"));
  await dropBlobs(services, artifactBlobs);
}

async function deleteRows(tx: CatalogTransaction, account: { userId: number; entityId: number }) {
  const ofEntity = tx.selectFrom("projects").select("id").where("entity_id", "=", account.entityId);
  const collections = tx.selectFrom("artifact_collections").select("id").where("project_id", "in", ofEntity);
  const versions = await tx
    .selectFrom("artifacts")
    .select("id")
    .where("collection_id", "in", collections)
    .execute();
  const artifactBlobs: string[] = [];
  for (const { id } of versions) artifactBlobs.push(...(await dropVersion(tx, id)));
  await tx.deleteFrom("artifacts").where("collection_id", "in", collections).execute();
  await tx.deleteFrom("artifact_collections").where("project_id", "in", ofEntity).execute();
  await tx.deleteFrom("artifact_types").where("project_id", "in", ofEntity).execute();
  const files = await tx
    .selectFrom("run_files")
    .innerJoin("runs", "runs.id", "run_files.run_id")
    .select("run_files.blob_key")
    .where("runs.project_id", "in", ofEntity)
    .execute();
  const runs = await tx.deleteFrom("runs").where("project_id", "in", ofEntity).returning("id").execute();
  await tx.deleteFrom("views").where("project_id", "in", ofEntity).execute();
  await tx.deleteFrom("custom_charts").where("entity_id", "=", account.entityId).execute();
  await tx.deleteFrom("projects").where("entity_id", "=", account.entityId).execute();
  await tx.deleteFrom("users").where("id", "=", account.userId).execute();
  await tx.deleteFrom("entities").where("id", "=", account.entityId).execute();
  return {
    runs: runs.map(({ id }) => id),
    blobs: files.flatMap(({ blob_key }) => (blob_key === null ? [] : [blob_key])),
    artifactBlobs,
  };
}

/** Look for expired accounts now and then. Returns the function that ends it. */
export function startExpiry(services: Services): () => void {
  return repeat(services.log, SWEEP_MS, "deleting expired anonymous accounts", () => deleteExpired(services));
}
