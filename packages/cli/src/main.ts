#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { VERSION } from "steelyard/command-line";
import { doctorCommand } from "./commands/doctor.ts";
import { initCommand } from "./commands/init.ts";
import { loginCommand, logoutCommand } from "./commands/login.ts";
import { modeCommands } from "./commands/mode.ts";
import { serverCommand } from "./commands/server.ts";
import { settingsCommand } from "./commands/settings.ts";
import { statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { CommandError, PROGRAM, styled } from "./terminal.ts";

/** Exit statuses: 0 done, 1 it did not work (the message says why), 2 a wrong command or option. */
const USAGE = 2;

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
  syncCommand(),
  doctorCommand(),
  serverCommand(),
];
for (const command of commands) program.addCommand(command);
const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
for (const command of all(program)) command.exitOverride().copyInheritedSettings(program);

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE;
  else if (error instanceof CommandError) {
    process.stderr.write(`${PROGRAM}: ${styled("red", `ERROR ${error.message}`)}\n`);
    process.exitCode = error.status;
  } else throw error;
}
