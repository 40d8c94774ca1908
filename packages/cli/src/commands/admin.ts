import { Command } from "commander";
import { groupCommand } from "./admin/group.ts";
import { userCommand } from "./admin/user.ts";

export function adminCommand(): Command {
  return new Command("admin")
    .description("users, teams and organizations of the server; for administrators")
    .addCommand(userCommand())
    .addCommand(groupCommand("team"))
    .addCommand(groupCommand("organization"));
}
