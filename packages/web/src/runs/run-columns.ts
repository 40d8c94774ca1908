import { queryOptions } from "@tanstack/react-query";
import { graphql } from "../api/client.ts";

/** Paths that the project's runs have in config and summary: `config.lr`. Those of the client itself are left out. */
export function runColumnsQuery(entity: string, project: string) {
  return queryOptions({
    queryKey: ["columns", entity, project],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: { runColumns: { path: string; kind: string }[] } | null }>(
          "query Columns($entity: String, $project: String) { project(name: $project, entityName: $entity) { runColumns { path kind } } }",
          { entity, project },
          signal,
        )
      ).project?.runColumns.filter(({ path }) => !/^(config|summary)\._/.test(path)) ?? [],
  });
}
