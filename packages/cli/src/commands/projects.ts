import { PROJECTS } from "@steelyard/protocol/documents";
import { projectUrl } from "@steelyard/protocol/settings";
import { Command } from "commander";
import { openApi, settingsOf, viewerOf } from "../api.ts";
import { info, print, printJson, styled } from "../terminal.ts";

const PAGE = 100;

interface Project {
  name: string;
  entityName: string;
  description: string | null;
  createdAt: string;
}
interface Answer {
  models: { edges: { node: Project }[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } } | null;
}

export function projectsCommand(): Command {
  return new Command("projects")
    .description("the projects of a user or team, the newest first")
    .option("-e, --entity <name>", "user or team")
    .option("--json", "as JSON")
    .action(projects);
}

async function projects(options: { entity?: string; json?: boolean }): Promise<void> {
  const loaded = settingsOf();
  const api = openApi(loaded);
  const entity = options.entity || loaded.settings.entity || (await viewerOf(api)).entity;
  const found: Project[] = [];
  for (let cursor: string | null = null; ; ) {
    const answer: Answer = await api.graphql(PROJECTS, { entity, cursor, perPage: PAGE });
    found.push(...(answer.models?.edges.map(({ node }) => node) ?? []));
    if (!answer.models?.pageInfo.hasNextPage) break;
    cursor = answer.models.pageInfo.endCursor;
  }
  if (options.json) {
    const address = (project: string) => projectUrl({ ...loaded.settings, entity, project });
    printJson(
      found.map(({ name, entityName, description, createdAt }) => ({
        name,
        entity: entityName,
        description,
        createdAt,
        url: address(name),
      })),
    );
  } else if (found.length === 0) info(`No projects found for ${entity}`);
  else {
    print(styled("bold", `Latest projects for "${entity}"`, process.stdout));
    for (const { name, description } of found)
      print(`${name} - ${(description ?? "").split("\n")[0]}`.replace(/ - $/, ""));
  }
}
