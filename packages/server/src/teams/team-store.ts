import { SteelyardError } from "../errors.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import { checkEntityName } from "../users/user-store.ts";

export type Role = "admin" | "member" | "viewer";
export interface MemberGiven {
  username: string;
  role: Role;
}

/** Throws not-found naming the first user who does not exist. */
async function userIds(tx: CatalogTransaction, usernames: readonly string[]): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  for (const username of usernames) {
    const user = await tx
      .selectFrom("users")
      .select("id")
      .where("username", "=", username)
      .where("kind", "!=", "anonymous")
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    if (!user) throw new SteelyardError("not-found", `there is no user "${username}"`);
    ids.set(username, user.id);
  }
  return ids;
}

async function organizationId(tx: CatalogTransaction, name: string): Promise<number> {
  const row = await tx.selectFrom("organizations").select("id").where("name", "=", name).executeTakeFirst();
  if (!row) throw new SteelyardError("not-found", `there is no organization "${name}"`);
  return row.id;
}

async function teamId(tx: CatalogTransaction, name: string): Promise<number> {
  const row = await tx
    .selectFrom("entities")
    .select("id")
    .where("name", "=", name)
    .where("kind", "=", "team")
    .executeTakeFirst();
  if (!row) throw new SteelyardError("not-found", `there is no team "${name}"`);
  return row.id;
}

export async function createOrganization(
  tx: CatalogTransaction,
  given: { name: string; members?: readonly MemberGiven[] },
  nowMs: number,
): Promise<void> {
  checkEntityName(given.name, "organization");
  if (await tx.selectFrom("organizations").select("id").where("name", "=", given.name).executeTakeFirst()) {
    throw new SteelyardError("conflict", `the organization "${given.name}" exists`);
  }
  await tx.insertInto("organizations").values({ name: given.name, created_at: nowMs }).execute();
  await changeOrganization(tx, given.name, { add: given.members ?? [] });
}

export interface MembershipChange {
  add?: readonly MemberGiven[] | undefined;
  remove?: readonly string[] | undefined;
}

/** Adding a member again changes the role. */
export async function changeOrganization(
  tx: CatalogTransaction,
  name: string,
  change: MembershipChange,
): Promise<void> {
  const id = await organizationId(tx, name);
  const users = await userIds(tx, [
    ...(change.add ?? []).map(({ username }) => username),
    ...(change.remove ?? []),
  ]);
  for (const { username, role } of change.add ?? []) {
    await tx
      .insertInto("organization_members")
      .values({ organization_id: id, user_id: users.get(username) ?? 0, role })
      .onConflict((conflict) => conflict.columns(["organization_id", "user_id"]).doUpdateSet({ role }))
      .execute();
  }
  for (const username of change.remove ?? []) {
    await tx
      .deleteFrom("organization_members")
      .where("organization_id", "=", id)
      .where("user_id", "=", users.get(username) ?? 0)
      .execute();
  }
}

export async function deleteOrganization(tx: CatalogTransaction, name: string): Promise<void> {
  await tx
    .deleteFrom("organizations")
    .where("id", "=", await organizationId(tx, name))
    .execute();
}

export async function createTeam(
  tx: CatalogTransaction,
  given: { name: string; organization?: string | undefined; members?: readonly MemberGiven[] | undefined },
  nowMs: number,
): Promise<number> {
  checkEntityName(given.name, "team");
  if (await tx.selectFrom("entities").select("id").where("name", "=", given.name).executeTakeFirst()) {
    throw new SteelyardError("conflict", `the name "${given.name}" is taken`);
  }
  const { id } = await tx
    .insertInto("entities")
    .values({
      name: given.name,
      kind: "team",
      organization_id: given.organization ? await organizationId(tx, given.organization) : null,
      created_at: nowMs,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  await changeTeam(tx, given.name, { add: given.members ?? [] }, nowMs);
  return id;
}

export async function changeTeam(
  tx: CatalogTransaction,
  name: string,
  change: MembershipChange,
  nowMs: number,
): Promise<void> {
  const id = await teamId(tx, name);
  const users = await userIds(tx, [
    ...(change.add ?? []).map(({ username }) => username),
    ...(change.remove ?? []),
  ]);
  for (const { username, role } of change.add ?? []) {
    await tx
      .insertInto("members")
      .values({ entity_id: id, user_id: users.get(username) ?? 0, role, created_at: nowMs })
      .onConflict((conflict) => conflict.columns(["entity_id", "user_id"]).doUpdateSet({ role }))
      .execute();
  }
  for (const username of change.remove ?? []) {
    await tx
      .deleteFrom("members")
      .where("entity_id", "=", id)
      .where("user_id", "=", users.get(username) ?? 0)
      .execute();
  }
}

/** Refused while it has projects: their runs would be nobody's. */
export async function deleteTeam(tx: CatalogTransaction, name: string): Promise<void> {
  const id = await teamId(tx, name);
  const project = await tx
    .selectFrom("projects")
    .select("name")
    .where("entity_id", "=", id)
    .executeTakeFirst();
  if (project)
    throw new SteelyardError(
      "conflict",
      `the team "${name}" has projects (${project.name}); move or delete them first`,
    );
  await tx.deleteFrom("members").where("entity_id", "=", id).execute();
  await tx.deleteFrom("entities").where("id", "=", id).execute();
}
