import { useQuery, useQueryClient } from "@tanstack/react-query";
import { graphql } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { useSession } from "../api/session.ts";

export interface ProjectRow {
  id: string;
  name: string;
  entityName: string;
  createdAt: string;
  runCount: number;
  runs: { edges: { node: { name: string; displayName: string; state: string; createdAt: string } }[] };
}

/** Projects of one entity, or of all the viewer's, the last used first; kept fresh. */
export function useProjects(entity?: string) {
  const session = useSession();
  const entities = entity ? [entity] : session.data ? [session.data.entity, ...session.data.teams] : [];
  const client = useQueryClient();
  const refresh = useRefresh(1000, () => void client.invalidateQueries({ queryKey: ["projects"] }));
  useLive(entity, undefined, ({ kind }) => {
    if (kind === "run" || kind === "project" || kind === "deleted") refresh();
  });
  return useQuery({
    queryKey: ["projects", ...entities],
    enabled: entities.length > 0,
    queryFn: async ({ signal }) => {
      const lists = await Promise.all(entities.map((name) => projectsOf(name, signal)));
      const lastUse = (project: ProjectRow) => project.runs.edges[0]?.node.createdAt ?? project.createdAt;
      return lists.flat().sort((a, b) => lastUse(b).localeCompare(lastUse(a)));
    },
  });
}

async function projectsOf(entity: string, signal: AbortSignal): Promise<ProjectRow[]> {
  const { models } = await graphql<{ models: { edges: { node: ProjectRow }[] } | null }>(
    `query Projects($entity: String) {
      models(entityName: $entity, first: 200) {
        edges { node { id name entityName createdAt runCount runs(first: 1, order: "-created_at") { edges { node { name displayName state createdAt } } } } }
      }
    }`,
    { entity },
    signal,
  );
  return models?.edges.map(({ node }) => node) ?? [];
}
