import { Command } from "commander";
import { openApi } from "../../api.ts";
import { EXIT } from "../../exit-status.ts";
import { CommandError, info, print, printJson, table } from "../../terminal.ts";
import { agreed } from "./user.ts";

interface Member {
  username: string;
  role: string;
}
interface Group {
  name: string;
  members: Member[];
}
type Kind = "team" | "organization";

const ROLES = ["admin", "member", "viewer"];
const names = (value: string, before: string[]): string[] => [
  ...before,
  ...value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== ""),
];

/** Teams and organizations: names with members. */
export function groupCommand(kind: Kind): Command {
  const all = `/api/v1/admin/${kind}s`;
  const one = (name: string) => `${all}/${encodeURIComponent(name)}`;
  const make = new Command("add")
    .description("make one")
    .argument("<name>")
    .option("--member <user=role,...>", `members; roles are ${ROLES.join(", ")}`, names, [])
    .action(async (name: string, options: { member: string[]; organization?: string }) => {
      await openApi().json("POST", all, {
        name,
        members: options.member.map(memberOf),
        ...(options.organization === undefined ? {} : { organization: options.organization }),
      });
      info(`The ${kind} ${name} is there.`);
    });
  if (kind === "team") make.option("--organization <name>", "organization it belongs to");
  return new Command(kind)
    .description(`${kind}s and their members`)
    .addCommand(
      new Command("ls")
        .description("all of them")
        .option("--json", "as JSON")
        .action(async ({ json }: { json?: boolean }) => {
          const answer = await openApi().json<Record<string, Group[]>>("GET", all);
          const groups = answer[`${kind}s`] ?? [];
          if (json) printJson(groups);
          else if (groups.length === 0) info(`There are no ${kind}s.`);
          else
            print(table([["name", "members"], ...groups.map(({ name, members }) => [name, told(members)])]));
        }),
    )
    .addCommand(make)
    .addCommand(
      new Command("set")
        .description("change its members")
        .argument("<name>")
        .option("--add <user=role,...>", "members to add, or whose role changes", names, [])
        .option("--remove <user,...>", "members to take away", names, [])
        .action(async (name: string, { add, remove }: { add: string[]; remove: string[] }) => {
          if (add.length + remove.length === 0)
            throw new CommandError("say what to change: --add ann=member, --remove bob", EXIT.usage);
          await openApi().json("PATCH", one(name), { add: add.map(memberOf), remove });
          info(`The ${kind} ${name} is changed.`);
        }),
    )
    .addCommand(
      new Command("rm")
        .description(kind === "team" ? "delete one that has no projects" : "delete one")
        .argument("<name>")
        .option("-y, --yes", "do not ask")
        .action(async (name: string, { yes }: { yes?: boolean }) => {
          await agreed(`delete the ${kind} ${name}`, yes === true);
          await openApi().json("DELETE", one(name));
          info(`The ${kind} ${name} is deleted.`);
        }),
    );
}

function memberOf(text: string): Member {
  const [username = "", role = "member", ...more] = text.split("=");
  if (username !== "" && more.length === 0 && ROLES.includes(role)) return { username, role };
  throw new CommandError(
    `"${text}" is no member; write ann or ann=viewer; roles are ${ROLES.join(", ")}`,
    EXIT.usage,
  );
}

const told = (members: readonly Member[]): string =>
  members.map(({ username, role }) => `${username}=${role}`).join(", ");
