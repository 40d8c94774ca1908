import { Command } from "commander";
import { EXIT } from "../../exit-status.ts";
import { LIVE_STATES, RunClient } from "../../run-client.ts";
import { filterOf, type Selection, selects, withSelection } from "../../run-selection.ts";
import { CommandError, confirm, info, isInteractive, PROGRAM, printJson, styled } from "../../terminal.ts";

interface Options extends Selection {
  all?: boolean;
  yes?: boolean;
  dryRun?: boolean;
  failEmpty?: boolean;
  json?: boolean;
}

/** A run that is about to be changed. */
interface Target {
  globalId: string;
  id: string;
  name: string;
  state: string;
  tags: string[];
}

interface Change<O extends Options> {
  name: string;
  alias?: string;
  description: string;
  /** "deleted" in `3 run(s) deleted`. */
  done: string;
  /** Asks also when every run was named. */
  always?: true;
  options?(command: Command): Command;
  /** False when the run is so already. */
  apply(client: RunClient, run: Target, options: O): Promise<boolean>;
  check?(options: O): void;
}

const words = (value: string, before: string[]): string[] => [
  ...before,
  ...value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== ""),
];

/** Runs are listed with no more of them than this. */
const SHOWN = 10;

export function runChangeCommands(): Command[] {
  return [
    changeCommand({
      name: "stop",
      description: "ask running runs to stop; their programs end at their next word with the server",
      done: "asked to stop",
      async apply(client, { globalId, state }) {
        if (!LIVE_STATES.has(state)) return false;
        await client.stop(globalId);
        return true;
      },
    }),
    changeCommand<Options & { add: string[]; remove: string[] }>({
      name: "tag",
      description: "give runs tags, or take them away",
      done: "tagged",
      options: (command) =>
        command
          .option("--add <tag,...>", "tags to give", words, [])
          .option("--remove <tag,...>", "tags to take away", words, []),
      check({ add, remove }) {
        if (add.length + remove.length === 0)
          throw new CommandError("say which tags: --add a,b and --remove c", EXIT.usage);
      },
      async apply(client, { globalId, tags }, { add, remove }) {
        const after = [...new Set([...tags, ...add])].filter((tag) => !remove.includes(tag));
        if (after.length === tags.length && after.every((tag) => tags.includes(tag))) return false;
        await client.setTags(globalId, after);
        return true;
      },
    }),
    changeCommand<Options & { artifacts?: boolean }>({
      name: "rm",
      alias: "delete",
      description: "delete runs; `undelete` brings them back",
      done: "deleted",
      always: true,
      options: (command) =>
        command.option("--artifacts", "and the artifacts they made, which do not come back"),
      async apply(client, { globalId }, { artifacts }) {
        await client.remove(globalId, artifacts === true);
        return true;
      },
    }),
    undeleteCommand(),
  ];
}

function changeCommand<O extends Options>(change: Change<O>): Command {
  const command = withSelection(new Command(change.name).description(change.description))
    .argument(
      "[runs...]",
      "id, project/id or entity/project/id; or choose by --filter, --state, --tag, --all",
    )
    .option("--all", "every run of the project");
  if (change.alias) command.alias(change.alias);
  return asking(change.options?.(command) ?? command).action(async (texts: string[], options: O) => {
    change.check?.(options);
    const byName = texts.length > 0;
    const chosen = selects(options) || options.all === true;
    if (byName === chosen)
      throw new CommandError("name runs, or choose them by --filter, --state, --tag or --all", EXIT.usage);
    const client = new RunClient();
    const runs: Target[] = byName
      ? await Promise.all(texts.map(async (text) => client.run(await client.path(text, options))))
      : (await client.runs(await client.project(options.project, options.entity), filterOf(options))).runs;
    await each(client, runs, change, options, !byName || change.always === true);
  });
}

function undeleteCommand(): Command {
  const change: Change<Options> = {
    name: "undelete",
    description: "bring deleted runs back; `run ls --deleted` lists them",
    done: "brought back",
    async apply(client, { globalId }) {
      await client.restore(globalId);
      return true;
    },
  };
  const command = new Command(change.name)
    .description(change.description)
    .argument("[runs...]", "id, project/id or entity/project/id")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option("--all", "every deleted run of the project");
  return asking(command).action(async (texts: string[], options: Options) => {
    if (texts.length > 0 === (options.all === true))
      throw new CommandError("name runs, or say --all", EXIT.usage);
    const client = new RunClient();
    const runs: Target[] = [];
    if (options.all) {
      const where = await client.project(options.project, options.entity);
      for (const run of await client.deleted(where)) runs.push({ ...run, state: "deleted", tags: [] });
    }
    for (const text of texts) {
      const path = await client.path(text, options);
      const run = (await client.deleted(path)).find(({ id }) => id === path.run);
      if (!run)
        throw new CommandError(
          `no run ${path.run} was deleted in ${path.entity}/${path.project}; \`${PROGRAM} run ls --deleted\` lists those that were`,
        );
      runs.push({ ...run, state: "deleted", tags: [] });
    }
    await each(client, runs, change, options, options.all === true);
  });
}

function asking(command: Command): Command {
  return command
    .option("--dry-run", "only say which runs it would be")
    .option("-y, --yes", "do not ask")
    .option("--fail-empty", `end with ${EXIT.nothing} when there is no such run`)
    .option("--json", "what became of each, as JSON on standard output");
}

async function each<O extends Options>(
  client: RunClient,
  runs: readonly Target[],
  change: Change<O>,
  options: O,
  asks: boolean,
): Promise<void> {
  if (runs.length === 0) {
    info("No such runs.");
    if (options.failEmpty) process.exitCode = EXIT.nothing;
    if (options.json) printJson([]);
    return;
  }
  if (options.dryRun || (asks && !options.yes)) {
    for (const { id, name } of runs.slice(0, SHOWN)) info(`  ${id}  ${name}`);
    if (runs.length > SHOWN) info(`  +${runs.length - SHOWN} more`);
  }
  if (options.dryRun) {
    info(`Would be ${change.done}: ${runs.length} run(s).`);
    if (options.json) printJson(runs.map(({ id, name }) => ({ id, name })));
    return;
  }
  if (asks && !options.yes) {
    if (!isInteractive())
      throw new CommandError("no terminal to ask at; say --yes, or look with --dry-run first");
    if (!(await confirm(`${PROGRAM} run ${change.name}: ${runs.length} run(s)?`)))
      throw new CommandError("Aborted!");
  }
  const results: { id: string; name: string; changed: boolean; error?: string }[] = [];
  for (const run of runs) {
    const { id, name } = run;
    try {
      results.push({ id, name, changed: await change.apply(client, run, options) });
    } catch (error) {
      const { message } = error as Error;
      process.stderr.write(`${PROGRAM}: ${styled("red", `[${id}] ${message}`)}\n`);
      process.exitCode = EXIT.failed;
      results.push({ id, name, changed: false, error: message });
    }
  }
  info(`${results.filter(({ changed }) => changed).length} run(s) ${change.done}.`);
  if (options.json) printJson(results);
}
