import { type Context, Hono } from "hono";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { checked, readJson } from "../http/body.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import { requireAdmin } from "../projects/access.ts";
import type { Services } from "../services.ts";
import {
  changeOrganization,
  changeTeam,
  createOrganization,
  createTeam,
  deleteOrganization,
  deleteTeam,
} from "../teams/team-store.ts";
import { hashPassword } from "../users/secrets.ts";
import { createApiKey, createUser } from "../users/user-store.ts";

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const Email = v.nullish(v.pipe(v.string(), v.email(), v.maxLength(254)));
const Password = v.nullish(v.pipe(v.string(), v.minLength(8), v.maxLength(1000)));
const ApiKey = v.nullish(
  v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{40,512}$/, "must be 40 to 512 letters, digits, _ or -")),
);
const Member = v.object({ username: Name, role: v.picklist(["admin", "member", "viewer"]) });
const Members = v.optional(v.pipe(v.array(Member), v.maxLength(10_000)));

const NewUser = v.strictObject({
  username: Name,
  email: Email,
  password: Password,
  apiKey: ApiKey,
  admin: v.optional(v.boolean()),
  kind: v.optional(v.picklist(["user", "service"])),
});
const UserChange = v.strictObject({
  email: Email,
  password: Password,
  apiKey: ApiKey,
  admin: v.optional(v.boolean()),
  /** Their keys, sessions and password end; what is given beside it is theirs from then on. */
  revoke: v.optional(v.boolean()),
});
const NewOrganization = v.strictObject({ name: Name, members: Members });
const NewTeam = v.strictObject({ name: Name, organization: v.optional(Name), members: Members });
const Change = v.strictObject({ add: Members, remove: v.optional(v.array(Name)) });

/** `/api/v1/admin`: users, organizations and teams, for the keys of administrators. */
export function adminRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const { catalog } = services;

  routes.use("/api/v1/admin/*", async (c, next) => {
    requireAdmin(c.get("viewer"));
    await next();
  });

  routes.get("/api/v1/admin/users", async (c) => {
    const users = await catalog.db
      .selectFrom("users")
      .select(["username", "email", "admin", "kind", "created_at"])
      .where("deleted_at", "is", null)
      .orderBy("username")
      .execute();
    return c.json({
      users: users.map((user) => ({
        username: user.username,
        email: user.email,
        admin: user.admin === 1,
        kind: user.kind,
        createdAt: new Date(user.created_at).toISOString(),
      })),
    });
  });
  routes.post("/api/v1/admin/users", async (c) => {
    const given = await body(c, NewUser);
    const { password, apiKey, ...wanted } = given;
    const passwordHash = password ? await hashPassword(password) : null;
    const made = await catalog.write(async (tx) => {
      const user = await createUser(tx, { ...wanted, passwordHash }, services.now());
      return createApiKey(
        tx,
        user.id,
        { key: apiKey ?? undefined, description: "made by an administrator" },
        services.now(),
      );
    });
    // The key is answered here and never again: only its hash is kept.
    return c.json({ username: given.username, apiKey: made.key }, 201);
  });
  routes.patch("/api/v1/admin/users/:username", async (c) => {
    const given = await body(c, UserChange);
    const passwordHash = given.password ? await hashPassword(given.password) : undefined;
    await catalog.write(async (tx) => {
      const id = await userId(tx, c.req.param("username"));
      const locked = given.revoke === true && !given.apiKey && !passwordHash;
      if (given.admin === false || locked) await refuseLastAdmin(tx, id);
      if (given.revoke) await tx.deleteFrom("api_keys").where("user_id", "=", id).execute();
      const change = {
        ...(given.revoke ? { password_hash: null } : {}),
        ...(given.email !== undefined ? { email: given.email } : {}),
        ...(passwordHash ? { password_hash: passwordHash } : {}),
        ...(given.admin !== undefined ? { admin: given.admin ? 1 : 0 } : {}),
      };
      if (Object.keys(change).length > 0)
        await tx.updateTable("users").set(change).where("id", "=", id).execute();
      // A new password ends what was signed in with the old one.
      if (passwordHash || given.revoke) await tx.deleteFrom("sessions").where("user_id", "=", id).execute();
      if (given.apiKey)
        await createApiKey(
          tx,
          id,
          { key: given.apiKey, description: "given by an administrator" },
          services.now(),
        );
    });
    return c.json({ username: c.req.param("username") });
  });
  routes.delete("/api/v1/admin/users/:username", async (c) => {
    await catalog.write(async (tx) => {
      const id = await userId(tx, c.req.param("username"));
      await refuseLastAdmin(tx, id);
      // Soft: their runs keep their author. Keys and sessions go for good.
      await tx
        .updateTable("users")
        .set({ deleted_at: services.now(), password_hash: null, email: null })
        .where("id", "=", id)
        .execute();
      await tx.deleteFrom("api_keys").where("user_id", "=", id).execute();
      await tx.deleteFrom("sessions").where("user_id", "=", id).execute();
      await tx.deleteFrom("members").where("user_id", "=", id).execute();
      await tx.deleteFrom("organization_members").where("user_id", "=", id).execute();
    });
    return c.json({ username: c.req.param("username"), deleted: true });
  });

  routes.get("/api/v1/admin/organizations", async (c) => {
    const rows = await catalog.db
      .selectFrom("organizations")
      .leftJoin("organization_members", "organization_members.organization_id", "organizations.id")
      .leftJoin("users", "users.id", "organization_members.user_id")
      .select(["organizations.name", "username", "role"])
      .orderBy("organizations.name")
      .orderBy("username")
      .execute();
    return c.json({ organizations: withMembers(rows) });
  });
  routes.post("/api/v1/admin/organizations", async (c) => {
    const given = await body(c, NewOrganization);
    await catalog.write((tx) => createOrganization(tx, given, services.now()));
    return c.json({ name: given.name }, 201);
  });
  routes.patch("/api/v1/admin/organizations/:name", async (c) => {
    const given = await body(c, Change);
    await catalog.write((tx) => changeOrganization(tx, c.req.param("name"), given));
    return c.json({ name: c.req.param("name") });
  });
  routes.delete("/api/v1/admin/organizations/:name", async (c) => {
    await catalog.write((tx) => deleteOrganization(tx, c.req.param("name")));
    return c.json({ name: c.req.param("name"), deleted: true });
  });

  routes.get("/api/v1/admin/teams", async (c) => {
    const rows = await catalog.db
      .selectFrom("entities")
      .leftJoin("members", "members.entity_id", "entities.id")
      .leftJoin("users", "users.id", "members.user_id")
      .select(["entities.name", "username", "role"])
      .where("entities.kind", "=", "team")
      .orderBy("entities.name")
      .orderBy("username")
      .execute();
    return c.json({ teams: withMembers(rows) });
  });
  routes.post("/api/v1/admin/teams", async (c) => {
    const given = await body(c, NewTeam);
    await catalog.write((tx) => createTeam(tx, given, services.now()));
    return c.json({ name: given.name }, 201);
  });
  routes.patch("/api/v1/admin/teams/:name", async (c) => {
    const given = await body(c, Change);
    await catalog.write((tx) => changeTeam(tx, c.req.param("name"), given, services.now()));
    return c.json({ name: c.req.param("name") });
  });
  routes.delete("/api/v1/admin/teams/:name", async (c) => {
    await catalog.write((tx) => deleteTeam(tx, c.req.param("name")));
    return c.json({ name: c.req.param("name"), deleted: true });
  });
  return routes;
}

interface MemberRow {
  name: string;
  username: string | null;
  role: string | null;
}

/** A row a member, or one without for a group that has none → a group each. */
function withMembers(rows: readonly MemberRow[]) {
  const groups = new Map<string, { username: string; role: string }[]>();
  for (const { name, username, role } of rows) {
    const members = groups.get(name) ?? [];
    groups.set(name, members);
    if (username !== null && role !== null) members.push({ username, role });
  }
  return Array.from(groups, ([name, members]) => ({ name, members }));
}

async function body<Schema extends v.GenericSchema>(
  c: Context<AppEnv>,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  return checked(schema, await readJson(c.req.raw));
}

async function userId(tx: CatalogTransaction, username: string): Promise<number> {
  const user = await tx
    .selectFrom("users")
    .select("id")
    .where("username", "=", username)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (!user) throw new SteelyardError("not-found", `there is no user "${username}"`);
  return user.id;
}

async function refuseLastAdmin(tx: CatalogTransaction, id: number): Promise<void> {
  const others = await tx
    .selectFrom("users")
    .select("id")
    .where("admin", "=", 1)
    .where("deleted_at", "is", null)
    .where("id", "!=", id)
    .executeTakeFirst();
  if (!others) throw new SteelyardError("conflict", "this is the last administrator; make another one first");
}
