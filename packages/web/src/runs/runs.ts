import { infiniteQueryOptions, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, graphql } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";

export interface RunRow {
  id: string;
  name: string;
  displayName: string;
  /** How many runs the project had before it: its colour. */
  defaultColorIndex: number;
  state: string;
  tags: string[];
  group: string | null;
  jobType: string | null;
  createdAt: string;
  heartbeatAt: string;
  user: { username: string } | null;
  /** JSON text; asked for by the table only. */
  config?: string;
  summaryMetrics?: string;
}

export interface RunsQuestion {
  entity: string;
  project: string;
  /** Mongo-style filter object of the wire; {} = all. */
  filters: Record<string, unknown>;
  order: string;
  pageSize: number;
  withValues: boolean;
  enabled?: boolean;
}

export const RUN_FIELDS =
  "id name displayName defaultColorIndex state tags group jobType createdAt heartbeatAt user { username }";

interface RunsPage {
  /** Runs that the filters leave, and those of the project. */
  total: number;
  everything: number;
  edges: { node: RunRow; cursor: string }[];
  pageInfo: { endCursor: string | null; hasNextPage: boolean };
}

/** Pages of runs, kept fresh while they change: at most one refetch a second. Throws 404 for a project that is not there. */
export function useRuns(question: RunsQuestion) {
  const { entity, project, withValues, enabled = true } = question;
  const client = useQueryClient();
  const refresh = useRefresh(
    1000,
    () => void client.invalidateQueries({ queryKey: ["runs", entity, project] }),
  );
  useLive(entity, project, (change) => {
    // Rows move the summary, which only the table shows; the run list needs states and new runs.
    if (change.kind === "rows" && !withValues) return;
    if (change.kind === "files") return;
    refresh();
  });
  return useInfiniteQuery({ ...runsQuery(question), enabled, placeholderData: (before) => before });
}

/** The question as a query of the cache, for who asks it before the list is shown. */
export function runsQuery({ entity, project, filters, order, pageSize, withValues }: RunsQuestion) {
  const filterText = JSON.stringify(filters);
  return infiniteQueryOptions({
    queryKey: ["runs", entity, project, filterText, order, pageSize, withValues],
    initialPageParam: null as string | null,
    // What was asked ahead is fresh when the list comes.
    staleTime: 1000,
    getNextPageParam: (page: RunsPage) => (page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined),
    queryFn: async ({ pageParam, signal }): Promise<RunsPage> => {
      const { project: found } = await graphql<{
        project: {
          runCount: number;
          everything?: number;
          runs: Pick<RunsPage, "edges" | "pageInfo">;
        } | null;
      }>(
        `query PageRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int, $after: String, $values: Boolean!, $filtered: Boolean!) {
          project(name: $project, entityName: $entity) {
            runCount(filters: $filters)
            everything: runCount @include(if: $filtered)
            runs(filters: $filters, order: $order, first: $first, after: $after) {
              edges { cursor node { ${RUN_FIELDS} config @include(if: $values) summaryMetrics @include(if: $values) } }
              pageInfo { endCursor hasNextPage }
            }
          }
        }`,
        {
          entity,
          project,
          filters: filterText,
          order,
          first: pageSize,
          after: pageParam,
          values: withValues,
          filtered: filterText !== "{}",
        },
        signal,
      );
      if (!found) throw new ApiError(404, `${entity}/${project}`);
      const { runCount, everything = runCount, runs } = found;
      return { total: runCount, everything, ...runs };
    },
  });
}

/** The change a row of buttons makes, run by run; answers how many went through. */
export async function forEachRun(
  runs: readonly RunRow[],
  mutation: string,
  variables: (run: RunRow) => Record<string, unknown>,
): Promise<number> {
  let done = 0;
  for (const run of runs) {
    await graphql(mutation, variables(run));
    done++;
  }
  return done;
}

export const DELETE_RUN = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }";
export const RESTORE_RUN = "mutation RestoreRun($id: ID!) { restoreRun(input: {id: $id}) { run { id } } }";
export const STOP_RUN = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }";
export const TAG_RUN =
  "mutation TagRun($id: String!, $tags: [String!]) { upsertBucket(input: {id: $id, tags: $tags}) { bucket { id tags } } }";
