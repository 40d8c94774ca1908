import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { openApi } from "../../api.ts";
import { EXIT } from "../../exit-status.ts";
import {
  ask,
  CommandError,
  confirm,
  info,
  isInteractive,
  PROGRAM,
  print,
  printJson,
  readStandardInput,
  table,
} from "../../terminal.ts";

interface User {
  username: string;
  email: string | null;
  admin: boolean;
  kind: string;
  createdAt: string;
}

const USERS = "/api/v1/admin/users";
const addressOf = (username: string) => `${USERS}/${encodeURIComponent(username)}`;

export function userCommand(): Command {
  return new Command("user")
    .description("people and service accounts")
    .addCommand(new Command("ls").description("all of them").option("--json", "as JSON").action(list))
    .addCommand(
      new Command("add")
        .description("make one; prints the key, which is told this once")
        .argument("<username>")
        .option("--email <address>", "e-mail")
        .option("--admin", "an administrator of the server")
        .option("--service", "an account of a program, without a password")
        .option("--password-stdin", "read a password from standard input")
        .option("--json", "as JSON")
        .action(add),
    )
    .addCommand(
      new Command("set")
        .description("change what is given")
        .argument("<username>")
        .option("--email <address>", "e-mail")
        .option("--admin", "an administrator from now on")
        .option("--no-admin", "no administrator any more")
        .action(change),
    )
    .addCommand(
      new Command("password")
        .description("set a new password; whoever is signed in with the old one no longer is")
        .argument("<username>")
        .option("--password-stdin", "read it from standard input")
        .action(async (username: string, options: { passwordStdin?: boolean }) => {
          const password = await newPassword(options.passwordStdin === true);
          await openApi().json("PATCH", addressOf(username), { password });
          info(`${username} has a new password.`);
        }),
    )
    .addCommand(
      new Command("new-key")
        .description("give one another key; prints it")
        .argument("<username>")
        .option("--revoke", "and end all others, the password and what is signed in")
        .action(async (username: string, { revoke }: { revoke?: boolean }) => {
          const apiKey = randomBytes(20).toString("hex");
          await openApi().json("PATCH", addressOf(username), { apiKey, ...(revoke ? { revoke } : {}) });
          print(apiKey);
        }),
    )
    .addCommand(
      new Command("disable")
        .description(
          "end all keys, the password and what is signed in; `new-key` or `password` let them in again",
        )
        .argument("<username>")
        .action(async (username: string) => {
          await openApi().json("PATCH", addressOf(username), { revoke: true });
          info(`${username} can no longer sign in.`);
        }),
    )
    .addCommand(
      new Command("rm")
        .description("delete one for good; their runs stay and keep their author")
        .argument("<username>")
        .option("-y, --yes", "do not ask")
        .action(async (username: string, { yes }: { yes?: boolean }) => {
          await agreed(`delete the user ${username}`, yes === true);
          await openApi().json("DELETE", addressOf(username));
          info(`${username} is deleted.`);
        }),
    );
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const { users } = await openApi().json<{ users: User[] }>("GET", USERS);
  if (json) printJson(users);
  else
    print(
      table([
        ["username", "kind", "admin", "e-mail", "since"],
        ...users.map(({ username, kind, admin, email, createdAt }) => [
          username,
          kind,
          admin ? "yes" : "",
          email ?? "",
          createdAt,
        ]),
      ]),
    );
}

interface AddOptions {
  email?: string;
  admin?: boolean;
  service?: boolean;
  passwordStdin?: boolean;
  json?: boolean;
}

async function add(username: string, options: AddOptions): Promise<void> {
  if (options.service && options.passwordStdin)
    throw new CommandError("a service account has no password", EXIT.usage);
  const made = await openApi().json<{ username: string; apiKey: string }>("POST", USERS, {
    username,
    ...(options.email === undefined ? {} : { email: options.email }),
    ...(options.admin ? { admin: true } : {}),
    ...(options.service ? { kind: "service" } : {}),
    ...(options.passwordStdin ? { password: await newPassword(true) } : {}),
  });
  if (options.json) printJson(made);
  else print(made.apiKey);
  info(`${username} is there; the key is told this once.`);
}

async function change(
  username: string,
  { email, admin }: { email?: string; admin?: boolean },
): Promise<void> {
  if (email === undefined && admin === undefined)
    throw new CommandError("say what to change: --email, --admin or --no-admin", EXIT.usage);
  await openApi().json("PATCH", addressOf(username), {
    ...(email === undefined ? {} : { email }),
    ...(admin === undefined ? {} : { admin }),
  });
  info(`${username} is changed.`);
}

async function newPassword(fromInput: boolean): Promise<string> {
  if (fromInput) return readStandardInput();
  if (!isInteractive()) throw new CommandError("no terminal to ask at; use --password-stdin");
  const password = await ask("New password: ", { hidden: true });
  if ((await ask("Again: ", { hidden: true })) !== password)
    throw new CommandError("the two are not the same");
  return password;
}

/** Throws CommandError unless the user says yes, here or by --yes. */
export async function agreed(what: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!isInteractive()) throw new CommandError("no terminal to ask at; say --yes");
  if (!(await confirm(`${PROGRAM}: ${what}?`))) throw new CommandError("Aborted!");
}
