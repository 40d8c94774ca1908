import type { Viewer } from "../http/viewer.ts";
import type { Services } from "../services.ts";

/**
 * Whose a new run is. With a service account's key, `X-WANDB-USERNAME` / `X-WANDB-USER-EMAIL` (from WANDB_USERNAME and
 * WANDB_USER_EMAIL) name the member of the run's team it was made for; the name counts when both are sent. With any other
 * key, and for a name that is no member's, the headers mean nothing: they are set once for many teams and servers.
 */
export async function actingUser(
  services: Services,
  viewer: Viewer,
  headers: Headers,
  entityId: number,
): Promise<{ userId: number }> {
  const own = { userId: viewer.userId };
  if (viewer.kind !== "service") return own;
  // HTTP gives each byte as a character; the clients send UTF-8.
  const given = (name: string) =>
    Buffer.from(headers.get(name) ?? "", "latin1")
      .toString("utf8")
      .trim();
  const username = given("x-wandb-username");
  const email = given("x-wandb-user-email");
  if (!username && !email) return own;
  const member = await services.catalog.db
    .selectFrom("users")
    .innerJoin("members", "members.user_id", "users.id")
    .select("users.id")
    .where("members.entity_id", "=", entityId)
    .where("users.deleted_at", "is", null)
    .where(username ? "users.username" : "users.email", "=", username || email)
    .executeTakeFirst();
  return member ? { userId: member.id } : own;
}
