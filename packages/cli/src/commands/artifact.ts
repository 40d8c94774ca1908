import { Command } from "commander";
import { artifactCacheCommand } from "./artifact/cache.ts";
import { artifactGetCommand } from "./artifact/get.ts";
import { artifactListCommand } from "./artifact/list.ts";
import { refusedArtifactCommands } from "./elsewhere.ts";

export function artifactCommand(): Command {
  const group = new Command("artifact").description("versions of data, models and code");
  const commands = [
    artifactGetCommand(),
    artifactListCommand(),
    artifactCacheCommand(),
    ...refusedArtifactCommands(),
  ];
  for (const command of commands) group.addCommand(command);
  return group;
}
