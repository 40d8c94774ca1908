#!/usr/bin/env node
import { CommanderError } from "commander";
import { isDebugging } from "./api.ts";
import { EXIT } from "./exit-status.ts";
import { steelyardProgram } from "./program.ts";
import { CommandError, PROGRAM, styled } from "./terminal.ts";

// Whoever reads has read enough: `| head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

const program = steelyardProgram();
try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  else if (error instanceof CommandError) {
    const { message, stack = message } = error;
    process.stderr.write(`${PROGRAM}: ${styled("red", `ERROR ${isDebugging() ? stack : message}`)}\n`);
    process.exitCode = error.status;
  } else throw error;
}
