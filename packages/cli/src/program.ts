import { Command } from "commander";
import { VERSION } from "steelyard/command-line";
import { adminCommand } from "./commands/admin.ts";
import { artifactCommand } from "./commands/artifact.ts";
import { cleanCommand } from "./commands/clean.ts";
import { completionCommand } from "./commands/completion.ts";
import { dockerCommand, dockerRunCommand } from "./commands/docker.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { elsewhereCommands } from "./commands/elsewhere.ts";
import { envCommand } from "./commands/env.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { loginCommand, logoutCommand } from "./commands/login.ts";
import { modeCommands } from "./commands/mode.ts";
import { projectsCommand } from "./commands/projects.ts";
import { pullCommand } from "./commands/pull.ts";
import { purgeCacheCommand } from "./commands/purge-cache.ts";
import { restoreCommand } from "./commands/restore.ts";
import { runCommand } from "./commands/run.ts";
import { localCommand, serverCommand } from "./commands/server.ts";
import { settingsCommand } from "./commands/settings.ts";
import { sqlCommand } from "./commands/sql.ts";
import { statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { verifyCommand } from "./commands/verify.ts";
import { PROGRAM } from "./terminal.ts";

/** The whole command line, before anything is read of it. */
export function steelyardProgram(): Command {
  const program = new Command(PROGRAM)
    .description("Track machine-learning runs on your own machine")
    .version(`${PROGRAM}, version ${VERSION}`, "--version", "the version")
    // Options after a command are the command's: `docker-run IMAGE python --version`.
    .enablePositionalOptions();
  const commands = [
    loginCommand(),
    logoutCommand(),
    initCommand(),
    ...modeCommands(),
    statusCommand(),
    projectsCommand(),
    settingsCommand(),
    envCommand(),
    runCommand(),
    sqlCommand(),
    syncCommand(),
    cleanCommand(),
    importCommand(),
    pullCommand(),
    artifactCommand(),
    restoreCommand(),
    dockerCommand(),
    dockerRunCommand(),
    doctorCommand(),
    verifyCommand(),
    serverCommand(),
    adminCommand(),
    purgeCacheCommand(),
    completionCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [localCommand(), ...elsewhereCommands()])
    program.addCommand(command, { hidden: true });
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(program))
    command.exitOverride().showHelpAfterError(`(${PROGRAM} --help lists the commands)`);
  return program;
}
