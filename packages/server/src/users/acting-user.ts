import { SteelyardError } from "../errors.ts";
import type { Viewer } from "../http/viewer.ts";
import type { Services } from "../services.ts";

/**
 * Whose a run is. With a service account's key, `X-WANDB-USERNAME` / `X-WANDB-USER-EMAIL` (from WANDB_USERNAME and
 * WANDB_USER_EMAIL) name a person who shares a team with the account; with any other key the headers mean nothing.
 * Throws bad-request when the service account names somebody it may not speak for.
 */
export async function actingUser(
  services: Services,
  viewer: Viewer,
  headers: Headers,
): Promise<{ userId: number }> {
  const username = headers.get("x-wandb-username")?.trim();
  const email = headers.get("x-wandb-user-email")?.trim();
  if (viewer.kind !== "service" || (!username && !email)) return { userId: viewer.userId };
  let question = services.catalog.db.selectFrom("users").select("id").where("deleted_at", "is", null);
  question = username ? question.where("username", "=", username) : question.where("email", "=", email ?? "");
  const person = await question.executeTakeFirst();
  const shared =
    person &&
    (await services.catalog.db
      .selectFrom("members as theirs")
      .innerJoin("members as ours", "ours.entity_id", "theirs.entity_id")
      .select("theirs.entity_id")
      .where("theirs.user_id", "=", person.id)
      .where("ours.user_id", "=", viewer.userId)
      .executeTakeFirst());
  if (person && shared) return { userId: person.id };
  throw new SteelyardError(
    "bad-request",
    `${username ? `WANDB_USERNAME=${username}` : `WANDB_USER_EMAIL=${email}`} names no member of this service account's teams`,
  );
}
