import { Command } from "commander";
import { runChangeCommands } from "./run/change.ts";
import { runExportCommand } from "./run/export.ts";
import { runListCommand } from "./run/list.ts";
import { runLogsCommand } from "./run/logs.ts";
import { runShowCommand } from "./run/show.ts";
import { runVerifyCommand } from "./run/verify.ts";

export function runCommand(): Command {
  const group = new Command("run")
    .alias("runs")
    .description("list, show and change runs; RUN is id, project/id or entity/project/id");
  const commands = [
    runListCommand(),
    runShowCommand(),
    runLogsCommand(),
    runExportCommand(),
    ...runChangeCommands(),
    runVerifyCommand(),
  ];
  for (const command of commands) group.addCommand(command);
  return group;
}
