import { useQuery, useQueryClient } from "@tanstack/react-query";
import { graphql } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";

export const VISIBILITIES = ["PRIVATE", "ENTITY_WRITE", "USER_READ", "USER_WRITE"] as const;
export type Visibility = (typeof VISIBILITIES)[number];

export interface ProjectFacts {
  id: string;
  description: string | null;
  access: Visibility;
  createdAt: string;
  runCount: number;
  readOnly: boolean;
  user: { username: string } | null;
  deletedRuns: {
    id: string;
    name: string;
    displayName: string;
    deletedAt: string;
    deletedBy: { username: string } | null;
  }[];
}

/** What the overview says of a project, kept fresh; null when there is none. */
export function useProject(entity: string, project: string) {
  const client = useQueryClient();
  const queryKey = ["project", entity, project];
  const refresh = useRefresh(1000, () => void client.invalidateQueries({ queryKey }));
  useLive(entity, project, ({ kind }) => {
    if (kind === "run" || kind === "project" || kind === "deleted") refresh();
  });
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: ProjectFacts | null }>(
          `query ProjectFacts($entity: String, $project: String) {
            project(name: $project, entityName: $entity) {
              id description access createdAt runCount readOnly user { username }
              deletedRuns { id name displayName deletedAt deletedBy { username } }
            }
          }`,
          { entity, project },
          signal,
        )
      ).project,
  });
}
