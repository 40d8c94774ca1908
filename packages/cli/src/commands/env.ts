import { Command } from "commander";
import { info, print } from "../terminal.ts";

const PREFIX = { singularity: "SINGULARITYENV_", apptainer: "APPTAINERENV_" };

/** `env`: the variables that are set, as lines for a shell to read. */
export function envCommand(): Command {
  return new Command("env")
    .description('print the variables that are set, as lines for a shell: eval "$(… env --singularity)"')
    .option("--singularity", "with the prefix that carries them into a Singularity container")
    .option("--apptainer", "with the prefix that carries them into an Apptainer container")
    .option("--no-key", "without the API key")
    .action((options: { singularity?: boolean; apptainer?: boolean; key: boolean }) => {
      const prefix = options.apptainer ? PREFIX.apptainer : options.singularity ? PREFIX.singularity : "";
      const names = Object.keys(process.env).filter(
        (name) => /^(WANDB|STEELYARD)_\w+$/.test(name) && (options.key || name !== "WANDB_API_KEY"),
      );
      for (const name of names.sort()) print(`export ${prefix}${name}=${quoted(process.env[name] ?? "")}`);
      if (prefix && names.includes("WANDB_API_KEY"))
        info(
          "the key is among them: others on this machine may see it in a list of processes; --no-key leaves it out",
        );
    });
}

/** As one word of a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
