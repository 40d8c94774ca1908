import { useQuery, useQueryClient } from "@tanstack/react-query";
import { graphql } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";

export interface RunFacts {
  id: string;
  name: string;
  displayName: string;
  notes: string | null;
  state: string;
  tags: string[];
  group: string | null;
  jobType: string | null;
  host: string | null;
  commit: string | null;
  createdAt: string;
  heartbeatAt: string;
  exitcode: number | null;
  stopped: boolean;
  config: string;
  summaryMetrics: string;
  sweepName: string | null;
  historyLineCount: number;
  logLineCount: number;
  user: { username: string; name: string } | null;
  runInfo: {
    program: string | null;
    args: string[] | null;
    os: string | null;
    python: string | null;
    executable: string | null;
    cpuCount: number | null;
    gpuCount: number | null;
    gpu: string | null;
    git: { remote: string | null; commit: string | null } | null;
  } | null;
}

/** Everything the run page says of a run, kept fresh; null when there is none. */
export function useRun(entity: string, project: string, run: string) {
  const client = useQueryClient();
  const refresh = useRefresh(
    1000,
    () => void client.invalidateQueries({ queryKey: ["run", entity, project, run] }),
  );
  const refreshFiles = useRefresh(
    1000,
    () => void client.invalidateQueries({ queryKey: ["files", entity, project, run] }),
  );
  useLive(entity, project, (change) => {
    if (!("run" in change) || change.run !== run) return;
    refresh();
    if (change.kind === "files") refreshFiles();
  });
  return useQuery({
    queryKey: ["run", entity, project, run],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: { run: RunFacts | null } | null }>(
          `query RunFacts($entity: String, $project: String, $run: String!) {
            project(name: $project, entityName: $entity) {
              run(name: $run) {
                id name displayName notes state tags group jobType host commit createdAt heartbeatAt exitcode stopped
                config summaryMetrics sweepName historyLineCount logLineCount user { username name }
                runInfo { program args os python executable cpuCount gpuCount gpu git { remote commit } }
              }
            }
          }`,
          { entity, project, run },
          signal,
        )
      ).project?.run ?? null,
  });
}
