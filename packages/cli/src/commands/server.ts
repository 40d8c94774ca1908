// The whole module: an old Node, which is to be told, has no such export.
import module from "node:module";
import { Command } from "commander";
import { dataCommands } from "./server/data.ts";
import { ofServer } from "./server/package.ts";
import { serverStatusCommand } from "./server/status.ts";

export function serverCommand(): Command {
  const start = new Command("start")
    .description("serve until stopped; the flags are those of the server: --host, --port, --data-dir …")
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[flags...]")
    .helpOption(false)
    .action(async (flags: string[]) => {
      // Compiled modules are kept between starts: by this process, and by its workers, which go by the variable.
      const { directory } = module.enableCompileCache?.() ?? {};
      if (directory) process.env.NODE_COMPILE_CACHE ??= directory;
      const { main } = await ofServer(() => import("@steelyard/server"));
      await main(flags);
    });
  const server = new Command("server").description("run the server, and look after its data");
  for (const command of [start, serverStatusCommand(), ...dataCommands()]) server.addCommand(command);
  return server;
}
