import { Command } from "commander";
import { CommandError, PROGRAM } from "../terminal.ts";
import { syncCommand } from "./sync.ts";

/**
 * Words of the official client's command line that are not here: a script that uses one has to fail, and to say why.
 */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["launch", "launch-agent", "launch-sweep", "sweep-scheduler", "scheduler", "job"].map((verb) => [
      verb,
      `${verb} is a part of W&B Launch, a queue of jobs that ${PROGRAM} does not have; start your program with what runs jobs for you, it needs WANDB_API_KEY and WANDB_BASE_URL only`,
    ]),
  ),
  ...Object.fromEntries(
    ["sweep", "agent", "controller"].map((verb) => [
      verb,
      `${verb} is not there yet: sweeps come with a later version of ${PROGRAM}`,
    ]),
  ),
  leet: `leet is not there; \`${PROGRAM} run show\` and \`${PROGRAM} run logs -f\` follow a run in the terminal`,
};

const BETA: Readonly<Record<string, string>> = {
  core: `core is not there: ${PROGRAM} needs no service beside the program`,
  sandbox: `sandbox is a hosted service of W&B that ${PROGRAM} does not have`,
  leet: ELSEWHERE.leet ?? "",
};

/** Taken with whatever follows, shown in no help. */
export function elsewhereCommands(): Command[] {
  const beta = new Command("beta").description("the official client's other name for some commands");
  beta.addCommand(syncCommand());
  for (const command of refusals(BETA)) beta.addCommand(command);
  return [...refusals(ELSEWHERE), beta];
}

export const ELSEWHERE_DESCRIPTION = "of the official client; not here";

function refusals(reasons: Readonly<Record<string, string>>): Command[] {
  return Object.entries(reasons).map(([verb, reason]) =>
    new Command(verb)
      .description(ELSEWHERE_DESCRIPTION)
      .argument("[args...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw new CommandError(reason);
      }),
  );
}
