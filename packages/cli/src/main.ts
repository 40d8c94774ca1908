#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { VERSION } from "steelyard/command-line";
import { adminCommand } from "./commands/admin.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { loginCommand, logoutCommand } from "./commands/login.ts";
import { modeCommands } from "./commands/mode.ts";
import { runCommand } from "./commands/run.ts";
import { serverCommand } from "./commands/server.ts";
import { settingsCommand } from "./commands/settings.ts";
import { statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { EXIT } from "./exit-status.ts";
import { CommandError, PROGRAM, styled } from "./terminal.ts";

const program = new Command(PROGRAM)
  .description("Track machine-learning runs on your own machine")
  .version(`${PROGRAM}, version ${VERSION}`, "--version", "the version")
  .showHelpAfterError(`(${PROGRAM} --help lists the commands)`)
  .exitOverride();
const commands = [
  loginCommand(),
  logoutCommand(),
  initCommand(),
  ...modeCommands(),
  statusCommand(),
  settingsCommand(),
  runCommand(),
  syncCommand(),
  importCommand(),
  doctorCommand(),
  serverCommand(),
  adminCommand(),
];
for (const command of commands) program.addCommand(command);
const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
for (const command of all(program)) command.exitOverride().copyInheritedSettings(program);

// Whoever reads has read enough: `| head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  else if (error instanceof CommandError) {
    process.stderr.write(`${PROGRAM}: ${styled("red", `ERROR ${error.message}`)}\n`);
    process.exitCode = error.status;
  } else throw error;
}
