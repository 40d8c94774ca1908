import type { CatalogReader } from "../ports/catalog.ts";
import { repeat } from "../repeat.ts";
import type { Services } from "../services.ts";
import { dropBlobs } from "./artifact-files.ts";
import { deleteVersion } from "./deletion.ts";

/**
 * A version that was never committed goes so long after its client was last heard of. Long: uploads go on for days, and
 * several runs may add to one version before the last of them commits it.
 */
export const ABANDONED_MS = 7 * 24 * 3_600_000;
const EVERY_MS = 3_600_000;
/** Versions deleted in one transaction, which other writes wait for. */
const AT_ONCE = 100;

/** Versions whose client is dead, and those that outlived the time they were given; their content goes with them. */
export async function deleteOutlived(services: Services): Promise<{ abandoned: number; expired: number }> {
  const { db } = services.catalog;
  const nowMs = services.now();
  const abandoned = await abandonedVersions(db, nowMs - ABANDONED_MS);
  const expired = await expiredVersions(db, nowMs);
  const all = [...abandoned, ...expired];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const dropped = await services.catalog.write(async (tx) => {
      const keys: string[] = [];
      for (const id of all.slice(at, at + AT_ONCE)) keys.push(...(await deleteVersion(tx, id, nowMs)));
      return keys;
    });
    await dropBlobs(services, dropped);
  }
  if (all.length > 0)
    services.log.info(
      { abandoned: abandoned.length, expired: expired.length },
      "artifact versions that were never committed, or whose time to live is over, are deleted",
    );
  return { abandoned: abandoned.length, expired: expired.length };
}

async function abandonedVersions(db: CatalogReader, endMs: number): Promise<number[]> {
  const rows = await db
    .selectFrom("artifacts")
    .select("id")
    .where("state", "=", "PENDING")
    .where("created_at", "<", endMs)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("artifact_files")
            .select("artifact_files.id")
            .whereRef("artifact_files.artifact_id", "=", "artifacts.id")
            .where((file) => file.or([file("created_at", ">=", endMs), file("uploaded_at", ">=", endMs)])),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("artifact_outputs")
            .innerJoin("runs", "runs.id", "artifact_outputs.run_id")
            .select("runs.id")
            .whereRef("artifact_outputs.artifact_id", "=", "artifacts.id")
            .where("runs.heartbeat_at", ">=", endMs),
        ),
      ),
    )
    .execute();
  return rows.map(({ id }) => id);
}

/** `ttl_seconds` counts from when the version was made; 0 and less are no time to live. */
async function expiredVersions(db: CatalogReader, nowMs: number): Promise<number[]> {
  const rows = await db
    .selectFrom("artifacts")
    .select(["id", "created_at", "ttl_seconds"])
    .where("state", "=", "COMMITTED")
    .where("ttl_seconds", ">", 0)
    .execute();
  return rows
    .filter(({ created_at, ttl_seconds }) => created_at + (ttl_seconds ?? 0) * 1000 <= nowMs)
    .map(({ id }) => id);
}

/** Look for such versions now and then. Returns the function that ends it. */
export function startRetention(services: Services): () => void {
  return repeat(services.log, EVERY_MS, "deleting artifact versions that outlived their time", () =>
    deleteOutlived(services),
  );
}
