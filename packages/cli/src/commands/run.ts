import { Command } from "commander";
import { runChangeCommands } from "./run/change.ts";
import { runListCommand } from "./run/list.ts";
import { runLogsCommand } from "./run/logs.ts";
import { runShowCommand } from "./run/show.ts";

export function runCommand(): Command {
  const group = new Command("run")
    .alias("runs")
    .description("list, show and change runs; RUN is id, project/id or entity/project/id");
  for (const command of [runListCommand(), runShowCommand(), runLogsCommand(), ...runChangeCommands()])
    group.addCommand(command);
  return group;
}
