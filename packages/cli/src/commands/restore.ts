import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stringifyExtendedJson } from "@steelyard/protocol/history";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { makeFolder } from "steelyard/command-line";
import { settingsOf } from "../api.ts";
import { isInstalled } from "../docker/docker-program.ts";
import { isImage } from "../docker/image.ts";
import type { StoredFile } from "../download.ts";
import { EXIT } from "../exit-status.ts";
import { GitRepository } from "../git-repository.ts";
import { type Run, RunClient, type RunPath } from "../run-client.ts";
import { CommandError, info, isInteractive, PROGRAM, warn } from "../terminal.ts";
import { dockerCommand } from "./docker.ts";

interface Options {
  git: boolean;
  branch: boolean;
  project?: string;
  entity?: string;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .description("bring back a run's code, config and container here")
    .argument(
      "[run]",
      "id, project/id or entity/project/id, also project:id; WANDB_RUN_ID when none is given",
    )
    .option("--no-git", "leave the repository alone")
    .option("--branch", "check the commit out as the branch wandb/RUN", true)
    .option("--no-branch", "check the commit out without a branch")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .action(restore);
}

/** What is needed of `wandb-metadata.json`; whoever may write to the run may have written it. */
interface Metadata {
  git?: { remote?: unknown; repo?: unknown; commit?: unknown };
  docker?: unknown;
  program?: unknown;
  args?: unknown;
  executable?: unknown;
}

async function restore(text: string | undefined, options: Options): Promise<void> {
  const loaded = settingsOf();
  const named = text ?? loaded.settings.runId;
  if (!named) throw new CommandError("name a run, or set WANDB_RUN_ID", EXIT.usage);
  const client = new RunClient(loaded);
  const path = await client.path(named.replace(/^([^:/]*(?:\/[^:/]*)?):/, "$1/"), options);
  const run = await client.run(path);
  const files = await client.files(path);
  const textOf = (name: string) => contentOf(client, files, name);
  const metadata = metadataOf(await textOf("wandb-metadata.json"));
  const folder = foldersOf(loaded.settings, loaded.machine).wandb;
  makeFolder(folder);

  if (options.git) await restoreCode(run, path, metadata, { files, textOf, folder, branch: options.branch });
  const config = join(folder, "config.yaml");
  writeFileSync(config, configYaml(run.config));
  info(`Restored config variables to ${config}`);
  await restoreContainer(metadata);
}

interface Sources {
  files: readonly StoredFile[];
  textOf(name: string): Promise<string | undefined>;
  folder: string;
  branch: boolean;
}

async function restoreCode(run: Run, path: RunPath, { git }: Metadata, sources: Sources): Promise<void> {
  const commit = commitOf(run.commit) ?? commitOf(git?.commit);
  const remote = git?.remote || git?.repo;
  const repository = await GitRepository.around(process.cwd());
  if (commit === undefined) {
    info("Original run has no git history. Just restoring the rest");
    return;
  }
  const elsewhere = new CommandError(
    `\`${PROGRAM} restore\` needs to be run from the same git repository as the original run.\nRun ${typeof remote === "string" ? `\`git clone ${remote}\`` : "it"} and restore from there or pass the --no-git flag.`,
  );
  if (!repository) throw elsewhere;
  info(`Fetching origin and finding commit: ${commit}`);
  await repository.fetchAll();
  const known = (await repository.hasCommit(commit))
    ? { commit, patch: "diff.patch" }
    : await upstreamOf(repository, sources.files, commit);
  if (!known) throw elsewhere;
  await checkout(repository, path.run, known.commit, sources.branch);
  const patch = await sources.textOf(known.patch);
  if (!patch?.trim()) return;
  const file = join(sources.folder, basename(known.patch));
  writeFileSync(file, patch);
  const problem = await repository.apply(file);
  if (problem === undefined) info("Applied patch");
  else
    throw new CommandError(
      `Failed to apply patch, try un-staging any un-committed changes: ${problem}\nThe patch is ${file}; what did not fit is in .rej files`,
    );
}

/** The run's own commit was never pushed: a commit that was, and a patch from there. */
async function upstreamOf(
  repository: GitRepository,
  files: readonly StoredFile[],
  missing: string,
): Promise<{ commit: string; patch: string } | undefined> {
  info(`Couldn't find original commit: ${missing}`);
  for (const { name } of files) {
    // The first is the older client's name for it.
    const commit = commitOf(/^(?:upstream_)?diff_(\w+)\.patch$/.exec(name)?.[1]);
    if (commit === undefined || !(await repository.hasCommit(commit))) continue;
    info(`Falling back to upstream commit: ${commit}`);
    return { commit, patch: name };
  }
  return undefined;
}

async function checkout(
  repository: GitRepository,
  run: string,
  commit: string,
  asBranch: boolean,
): Promise<void> {
  const branch = `wandb/${run}`;
  const isThere = asBranch && (await repository.hasBranch(branch));
  if (isThere)
    info(`Using existing branch, run \`git branch -D ${branch}\` from master for a clean checkout`);
  else if (!asBranch) info(`Checking out ${commit} in detached mode`);
  const problem = await repository.checkout(
    ...(!asBranch ? ["--detach", commit] : isThere ? [branch, "--"] : ["-b", branch, commit, "--"]),
  );
  if (problem !== undefined) throw new CommandError(`git could not check out ${commit}: ${problem}`);
  if (asBranch && !isThere) info(`Created branch ${branch}`);
}

/** At a terminal the container starts; else how to start it is told. */
async function restoreContainer({ docker, program, args, executable }: Metadata): Promise<void> {
  if (typeof docker !== "string" || docker === "") return;
  if (!isImage(docker)) {
    warn(`the run's image ${JSON.stringify(docker)} is no name of an image; it is not started`);
    return;
  }
  const words = [runnerOf(program, executable), program, ...(Array.isArray(args) ? args : [])];
  const command =
    typeof program === "string" && !program.startsWith("<")
      ? words.map((word) => quoted(String(word))).join(" ")
      : undefined;
  if (command === undefined) info("Couldn't find original command, just restoring environment");
  const all = [...(command === undefined ? [] : ["--cmd", command]), docker];
  if (!isInteractive() || !isInstalled("docker")) {
    info(`Docker image found; start it with: ${PROGRAM} docker ${all.map(quoted).join(" ")}`);
    return;
  }
  info("Docker image found, attempting to start");
  await dockerCommand().parseAsync(all, { from: "user" });
}

function runnerOf(program: unknown, executable: unknown): string {
  if (/\.[cm]?[jt]s$/.test(String(program))) return "node";
  return typeof executable === "string" && /python[\d.]*$/.test(executable) ? basename(executable) : "python";
}

/** As one word of a shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Nothing else may become a word of git's command line. */
function commitOf(text: unknown): string | undefined {
  return typeof text === "string" && /^[0-9a-f]{7,64}$/i.test(text) ? text : undefined;
}

async function contentOf(
  client: RunClient,
  files: readonly StoredFile[],
  name: string,
): Promise<string | undefined> {
  const url = files.find((file) => file.name === name)?.url;
  if (!url) return undefined;
  const response = await client.content(url);
  if (!response.ok) throw new CommandError(`${name} could not be downloaded: status ${response.status}`);
  return response.text();
}

function metadataOf(text: string | undefined): Metadata {
  try {
    const value = JSON.parse(text ?? "{}") as unknown;
    return typeof value === "object" && value !== null ? (value as Metadata) : {};
  } catch {
    return {};
  }
}

/** JSON is YAML: a key a line, in the form that WANDB_CONFIG_PATHS takes. */
function configYaml(config: Record<string, unknown>): string {
  const lines = Object.entries(config)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:\n  value: ${stringifyExtendedJson(value)}\n`);
  return `wandb_version: 1\n\n${lines.join("")}`;
}
