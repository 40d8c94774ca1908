import { Command } from "commander";
import { artifactGetCommand } from "./artifact/get.ts";
import { artifactListCommand } from "./artifact/list.ts";
import { refusedArtifactCommands } from "./elsewhere.ts";

export function artifactCommand(): Command {
  const group = new Command("artifact").description("versions of data, models and code");
  for (const command of [artifactGetCommand(), artifactListCommand(), ...refusedArtifactCommands()])
    group.addCommand(command);
  return group;
}
