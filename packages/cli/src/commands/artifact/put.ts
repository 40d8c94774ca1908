import { rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { ARTIFACT_BY_ID } from "@steelyard/protocol/documents";
import type { ArtifactEntry } from "@steelyard/protocol/records";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command, Option } from "commander";
import {
  artifactName,
  type FileOnDisk,
  fileEntries,
  filesBelow,
  type Http,
  init,
  keepInCache,
  type LoadedSettings,
  makeStagingFolder,
  newVersion,
  type Run,
  referenceEntries,
  stagingPlace,
  writeArtifact,
} from "steelyard/command-line";
import { type Api, openApi, settingsOf, viewerOf } from "../../api.ts";
import { artifactPathOf } from "../../artifact-path.ts";
import { EXIT } from "../../exit-status.ts";
import { ProgressBar, sizeOf } from "../../progress-bar.ts";
import { RunClient } from "../../run-client.ts";
import { ask, CommandError, info, isInteractive, PROGRAM, printJson, warn } from "../../terminal.ts";

/** 128 and the number of SIGINT, as shells say it. */
const INTERRUPTED = 130;

interface Options {
  name?: string;
  description?: string;
  type: string;
  alias?: string[];
  id?: string;
  resume?: boolean;
  skip_cache?: boolean;
  policy: "mutable" | "immutable";
  json?: boolean;
}

export function artifactPutCommand(): Command {
  return new Command("put")
    .description("upload a file or folder, or note an address, as a version of an artifact")
    .argument("<path>", "a file, a folder, or scheme://address, which is referred to and not uploaded")
    .option(
      "-n, --name <name>",
      "name, project/name or entity/project/name; as the path ends when none is given",
    )
    .option("-d, --description <text>", "what it is")
    .option("-t, --type <type>", "what kind of thing it is", "dataset")
    .option(
      "-a, --alias <alias>",
      "name of the version beside latest; several: each of them",
      (alias: string, before: string[] = []) => [...before, alias],
    )
    .option("--id <run>", "the run that made it, which is there already; else one is made for it")
    .option("--resume", "go on with the run of the last upload here, where that did not end")
    .option("--skip_cache", "keep no copy in the cache, from which it would be read here")
    .addOption(
      new Option(
        "--policy <policy>",
        "immutable: the files do not change till they are sent, so that no copies are made",
      )
        .choices(["mutable", "immutable"])
        .default("mutable"),
    )
    .option("--json", "what it became as JSON")
    .action(put);
}

/** What is given as PATH. */
type Source =
  | { kind: "directory" | "file"; files: FileOnDisk[]; name: string }
  | { kind: "reference"; name: string };

async function put(path: string, options: Options): Promise<void> {
  const source = sourceOf(path);
  const { entity: namedEntity, project: namedProject, name } = artifactPathOf(options.name ?? source.name);
  checkNames(name, options);
  const loaded = settingsOf();
  const { mode } = loaded.settings;
  if (mode === "offline" || mode === "dryrun" || mode === "disabled")
    throw new CommandError(
      `artifact put talks to the server, and the mode is ${mode}; \`${PROGRAM} online\` or WANDB_MODE=online changes that`,
    );
  const project = namedProject ?? (await projectFor(loaded));
  const api = openApi(loaded);
  const entity = namedEntity ?? (loaded.settings.entity || (await viewerOf(api)).entity);
  const given = await givenRun(options, loaded, api, { entity, project });
  const shown = `${path} to: "${entity}/${project}/${name}:${options.alias?.[0] ?? "latest"}" (${options.type})`;
  info(
    source.kind === "reference"
      ? `Logging reference artifact from ${shown}`
      : `Uploading ${source.kind} ${shown}`,
  );

  const stop = new AbortController();
  const onSignal = () => stop.abort(new CommandError("stopped: nothing was added", INTERRUPTED));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  let copies: string | undefined;
  let run: Run | undefined;
  const upload = new Upload(api, stop.signal);
  try {
    if (source.kind !== "reference" && options.policy === "mutable")
      copies = makeStagingFolder(stagingPlace(loaded, join(tmpdir(), "wandb")));
    const entries = await upload.read(path, source, copies);
    const version = newVersion(
      { type: options.type, name, description: options.description, aliases: options.alias },
      entries,
    );
    if (!given)
      run = await init({
        entity,
        project,
        jobType: "cli_put",
        config: { path },
        ...(options.resume ? { resume: "auto" } : {}),
        ...{ mode: "online", console: false, saveCode: false, silent: options.json },
      });
    const address = given ?? { id: "", name: run?.id ?? "", entity, project };
    const { id, known } = await writeArtifact(upload.http(entries), address, version);
    upload.end();
    if (!known && !options.skip_cache)
      await keepInCache(foldersOf(loaded.settings, loaded.machine).cache, entries, {
        moves: copies !== undefined,
      }).catch((error: Error) => warn(`it is not kept in the cache: ${error.message}`));
    await run?.finish();
    const { artifact } = await api.graphql<{ artifact: { versionIndex: number } }>(ARTIFACT_BY_ID, { id });
    const logged = `${name}:v${artifact.versionIndex}`;
    if (known) info(`${logged} is the same content: it has the aliases now, and there is no new version`);
    // As the official client ends.
    process.stderr.write(
      `Artifact uploaded, use this artifact in a run by adding:\n\n    artifact = run.use_artifact("${entity}/${project}/${logged}")\n\n`,
    );
    const { type } = options;
    const { digest } = version;
    if (options.json)
      printJson({
        entity,
        project,
        name: logged,
        type,
        digest,
        run: address.name,
        isNew: !known,
        files: entries.length,
      });
  } catch (error) {
    upload.end();
    await run?.finish(EXIT.failed);
    if (stop.signal.aborted) throw stop.signal.reason;
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${path} is not uploaded: ${(error as Error).message}`);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    if (copies !== undefined) rmSync(copies, { recursive: true, force: true });
  }
}

/** Throws CommandError for what is not there. */
function sourceOf(path: string): Source {
  const facts = statSync(path, { throwIfNoEntry: false });
  const whole = resolve(path);
  const name = basename(whole);
  if (facts?.isFile())
    return { kind: "file", name, files: [{ path: name, from: whole, sizeBytes: facts.size }] };
  try {
    if (facts?.isDirectory()) return { kind: "directory", name, files: filesBelow(whole, { links: true }) };
  } catch (error) {
    throw new CommandError(`${path} cannot be uploaded: ${(error as Error).message}`);
  }
  if (path.includes("://"))
    return { kind: "reference", name: /([^/?#]+)\/*(?:[?#].*)?$/.exec(path)?.[1] ?? "" };
  throw new CommandError(
    `Path argument must be a file or directory: ${facts ? `${path} is neither` : `there is no ${whole}`}`,
  );
}

/** What the official client does not take is not for it to read. */
function checkNames(name: string, { type, alias = [] }: Options): void {
  if (!/^[\w.-]{1,128}$/.test(name))
    throw new CommandError(
      `the name of an artifact has up to 128 letters, digits and _ - . only, and "${name}" does not; give one with -n${artifactName(name) ? `, such as ${artifactName(name)}` : ""}`,
      EXIT.usage,
    );
  const isOwn =
    type === "job" ||
    type.startsWith("wandb-") ||
    (type === "run_table" && name.startsWith("run-")) ||
    (type === "code" && name.startsWith("source-"));
  if (isOwn || type === "" || /[/:]/.test(type))
    throw new CommandError(
      `an artifact${isOwn ? ` ${name}` : ""} cannot be of type "${type}"${isOwn ? ", which runs have for their own" : ""}; give another with -t`,
      EXIT.usage,
    );
  const bad = alias.find((one) => one === "" || one.length > 128 || /[/:]/.test(one));
  if (bad !== undefined)
    throw new CommandError(
      `an alias has up to 128 characters, none of them / or :, and "${bad}" does not`,
      EXIT.usage,
    );
}

async function projectFor({ settings }: LoadedSettings): Promise<string> {
  if (settings.project) return settings.project;
  const asked = isInteractive() ? (await ask("Enter the name of the project you want to use: ")).trim() : "";
  if (asked) return asked;
  throw new CommandError(
    "no project is named; say it in the name, -n PROJECT/NAME, or set WANDB_PROJECT",
    EXIT.usage,
  );
}

/** The run that is there already, of `--id` or WANDB_RUN_ID: nothing of it is changed. */
async function givenRun(
  { id, resume }: Options,
  loaded: LoadedSettings,
  api: Api,
  where: { entity: string; project: string },
) {
  const name = id ?? (resume ? undefined : loaded.settings.runId);
  if (!name) return undefined;
  if (await new RunClient(loaded, api).has({ ...where, run: name })) return { id: "", name, ...where };
  if (id === undefined) return undefined;
  throw new CommandError(
    `there is no run ${where.entity}/${where.project}/${id} to upload to, or you may not see it; without --id one is made`,
  );
}

/** The two parts of the work, each with its bar. */
class Upload {
  readonly #api: Api;
  readonly #signal: AbortSignal;
  readonly #bar = new ProgressBar();

  constructor(api: Api, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  async read(path: string, source: Source, copies: string | undefined): Promise<ArtifactEntry[]> {
    const signal = this.#signal;
    if (source.kind === "reference") {
      const entries = await referenceEntries(path, this.#api.connection, { signal, onBytes() {} });
      if (entries.some(({ digest, ref }) => digest === ref))
        warn(`the content at ${path} has no digest: a new version comes of a new address only`);
      return entries;
    }
    const onBytes = this.#counter("read", source.files);
    const entries = await fileEntries(source.files, { copies, signal, onBytes });
    this.end();
    return entries;
  }

  http(entries: readonly ArtifactEntry[]): Http {
    return {
      ...this.#api.connection,
      signal: this.#signal,
      onSign: this.#counter("sent", entries),
      onRetry: (reason) => {
        this.#bar.clear();
        warn(`the server does not answer (${reason}); trying again`);
      },
    };
  }

  end(): void {
    this.#bar.clear();
  }

  #counter(what: string, files: readonly { sizeBytes: number }[]): (bytes: number) => void {
    const ofBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let bytes = 0;
    return (more) => {
      // What is tried again is counted again.
      bytes = Math.min(bytes + more, ofBytes);
      const isShown = this.#bar.isDue || (this.#bar.isDrawn && bytes === ofBytes);
      if (more > 0 && ofBytes > 0 && isShown)
        this.#bar.show(
          bytes / ofBytes,
          `${sizeOf(bytes)} of ${sizeOf(ofBytes)} ${what}, ${files.length} file(s)`,
        );
    };
  }
}
