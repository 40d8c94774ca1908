#!/usr/bin/env node
import { Command } from "commander";
import { serverCommand } from "./server.ts";

const program = new Command("steelyard")
  .description("Track machine-learning runs on your own machine")
  .showHelpAfterError("(steelyard --help lists the commands)")
  .addCommand(serverCommand());

await program.parseAsync();
