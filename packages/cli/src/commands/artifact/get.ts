import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { ARTIFACT_FILES } from "@steelyard/protocol/documents";
import { foldersOf } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { type LoadedSettings, makeFolder } from "steelyard/command-line";
import { type Api, openApi, projectOf, settingsOf, viewerOf } from "../../api.ts";
import { artifactPathOf } from "../../artifact-path.ts";
import { allFiles, download, type FilesPage, isThere, placeOf } from "../../download.ts";
import { CommandError, info, printJson, warn } from "../../terminal.ts";

const DOWNLOADS_AT_ONCE = 8;

interface FoundArtifact {
  versionIndex: number | null;
  fileCount: number | string;
  artifactType: { name: string };
  artifactSequence: { name: string };
  files: FilesPage | null;
}
interface Answer {
  project: { artifact: FoundArtifact | null } | null;
}

export function artifactGetCommand(): Command {
  return new Command("get")
    .description("download a version of an artifact")
    .argument(
      "<path>",
      "name, project/name or entity/project/name, with :version or :alias; latest when none is given",
    )
    .option("--root <folder>", "where to; WANDB_ARTIFACT_DIR/name:version, or artifacts/name:version here")
    .option("--type <type>", "what it has to be")
    .option("--json", "what was downloaded as JSON")
    .action(getArtifact);
}

async function getArtifact(
  text: string,
  options: { root?: string; type?: string; json?: boolean },
): Promise<void> {
  const loaded = settingsOf();
  const api = openApi(loaded);
  const path = await pathOf(text, loaded, api);
  const { artifact, files } = await filesOf(api, path, loaded.settings.artifactUrlBatchSize);
  const type = artifact.artifactType.name;
  if (options.type && options.type !== type)
    throw new CommandError(`${text} is a ${type}, not a ${options.type}`);
  const version = `${artifact.artifactSequence.name}:v${artifact.versionIndex ?? 0}`;
  const root = options.root
    ? resolve(options.root)
    : join(
        foldersOf(loaded.settings, loaded.machine).artifacts,
        process.platform === "win32" ? version.replace(":", "-") : version,
      );
  makeFolder(root);
  const inside = realpathSync(root);
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  info(
    `Downloading ${type} artifact ${path.entity}/${path.project}/${version}: ${files.length} files, ${bytes} bytes`,
  );
  // Before the first byte: a server that names one place outside is not to be trusted with the others.
  const waiting = files.map((file) => ({ file, place: placeOf(inside, file.name) })).values();
  await Promise.all(
    Array.from({ length: DOWNLOADS_AT_ONCE }, async () => {
      for (const { file, place } of waiting)
        if (!(await isThere(file, place)))
          await download((url) => api.fetch(url, { signal: null }), file, place);
    }),
  );
  const references = Number(artifact.fileCount) - files.length;
  if (references > 0) warn(`${references} references stay where they point to`);
  info(`Artifact downloaded to ${root}`);
  if (options.json)
    printJson({
      entity: path.entity,
      project: path.project,
      name: version,
      type,
      root,
      files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    });
}

interface ArtifactPath {
  entity: string;
  project: string;
  /** With its version or alias. */
  name: string;
}

async function pathOf(text: string, loaded: LoadedSettings, api: Api): Promise<ArtifactPath> {
  const { entity, project, name } = artifactPathOf(text);
  return {
    entity: entity ?? (loaded.settings.entity || (await viewerOf(api)).entity),
    project: project ?? projectOf(loaded),
    name: name.includes(":") ? name : `${name}:latest`,
  };
}

/** All files whose content the server has, and what it says of the version. */
async function filesOf(api: Api, path: ArtifactPath, limit: number) {
  let artifact: FoundArtifact | undefined;
  const files = await allFiles(async (cursor) => {
    const answer: Answer = await api.graphql(ARTIFACT_FILES, { ...path, cursor, limit });
    artifact = answer.project?.artifact ?? undefined;
    return artifact?.files;
  });
  if (artifact) return { artifact, files };
  throw new CommandError(
    `there is no artifact ${path.entity}/${path.project}/${path.name}, or you may not see it`,
  );
}
