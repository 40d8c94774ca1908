// The whole module: an old Node, which is to be told, has no such export.
import module from "node:module";
import { Command } from "commander";
import { EXIT } from "../exit-status.ts";
import { CommandError, info, PROGRAM } from "../terminal.ts";
import { startInBackground, stopCommand } from "./server/background.ts";
import { dataCommands } from "./server/data.ts";
import { ofServer } from "./server/package.ts";
import { serverStatusCommand } from "./server/status.ts";

export function serverCommand(): Command {
  const server = new Command("server").description("run the server, and look after its data");
  for (const command of [startCommand("start"), stopCommand(), serverStatusCommand(), ...dataCommands()])
    server.addCommand(command);
  return server;
}

/** The official client's old word for `server start`. */
export function localCommand(): Command {
  return startCommand("local").hook("preAction", () => info(`local is \`${PROGRAM} server start\` now`));
}

function startCommand(name: string): Command {
  return new Command(name)
    .description(
      "serve until stopped, or with --daemon in the background; the flags are those of the server: --host, --port, --data-dir …",
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[flags...]")
    .helpOption(false)
    .action(async (words: string[]) => {
      const { flags, daemon } = serverFlags(words);
      if (daemon) return startInBackground(flags);
      // Compiled modules are kept between starts: by this process, and by its workers, which go by the variable.
      const { directory } = module.enableCompileCache?.() ?? {};
      if (directory) process.env.NODE_COMPILE_CACHE ??= directory;
      const { main } = await ofServer(() => import("@steelyard/server"));
      await main(flags);
    });
}

/** The server's flags, of those the official client's command has too. */
function serverFlags(words: readonly string[]): { flags: string[]; daemon: boolean } {
  const flags: string[] = [];
  let daemon = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const [flag = "", inside] = /^(-[pe]|--env)=?(.*)$/.exec(word)?.slice(1) ?? [];
    if (flag !== "") {
      const value = inside || words[++at];
      if (!value) throw new CommandError(`${flag} needs a value`, EXIT.usage);
      if (flag === "-p") flags.push("--port", value);
      else setVariable(value);
    } else if (word === "--daemon") daemon = true;
    else if (word === "--no-daemon") daemon = false;
    else if (word === "--upgrade" || word === "--edge")
      info(`${word} has no effect: the server is of the version that is installed`);
    else flags.push(word);
  }
  return { flags, daemon };
}

function setVariable(text: string): void {
  const at = text.indexOf("=");
  if (at < 1) throw new CommandError(`-e takes NAME=VALUE, not ${text}`, EXIT.usage);
  process.env[text.slice(0, at)] = text.slice(at + 1);
}
