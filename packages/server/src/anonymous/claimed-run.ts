import { sql } from "kysely";
import type { CatalogReader, RunState } from "../ports/catalog.ts";
import type { RunRef } from "../projects/access.ts";

/** A client that ends says so with its last rows, and may have files and a summary to send yet. */
const TAIL_MS = 10 * 60_000;
/** States that a client may still be alive in: also one that was away for long comes back and sends what it has. */
const WRITING: readonly RunState[] = ["running", "pending", "preempting", "crashed", "preempted"];

/** Claimed runs of an anonymous account that its client is not through with. */
const writtenRuns = (db: CatalogReader, userId: number, nowMs: number) =>
  db
    .selectFrom("claimed_runs")
    .innerJoin("runs", "runs.id", "claimed_runs.run_id")
    .where("claimed_runs.user_id", "=", userId)
    .where("runs.deleted_at", "is", null)
    .where((where) =>
      where.or([where("runs.state", "in", WRITING), where("runs.finished_at", ">", nowMs - TAIL_MS)]),
    );

/** Whether the key of an account whose runs were claimed is still good: for the runs it writes, and nothing else. */
export async function stillWrites(db: CatalogReader, userId: number, nowMs: number): Promise<boolean> {
  return (await writtenRuns(db, userId, nowMs).select("runs.id").executeTakeFirst()) !== undefined;
}

/** The run that the account's client writes, where it is now; the client may call it by the old place or the new one. */
export async function claimedRun(
  db: CatalogReader,
  userId: number,
  projectName: string,
  runName: string,
  nowMs: number,
): Promise<RunRef | undefined> {
  const row = await writtenRuns(db, userId, nowMs)
    .innerJoin("projects", "projects.id", "runs.project_id")
    .innerJoin("entities", "entities.id", "projects.entity_id")
    .select([
      "runs.id",
      "runs.name",
      "runs.state",
      "runs.stop_requested",
      "runs.heartbeat_at",
      "projects.id as projectId",
      "projects.name as projectName",
      "projects.access",
      "entities.id as entityId",
      "entities.name as entityName",
    ])
    .where("runs.name", "=", runName)
    .where("projects.deleted_at", "is", null)
    .where(
      sql<boolean>`(projects.name = ${projectName} OR EXISTS (
        SELECT 1 FROM former_project_names f WHERE f.project_id = projects.id AND f.name = ${projectName}))`,
    )
    .executeTakeFirst();
  if (!row) return undefined;
  const { id, name, state, stop_requested, heartbeat_at, projectId, projectName: project, ...place } = row;
  return {
    id,
    name,
    state,
    stopRequested: stop_requested === 1,
    heartbeatAtMs: heartbeat_at,
    project: { ...place, id: projectId, name: project },
  };
}
