import { ARTIFACT_COLLECTIONS } from "@steelyard/protocol/documents";
import { Command } from "commander";
import { openApi, settingsOf } from "../../api.ts";
import { RunClient } from "../../run-client.ts";
import { humanSize } from "../../sizes.ts";
import { CommandError, info, print, printJson } from "../../terminal.ts";

const PAGE = 200;

interface Collection {
  name: string;
  defaultArtifactType: { name: string };
  /** The newest version alone. */
  artifacts: {
    edges: {
      version: string;
      node: { createdAt: string; updatedAt: string | null; size: number | string };
    }[];
  };
}
interface Answer {
  project: {
    artifactCollections: {
      edges: { node: Collection }[];
      pageInfo: { endCursor: string | null; hasNextPage: boolean };
    };
  } | null;
}

export function artifactListCommand(): Command {
  return new Command("ls")
    .description("the artifacts of a project, each by its newest version: type, when updated, size, name")
    .argument("<path>", "project, or entity/project")
    .option("-t, --type <type>", "only those of this type")
    .option("--json", "as JSON")
    .action(list);
}

async function list(text: string, options: { type?: string; json?: boolean }): Promise<void> {
  const loaded = settingsOf();
  const api = openApi(loaded);
  const path = await new RunClient(loaded, api).project(text);
  const where = `${path.entity}/${path.project}`;
  const all: Collection[] = [];
  for (let cursor: string | null = null; ; ) {
    const { project }: Answer = await api.graphql(ARTIFACT_COLLECTIONS, { ...path, cursor, perPage: PAGE });
    if (!project) throw new CommandError(`there is no project ${where}, or you may not see it`);
    all.push(...project.artifactCollections.edges.map(({ node }) => node));
    if (!project.artifactCollections.pageInfo.hasNextPage) break;
    cursor = project.artifactCollections.pageInfo.endCursor;
  }
  const types = [...new Set(all.map(({ defaultArtifactType }) => defaultArtifactType.name))].sort();
  if (options.type !== undefined && !types.includes(options.type))
    throw new CommandError(
      `${where} has no artifacts of type ${options.type}; its types are ${types.join(", ") || "none"}`,
    );
  const rows = types
    .filter((type) => options.type === undefined || options.type === type)
    .flatMap((type) => all.filter(({ defaultArtifactType }) => defaultArtifactType.name === type))
    .map(({ name, defaultArtifactType, artifacts: { edges } }) => ({
      type: defaultArtifactType.name,
      name,
      version: edges[0]?.version ?? null,
      updatedAt: edges[0] ? (edges[0].node.updatedAt ?? edges[0].node.createdAt) : null,
      sizeBytes: Number(edges[0]?.node.size ?? 0),
    }));
  if (options.json) printJson(rows);
  else if (rows.length === 0) info(`No artifacts found in ${where}`);
  else
    for (const { type, name, version, updatedAt, sizeBytes } of rows) {
      const size = version ? humanSize(sizeBytes) : "0 B";
      const last = version ? `${name}:${version}` : `${name.padEnd(20)} (no versions)`;
      // The official client's columns, but that a long type stands apart from the time.
      print(`${type.padEnd(14)} ${(updatedAt ?? "N/A").padEnd(15)}${size.padStart(15)} ${last}`);
    }
}
