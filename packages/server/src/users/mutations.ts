import { SteelyardError } from "../errors.ts";
import { globalId, parseGlobalId } from "../http/global-id.ts";
import type { Resolver } from "../http/resolvers.ts";
import { findEntity, requireAdmin, requireViewer } from "../projects/access.ts";
import { createTeam } from "../teams/team-store.ts";
import { keepNewKey } from "./new-keys.ts";
import { createApiKey, createUser } from "./user-store.ts";

const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

/** Keys, accounts and members. */
export const accountMutations: Record<string, Resolver> = {
  generateApiKey: async (_source, { input }: { input: { description?: string } }, { services, viewer }) => {
    const { userId, kind } = requireViewer(viewer);
    if (kind === "anonymous")
      throw new SteelyardError(
        "forbidden",
        "an anonymous account has the one key of its link; claim its runs first",
      );
    const description = input.description?.slice(0, 200) ?? null;
    const made = await services.catalog.write((tx) =>
      createApiKey(tx, userId, { description }, services.now()),
    );
    // The client hands `name` to its user as the secret.
    return { apiKey: { id: made.id, name: made.key, description, created_at: services.now() } };
  },
  deleteApiKey: async (_source, { input }: { input: { id: string } }, { services, viewer }) => {
    const { userId, admin } = requireViewer(viewer);
    const { numDeletedRows } = await services.catalog.db
      .deleteFrom("api_keys")
      .where("id", "=", parseGlobalId("ApiKey", input.id))
      .$if(!admin, (question) => question.where("user_id", "=", userId))
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw new SteelyardError("not-found", "there is no such key of yours");
    return { success: true };
  },
  createUser: async (
    _source,
    { input }: { input: { email: string; admin?: boolean } },
    { services, viewer },
  ) => {
    requireAdmin(viewer);
    const username = input.email.split("@")[0]?.replace(/[^A-Za-z0-9_-]/g, "-") ?? "";
    const { id } = await services.catalog.write((tx) =>
      createUser(tx, { username, email: input.email, admin: input.admin ?? false }, services.now()),
    );
    return {
      user: await services.catalog.db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst(),
    };
  },
  createServiceAccount: async (
    _source,
    { input }: { input: { entityName: string; description: string } },
    { services, viewer },
  ) => {
    const maker = requireViewer(viewer);
    const entity = await findEntity(services, maker, input.entityName, "admin");
    if (entity?.kind !== "team")
      throw new SteelyardError("not-found", `there is no team "${input.entityName}"`);
    const username = `${entity.name}-${input.description}`.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 128);
    const { id, key } = await services.catalog.write(async (tx) => {
      const user = await createUser(tx, { username, kind: "service" }, services.now());
      await tx
        .insertInto("members")
        .values({ entity_id: entity.id, user_id: user.id, role: "member", created_at: services.now() })
        .execute();
      const made = await createApiKey(tx, user.id, { description: "service account" }, services.now());
      return { id: user.id, key: made.key };
    });
    keepNewKey(services, maker, id, key);
    return {
      user: await services.catalog.db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst(),
    };
  },
  createTeam: async (
    _source,
    { input }: { input: { teamName: string; teamAdminUserName?: string } },
    { services, viewer },
  ) => {
    const { username } = requireAdmin(viewer);
    await services.catalog.write((tx) =>
      createTeam(
        tx,
        {
          name: input.teamName,
          members: [{ username: input.teamAdminUserName ?? username, role: "admin" }],
        },
        services.now(),
      ),
    );
    return { entity: await findEntity(services, viewer, input.teamName, "read") };
  },
  createInvite: async (
    _source,
    { input }: { input: { entityName: string; email?: string; username?: string; admin?: boolean } },
    { services, viewer },
  ) => {
    const entity = await findEntity(services, requireViewer(viewer), input.entityName, "admin");
    if (entity?.kind !== "team")
      throw new SteelyardError("not-found", `there is no team "${input.entityName}"`);
    const wanted = input.username ?? input.email ?? "";
    const user = await services.catalog.db
      .selectFrom("users")
      .selectAll()
      .where((where) => where.or([where("username", "=", wanted), where("email", "=", wanted)]))
      .where("kind", "!=", "anonymous")
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    if (!user)
      throw new SteelyardError(
        "not-found",
        `there is no user "${wanted}" on this server; an administrator can make one`,
      );
    // No mail is sent from here: who has an account is a member at once.
    const role = input.admin ? ("admin" as const) : ("member" as const);
    await services.catalog.db
      .insertInto("members")
      .values({ entity_id: entity.id, user_id: user.id, role, created_at: services.now() })
      .onConflict((conflict) => conflict.columns(["entity_id", "user_id"]).doUpdateSet({ role }))
      .execute();
    return {
      invite: {
        id: globalId("User", user.id),
        name: user.username,
        email: user.email,
        createdAt: iso(services.now()),
        toUser: user,
      },
    };
  },
  deleteInvite: async (
    _source,
    { input }: { input: { id?: string; entityName?: string } },
    { services, viewer },
  ) => {
    const entity = await findEntity(services, requireViewer(viewer), input.entityName ?? "", "admin");
    if (!entity) throw new SteelyardError("not-found", `there is no team "${input.entityName ?? ""}"`);
    const { numDeletedRows } = await services.catalog.db
      .deleteFrom("members")
      .where("entity_id", "=", entity.id)
      .where("user_id", "=", parseGlobalId("User", input.id ?? ""))
      .executeTakeFirst();
    return { success: numDeletedRows > 0n };
  },
};
