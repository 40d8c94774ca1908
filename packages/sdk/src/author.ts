import type { Settings } from "@steelyard/protocol/settings";

/**
 * WANDB_USERNAME and WANDB_USER_EMAIL, as headers of every GraphQL request: with a service account's key the server makes
 * that member of the team the run's author. What is not given is not sent.
 */
export function authorHeaders({
  username,
  email,
}: Pick<Settings, "username" | "email">): Record<string, string> {
  return {
    ...(username ? { "x-wandb-username": headerText(username) } : {}),
    ...(email ? { "x-wandb-user-email": headerText(email) } : {}),
  };
}

/** UTF-8, which HTTP takes byte by byte; what it does not take at all (line ends, control characters) is left out. */
function headerText(text: string): string {
  return Buffer.from(text.replace(/\p{Cc}/gu, ""), "utf8").toString("latin1");
}
