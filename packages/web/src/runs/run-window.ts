import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ApiError, graphql } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { RUN_FIELDS, type RunRow } from "./runs.ts";

/** Which runs, in which order. Filters are the Mongo-style object of the wire as JSON text; `{}` = all. */
export interface RunSet {
  entity: string;
  project: string;
  filters: string;
  order: string;
}

const PAGE = 100;

interface Count {
  set: RunSet;
  /** The viewer may look, and change nothing. */
  readOnly: boolean;
  /** Runs of the project, and those the filters leave. */
  all: number;
  shown: number;
}

/**
 * How many runs there are. A set the server refuses (a bad pattern) leaves the last good one in `count`, with the error
 * beside it: what was on the screen stays. Throws 404 for a project that is not there.
 */
export function useRunCount(set: RunSet) {
  const { entity, project, filters, order } = set;
  const client = useQueryClient();
  const refresh = useRefresh(1000, () => {
    void client.invalidateQueries({ queryKey: ["runs", entity, project] });
  });
  useLive(entity, project, (change) => {
    if (change.kind !== "files") refresh();
  });
  const query = useQuery<Omit<Count, "set">>({
    queryKey: ["runs", entity, project, "count", filters],
    placeholderData: (before) => before,
    queryFn: async ({ signal }) => {
      const { found } = await graphql<{ found: { readOnly: boolean; all: number; shown?: number } | null }>(
        `query CountRuns($entity: String, $project: String, $filters: JSONString, $filtered: Boolean!) {
          found: project(name: $project, entityName: $entity) {
            readOnly all: runCount shown: runCount(filters: $filters) @include(if: $filtered)
          }
        }`,
        { entity, project, filters, filtered: filters !== "{}" },
        signal,
      );
      if (!found) throw new ApiError(404, `${entity}/${project}`);
      const { readOnly, all, shown = all } = found;
      return { readOnly, all, shown };
    },
  });
  const good = useRef<Count>(undefined);
  if (query.data && !query.isPlaceholderData && !query.error)
    good.current = { set: { entity, project, filters, order }, ...query.data };
  // Another order of the same runs is counted already.
  else if (good.current?.set.filters === filters && good.current.set.order !== order)
    good.current = { ...good.current, set: { entity, project, filters, order } };
  return { count: good.current, error: query.error, retry: () => void query.refetch() };
}

interface Page {
  number: number;
  runs: RunRow[];
}

/** The runs from one place to another of a long list; only the pages on the screen are fetched and kept fresh. */
export function useRunsBetween(set: RunSet, first: number, last: number) {
  const from = Math.floor(Math.max(0, first) / PAGE);
  const to = Math.floor(Math.max(0, last) / PAGE);
  // Three pages reach further than any screen; each keeps its place when the list moves on by one.
  const numbers = [0, 1, 2].map((slot) => {
    for (let number = from; number <= Math.min(to, from + 2); number++)
      if (number % 3 === slot) return number;
    return undefined;
  });
  const pages = [usePage(set, numbers[0]), usePage(set, numbers[1]), usePage(set, numbers[2])];
  return {
    runAt: (index: number): RunRow | undefined => {
      const number = Math.floor(index / PAGE);
      return pages.find(({ data }) => data?.number === number)?.data?.runs[index - number * PAGE];
    },
    runs: pages.flatMap(({ data }) => data?.runs ?? []),
    error: pages.find(({ error, data }) => error && !data)?.error,
    retry: () => {
      for (const page of pages) if (page.error) void page.refetch();
    },
  };
}

/** The first runs are asked for together with how many there are, not after it. */
export function useFirstPage(set: RunSet): void {
  const client = useQueryClient();
  const { entity, project, filters, order } = set;
  useEffect(() => {
    void client.prefetchQuery(pageOf({ entity, project, filters, order }, 0));
  }, [client, entity, project, filters, order]);
}

function pageOf(set: RunSet, number: number | undefined) {
  return {
    queryKey: ["runs", set.entity, set.project, set.filters, set.order, number],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Page> => ({
      number: number ?? 0,
      runs: (await fetchRuns(set, { first: PAGE, offset: (number ?? 0) * PAGE }, signal)).runs,
    }),
    // One that has just been fetched ahead is fresh.
    staleTime: 1000,
  };
}

function usePage(set: RunSet, number: number | undefined) {
  return useQuery<Page>({
    ...pageOf(set, number),
    enabled: number !== undefined,
    // Rows of another filter or order stay till the new ones come; of another page they would be wrong.
    placeholderData: (before) => (before?.number === number ? before : undefined),
  });
}

interface RunsAnswer {
  project: {
    runs: { edges: { node: RunRow }[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } };
  } | null;
}

async function fetchRuns(
  { entity, project, filters, order }: RunSet,
  page: { first: number; offset?: number; after?: string },
  signal?: AbortSignal,
): Promise<{ runs: RunRow[]; next: string | undefined }> {
  const answer = await graphql<RunsAnswer>(
    `query TableRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int, $after: String, $offset: Int) {
      project(name: $project, entityName: $entity) {
        runs(filters: $filters, order: $order, first: $first, after: $after, offset: $offset) {
          edges { node { ${RUN_FIELDS} config summaryMetrics } }
          pageInfo { endCursor hasNextPage }
        }
      }
    }`,
    { entity, project, filters, order, ...page },
    signal,
  );
  if (!answer.project) throw new ApiError(404, `${entity}/${project}`);
  const { edges, pageInfo } = answer.project.runs;
  return {
    runs: edges.map(({ node }) => node),
    next: pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined,
  };
}

/** Every run of the set, a thousand at a time. */
export async function* everyRun(set: RunSet): AsyncGenerator<RunRow[]> {
  let after: string | undefined;
  do {
    const { runs, next } = await fetchRuns(set, { first: 1000, ...(after ? { after } : {}) });
    yield runs;
    after = next;
  } while (after);
}
