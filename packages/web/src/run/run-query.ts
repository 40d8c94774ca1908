import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { graphql, request } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";

export interface RunAlert {
  title: string;
  text: string;
  severity: "INFO" | "WARN" | "ERROR";
  createdAt: string;
}

export interface RunFacts {
  id: string;
  name: string;
  displayName: string;
  defaultColorIndex: number;
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
  /** The viewer may look, and change nothing. */
  readOnly: boolean;
  config: string;
  summaryMetrics: string;
  sweepName: string | null;
  historyLineCount: number;
  logLineCount: number;
  user: { username: string; name: string } | null;
  /** Where it is now: the address may be an older one. */
  project: { name: string; entity: { name: string } };
  alerts: RunAlert[];
}

/** What is left to say of a run in the trash. */
export interface DeletedFacts {
  id: string;
  name: string;
  displayName: string;
  deletedAt: string;
  /** Null when it is not known. */
  deletedBy: { username: string } | null;
  /** The viewer may not restore it. */
  readOnly: boolean;
}

interface RunPage {
  run: RunFacts | null;
  deletedRun: DeletedFacts | null;
}

/** Everything the run page says of a run, kept fresh; both null when there is none. */
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
  return useQuery(runQuery(entity, project, run));
}

/** As a query of the cache, for who asks it before the page is shown. */
export function runQuery(entity: string, project: string, run: string) {
  return queryOptions({
    queryKey: ["run", entity, project, run],
    // What was asked ahead is fresh when the page comes.
    staleTime: 1000,
    queryFn: async ({ signal }): Promise<RunPage> =>
      (
        await graphql<{ project: RunPage | null }>(
          `query RunFacts($entity: String, $project: String, $run: String!) {
            project(name: $project, entityName: $entity) {
              run(name: $run) {
                id name displayName defaultColorIndex notes state tags group jobType host commit createdAt heartbeatAt exitcode stopped readOnly
                config summaryMetrics sweepName historyLineCount logLineCount user { username name }
                project { name entity { name } }
                alerts { title text severity createdAt }
              }
              deletedRun(name: $run) { id name displayName deletedAt deletedBy { username } readOnly }
            }
          }`,
          { entity, project, run },
          signal,
        )
      ).project ?? { run: null, deletedRun: null },
  });
}

/** Files that the client uploads by itself: of the machine, the packages, and what git had not committed. */
const METADATA = "wandb-metadata.json";
const PACKAGES = "requirements.txt";
const PATCH = "diff.patch";
/** Bigger ones are not the client's. */
const MAX_BYTES = 2_000_000;

export interface OwnFiles {
  metadata?: string;
  packages?: string;
  patchUrl?: string;
}

export function useOwnFiles(entity: string, project: string, run: string): OwnFiles {
  const files = useQuery({
    queryKey: ["files", entity, project, run, "own"],
    queryFn: async ({ signal }): Promise<OwnFiles> => {
      const answer = await graphql<{
        project: {
          run: { files: { edges: { node: { name: string; directUrl: string; sizeBytes: number } }[] } };
        };
      }>(
        `query OwnFiles($entity: String, $project: String, $run: String!, $names: [String]) {
          project(name: $project, entityName: $entity) {
            run(name: $run) { files(names: $names) { edges { node { name directUrl sizeBytes } } } }
          }
        }`,
        { entity, project, run, names: [METADATA, PACKAGES, PATCH] },
        signal,
      );
      const nodes = answer.project.run.files.edges.map(({ node }) => node);
      const read = async (wanted: string) => {
        const file = nodes.find(({ name, sizeBytes }) => name === wanted && sizeBytes <= MAX_BYTES);
        return file && (await request(file.directUrl, { signal })).text();
      };
      const [metadata, packages] = await Promise.all([read(METADATA), read(PACKAGES)]);
      const patchUrl = nodes.find(({ name }) => name === PATCH)?.directUrl;
      return {
        ...(metadata === undefined ? {} : { metadata }),
        ...(packages === undefined ? {} : { packages }),
        ...(patchUrl === undefined ? {} : { patchUrl }),
      };
    },
  });
  return files.data ?? {};
}
