import type { Selectable } from "kysely";
import { artifactBytes } from "../artifacts/artifact-files.ts";
import { runFileBytes } from "../files/file-store.ts";
import { globalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolvers } from "../http/resolvers.ts";
import type { Viewer } from "../http/viewer.ts";
import type { EntitiesTable, UsersTable } from "../ports/catalog.ts";
import { type EntityRef, findEntity, requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { accountMutations } from "./mutations.ts";
import { takeNewKey } from "./new-keys.ts";
import { entitiesOf } from "./user-store.ts";

/** What the User resolvers are given: a row of `users`. */
export type UserModel = Selectable<UsersTable>;
type EntityModel = EntityRef | Selectable<EntitiesTable>;
/** An organization shown as an entity: its number is not an entity's, so nothing may be looked up by it. */
interface OrganizationEntity {
  id: number;
  name: string;
  kind: "organization";
}
type AnyEntity = EntityModel | OrganizationEntity;
interface ApiKeyModel {
  id: number;
  name: string;
  description: string | null;
  created_at: number;
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString().replace(".000Z", "Z"));

async function userBy(
  context: GraphqlContext,
  column: "id" | "entity_id",
  value: number,
): Promise<UserModel | undefined> {
  return context.services.catalog.db
    .selectFrom("users")
    .selectAll()
    .where(column, "=", value)
    .executeTakeFirst();
}

/** Oneself, or an administrator: what a person is called is for all who see their runs, the rest is not. */
function isSelf(user: UserModel, viewer: Viewer | undefined): boolean {
  return viewer !== undefined && (viewer.admin || viewer.userId === user.id);
}

async function isMember(entity: AnyEntity, services: Services, viewer: Viewer | undefined): Promise<boolean> {
  if (entity.kind === "organization") return false;
  return (await findEntity(services, viewer, entity.name, "read")) !== undefined;
}

async function viewerModel(context: GraphqlContext): Promise<UserModel | undefined> {
  return context.viewer && userBy(context, "id", context.viewer.userId);
}

function connection<T>(nodes: readonly T[]) {
  return {
    edges: nodes.map((node) => ({ node, cursor: "" })),
    pageInfo: { hasNextPage: false, endCursor: null },
  };
}

/** Server features by name; what is not listed is off for the client. */
const FEATURES = [
  "STRUCTURED_CONSOLE_LOGS",
  "FILESTREAM_GZIP",
  "MARK_RUN_FILES_UPLOADED",
  "UPDATE_RUN_STATE",
];
let moreFeatures: readonly string[] = [];
/** Features that other rooms answer for (artifacts); set once, where the resolvers are gathered. */
export function announceFeatures(names: readonly string[]): void {
  moreFeatures = names;
}

export const usersResolvers: Resolvers = {
  Query: {
    viewer: (_source, _args, context) => viewerModel(context),
    serverInfo: () => ({
      // 0.12.14 and newer media forms are read; hints to upgrade come from PyPI, not from here.
      cliVersionInfo: { max_cli_version: "1.0.0", min_cli_version: "0.16.0" },
      latestLocalVersionInfo: null,
      features: [...FEATURES, ...moreFeatures].map((name) => ({ name, isEnabled: true })),
    }),
    users: async (_source, { query }: { query?: string }, context) => {
      if (!context.viewer?.admin) return connection([]);
      let question = context.services.catalog.db
        .selectFrom("users")
        .selectAll()
        .where("deleted_at", "is", null);
      if (query) {
        const like = `%${query.replace(/[\\%_]/g, "\\$&")}%`;
        question = question.where((where) =>
          where.or([
            where("username", "=", query),
            where("email", "=", query),
            where("username", "like", like),
          ]),
        );
      }
      return connection(await question.orderBy("username").limit(1000).execute());
    },
    entity: async (_source, { name }: { name?: string }, context) => {
      const wanted = name || context.viewer?.username;
      return wanted ? findEntity(context.services, context.viewer, wanted, "read") : null;
    },
    organization: async (_source, { name }: { name: string }, { services, viewer }) => {
      const { userId, admin } = requireViewer(viewer);
      const row = await services.catalog.db
        .selectFrom("organizations")
        .leftJoin("organization_members", "organization_members.organization_id", "organizations.id")
        .select(["organizations.id", "organizations.name"])
        .where("organizations.name", "=", name)
        .$if(!admin, (question) => question.where("organization_members.user_id", "=", userId))
        .executeTakeFirst();
      return row ?? null;
    },
  },
  User: {
    id: (user: UserModel) => globalId("User", user.id),
    name: (user: UserModel) => user.display_name ?? user.username,
    admin: (user: UserModel) => user.admin === 1,
    email: (user: UserModel, _args, { viewer }) => (isSelf(user, viewer) ? user.email : null),
    flags: () => '{"code_saving_enabled": true}',
    entity: (user: UserModel) => user.username,
    deletedAt: (user: UserModel) => iso(user.deleted_at),
    accountType: (user: UserModel) => user.kind.toUpperCase(),
    teams: async (user: UserModel, _args, { services, viewer }) => {
      if (!isSelf(user, viewer)) return connection([]);
      const names = await entitiesOf(services.catalog.db, user.id);
      const entities = await services.catalog.db
        .selectFrom("entities")
        .selectAll()
        .where("name", "in", names)
        .execute();
      return connection(entities.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name)));
    },
    organizations: (user: UserModel, _args, { services, viewer }) =>
      !isSelf(user, viewer)
        ? []
        : services.catalog.db
            .selectFrom("organizations")
            .innerJoin("organization_members", "organization_members.organization_id", "organizations.id")
            .select(["organizations.id", "organizations.name"])
            .where("organization_members.user_id", "=", user.id)
            .execute(),
    apiKeys: async (user: UserModel, _args, { services, viewer }) => {
      if (!viewer || (viewer.userId !== user.id && !viewer.admin)) return connection([]);
      const keys = await services.catalog.db
        .selectFrom("api_keys")
        .select(["id", "prefix as name", "description", "created_at"])
        .where("user_id", "=", user.id)
        .orderBy("id")
        .execute();
      return connection(keys);
    },
  },
  ApiKey: {
    id: (key: ApiKeyModel) => globalId("ApiKey", key.id),
    createdAt: (key: ApiKeyModel) => iso(key.created_at),
  },
  Entity: {
    id: (entity: AnyEntity) =>
      globalId(entity.kind === "organization" ? "Organization" : "Entity", entity.id),
    available: () => false,
    readOnly: () => false,
    readOnlyAdmin: () => false,
    isTeam: (entity: AnyEntity) => entity.kind === "team",
    entityType: (entity: AnyEntity) => entity.kind,
    privateOnly: () => false,
    storageBytes: async (entity: AnyEntity, _args, { services, viewer }) => {
      if (!(await isMember(entity, services, viewer))) return 0;
      const { db } = services.catalog;
      return (await runFileBytes(db, entity.id)) + (await artifactBytes(db, entity.id));
    },
    codeSavingEnabled: () => true,
    defaultAccess: (entity: AnyEntity) => (entity.kind === "team" ? "ENTITY_WRITE" : "PRIVATE"),
    isPaid: () => true,
    // Only for those inside: a public project shows its runs, not who works on it.
    members: async (entity: AnyEntity, _args, { services, viewer }) => {
      if (!(await isMember(entity, services, viewer))) return [];
      const users = await services.catalog.db
        .selectFrom("users")
        .leftJoin("members", (join) =>
          join.onRef("members.user_id", "=", "users.id").on("members.entity_id", "=", entity.id),
        )
        .selectAll("users")
        .select("members.role")
        .where("users.deleted_at", "is", null)
        .$if(entity.kind === "user", (question) => question.where("users.entity_id", "=", entity.id))
        .$if(entity.kind !== "user", (question) => question.where("members.user_id", "is not", null))
        .orderBy("users.id")
        .execute();
      return users.map((user) => ({
        id: globalId("User", user.id),
        admin: user.admin === 1,
        pending: false,
        email: user.email,
        username: user.username,
        name: user.display_name ?? user.username,
        accountType: user.kind.toUpperCase(),
        role: user.role ?? "admin",
        apiKey: () => takeNewKey(services, viewer, user.id),
      }));
    },
    organization: async (entity: AnyEntity, _args, { services, viewer }) => {
      if (entity.kind === "organization") return entity;
      if (!(await isMember(entity, services, viewer))) return null;
      return services.catalog.db
        .selectFrom("organizations")
        .innerJoin("entities", "entities.organization_id", "organizations.id")
        .select(["organizations.id", "organizations.name"])
        .where("entities.id", "=", entity.id)
        .executeTakeFirst();
    },
    user: (entity: AnyEntity, _args, context) =>
      entity.kind === "user" ? userBy(context, "entity_id", entity.id) : null,
  },
  Organization: {
    id: (organization: { id: number }) => globalId("Organization", organization.id),
    orgEntity: ({ id, name }: { id: number; name: string }): OrganizationEntity => ({
      id,
      name,
      kind: "organization",
    }),
    featureFlags: () => [],
  },
  Mutation: accountMutations,
};
