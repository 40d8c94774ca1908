import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { GivenSettings } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { writeGitignore } from "steelyard/command-line";
import { type Api, openApi, settingsOf, viewerOf } from "../api.ts";
import { changeSettings, settingsFilesOf } from "../settings-files.ts";
import { ask, CommandError, choose, confirm, isInteractive, PROGRAM, print, styled } from "../terminal.ts";

interface Options {
  project?: string;
  entity?: string;
  reset?: boolean;
  mode?: string;
}

export function initCommand(): Command {
  return new Command("init")
    .description("set entity and project for runs of this folder, in wandb/settings")
    .option("-p, --project <name>", "project of the runs")
    .option("-e, --entity <name>", "user or team they belong to")
    .option("--reset", "forget what is set here")
    .option("-m, --mode <mode>", "online, offline or disabled")
    .action(init);
}

async function init(options: Options): Promise<void> {
  const { project: asked, entity: owner, mode } = options;
  // What is not allowed is not to be found out by the next run.
  const loaded = settingsOf({ project: asked, entity: owner, mode: mode as GivenSettings["mode"] });
  const { local } = settingsFilesOf(loaded);
  if (options.project || options.entity || options.reset || options.mode) {
    const cleared = options.reset ? { entity: undefined, project: undefined, mode: undefined } : {};
    const given = Object.entries({ entity: options.entity, project: options.project, mode: options.mode });
    changeSettings(local, {
      ...cleared,
      ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    });
    writeGitignore(dirname(local));
    return;
  }
  if (!isInteractive())
    throw new CommandError(
      `there is no terminal to ask at; use ${PROGRAM} init --project NAME [--entity NAME]`,
    );
  if (existsSync(local)) {
    if (!(await confirm("This directory has been configured previously, should we re-configure it?")))
      throw new CommandError("Aborted!");
  } else print(styled("green", "Let's setup this directory for W&B!", process.stdout));
  const api = openApi(loaded);
  const entity = await whichEntity(api);
  const project = await whichProject(api, entity);
  changeSettings(local, { entity, project });
  writeGitignore(dirname(local));
  print(`${styled("green", "This directory is configured!", process.stdout)}  Next, track a run:
* In your training script:
    import wandb                        # Python
    run = wandb.init(project="${project}")
    import { init } from "steelyard"    // TypeScript
    const run = await init()
* then run it as usual`);
}

const MANUAL = "Manual entry";
const CREATE = "Create New";

async function whichEntity(api: Api): Promise<string> {
  const { entity, teams } = await viewerOf(api);
  const all = [...new Set([entity, ...teams])];
  if (all.length === 1) return entity;
  const chosen = await choose("Which team should we use?", [...all, MANUAL]);
  return chosen === MANUAL ? (await ask("Enter the name of the team you want to use: ")).trim() : chosen;
}

async function whichProject(api: Api, entity: string): Promise<string> {
  const { models } = await api.graphql<{ models: { edges: { node: { name: string } }[] } }>(
    "query Projects($entity: String) { models(entityName: $entity, first: 50) { edges { node { name } } } }",
    { entity },
  );
  const names = models.edges.map(({ node }) => node.name);
  const chosen = names.length > 0 ? await choose("Which project should we use?", [...names, CREATE]) : CREATE;
  if (chosen !== CREATE) return chosen;
  const name = (await ask("Enter a name for your first project: ")).trim();
  await api.graphql(
    "mutation Create($input: UpsertModelInput!) { upsertModel(input: $input) { project { id } } }",
    { input: { entityName: entity, name } },
  );
  return name;
}
