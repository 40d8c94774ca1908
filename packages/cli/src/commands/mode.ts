import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { changeSettings, settingsFilesOf } from "../settings-files.ts";
import { PROGRAM, print } from "../terminal.ts";

const MODES = [
  {
    name: "online",
    alias: "on",
    mode: undefined,
    says: "W&B online. Running your script from this directory will now sync to the server.",
  },
  {
    name: "offline",
    alias: "off",
    mode: "offline",
    says: `W&B offline. Running your script from this directory will only write metadata locally. Use \`${PROGRAM} disabled\` to completely turn it off.`,
  },
  { name: "enabled", mode: "online", says: "W&B enabled." },
  { name: "disabled", mode: "disabled", says: "W&B disabled." },
] as const;

/** `online`, `offline`, `enabled`, `disabled`: what runs of this folder do unless WANDB_MODE says otherwise. */
export function modeCommands(): Command[] {
  return MODES.map(({ name, mode, says, ...more }) => {
    const command = new Command(name)
      .description(
        mode === undefined
          ? "runs of this folder are sent again"
          : `runs of this folder: WANDB_MODE=${mode} from now on`,
      )
      .option("--service", "does nothing; the official client takes it")
      .action(() => {
        changeSettings(settingsFilesOf(settingsOf()).local, { mode });
        print(says);
      });
    return "alias" in more ? command.alias(more.alias) : command;
  });
}
