import type { CatalogTransaction } from "../ports/catalog.ts";
import type { Services } from "../services.ts";

export interface ClaimedProject {
  name: string;
  /** What it is called in the new place. */
  newName: string;
  runs: number;
}

/**
 * Everything an anonymous account has becomes the user's: its projects move into their entity, whole, under their names or
 * with a number where those are taken; old addresses lead there. The account ends. A client that is still writing one of
 * the runs goes on until that run ends.
 */
export async function claimRuns(
  services: Services,
  account: { userId: number; entityId: number },
  user: { userId: number; entityId: number },
): Promise<ClaimedProject[]> {
  const nowMs = services.now();
  const projects = await services.catalog.write(async (tx) => {
    const ended = await tx
      .updateTable("users")
      .set({ deleted_at: nowMs })
      .where("id", "=", account.userId)
      .where("kind", "=", "anonymous")
      .where("deleted_at", "is", null)
      .returning("id")
      .executeTakeFirst();
    // Claimed in another window meanwhile: there is nothing left.
    if (!ended) return [];
    const found = await tx
      .selectFrom("projects")
      .select(["id", "name"])
      .where("entity_id", "=", account.entityId)
      .where("deleted_at", "is", null)
      .orderBy("id")
      .execute();
    const moved = [];
    for (const project of found) {
      const newName = await moveProject(tx, project, account, user, nowMs);
      const { n } = await tx
        .selectFrom("runs")
        .select((select) => select.fn.countAll<number>().as("n"))
        .where("project_id", "=", project.id)
        .where("deleted_at", "is", null)
        .executeTakeFirstOrThrow();
      moved.push({ id: project.id, name: project.name, newName, runs: n });
    }
    await changeAuthor(tx, account.userId, user.userId);
    await tx.deleteFrom("sessions").where("user_id", "=", account.userId).execute();
    return moved;
  });
  for (const { id, newName } of projects)
    services.bus.publish({ kind: "project", project: id, name: newName });
  return projects.map(({ name, newName, runs }) => ({ name, newName, runs }));
}

async function moveProject(
  tx: CatalogTransaction,
  project: { id: number; name: string },
  from: { userId: number; entityId: number },
  to: { entityId: number },
  nowMs: number,
): Promise<string> {
  const newName = await freeName(tx, to.entityId, project.name);
  await tx
    .insertInto("former_project_names")
    .values({ entity_id: from.entityId, name: project.name, project_id: project.id })
    .onConflict((conflict) => conflict.columns(["entity_id", "name"]).doUpdateSet({ project_id: project.id }))
    .execute();
  await tx
    .updateTable("projects")
    .set({ entity_id: to.entityId, name: newName, updated_at: nowMs })
    .where("id", "=", project.id)
    .execute();
  // Whoever writes one of them now, writes it under the account's key.
  await tx
    .insertInto("claimed_runs")
    .columns(["run_id", "user_id"])
    .expression((from_) =>
      from_
        .selectFrom("runs")
        .select((select) => ["runs.id", select.val(from.userId).as("user_id")])
        .where("project_id", "=", project.id)
        .where("state", "not in", ["finished", "failed", "killed"]),
    )
    .execute();
  return newName;
}

async function freeName(tx: CatalogTransaction, entityId: number, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    // 128 is what a name may have.
    const suffix = number === 1 ? "" : `-${number}`;
    const wanted = name.slice(0, 128 - suffix.length) + suffix;
    const taken = await tx
      .selectFrom("projects")
      .select("id")
      .where("entity_id", "=", entityId)
      .where("name", "=", wanted)
      .executeTakeFirst();
    if (!taken) return wanted;
  }
}

async function changeAuthor(tx: CatalogTransaction, from: number, to: number): Promise<void> {
  await tx.updateTable("projects").set({ user_id: to }).where("user_id", "=", from).execute();
  await tx.updateTable("runs").set({ user_id: to }).where("user_id", "=", from).execute();
  await tx.updateTable("views").set({ user_id: to }).where("user_id", "=", from).execute();
  await tx
    .updateTable("artifacts")
    .set({ created_by_user_id: to })
    .where("created_by_user_id", "=", from)
    .execute();
}
