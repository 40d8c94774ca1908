import { Command } from "commander";
import { artifactCacheCommand } from "./artifact/cache.ts";
import { artifactGetCommand } from "./artifact/get.ts";
import { artifactListCommand } from "./artifact/list.ts";
import { artifactPutCommand } from "./artifact/put.ts";

export function artifactCommand(): Command {
  const group = new Command("artifact").description("versions of data, models and code");
  const commands = [
    artifactPutCommand(),
    artifactGetCommand(),
    artifactListCommand(),
    artifactCacheCommand(),
  ];
  for (const command of commands) group.addCommand(command);
  return group;
}
