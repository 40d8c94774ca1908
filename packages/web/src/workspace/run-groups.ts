import { SERIES_LIMITS } from "@steelyard/protocol/series";
import { hashKey, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { graphql } from "../api/client.ts";
import { RUN_FIELDS, type RunRow, type RunsQuestion } from "../runs/runs.ts";
import { configKeysOf, type GroupChoice, groupRuns } from "./grouping.ts";

/** More lines than these tell nothing apart. */
const MAX_GROUPS = 100;

interface GroupedRuns {
  /** That the filters leave. */
  total: number;
  runs: RunRow[];
}

/**
 * The visible runs in groups: as many runs as one question takes, in the list's order. `shown`: names of the runs that are
 * shown and no others; undefined: all but those that are hidden.
 */
export function useRunGroups({
  question: { entity, project, filters, order },
  choice,
  shown,
  isVisible,
}: {
  question: Pick<RunsQuestion, "entity" | "project" | "filters" | "order">;
  choice: GroupChoice | undefined;
  shown: readonly string[] | undefined;
  isVisible: (run: RunRow) => boolean;
}) {
  const keys = choice ? configKeysOf(choice.by) : [];
  const filterText = JSON.stringify(shown ? { $and: [filters, { name: { $in: shown } }] } : filters);
  const query = useQuery<GroupedRuns>({
    // Under "runs": what refreshes the list refreshes its groups.
    queryKey: ["runs", entity, project, "groups", filterText, order, keys],
    enabled: choice !== undefined && shown?.length !== 0,
    // Of another grouping the runs may come without what this one goes by.
    placeholderData: (before, query) =>
      hashKey([query?.queryKey.at(-1)]) === hashKey([keys]) ? before : undefined,
    queryFn: async ({ signal }): Promise<GroupedRuns> => {
      const { project: found } = await graphql<{
        project: { runCount: number; runs: { edges: { node: RunRow }[] } } | null;
      }>(
        `query GroupRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int, $keys: [String!], $configured: Boolean!) {
          project(name: $project, entityName: $entity) {
            runCount(filters: $filters)
            runs(filters: $filters, order: $order, first: $first) {
              edges { node { ${RUN_FIELDS} config(keys: $keys) @include(if: $configured) } }
            }
          }
        }`,
        {
          entity,
          project,
          filters: filterText,
          order,
          first: SERIES_LIMITS.runs,
          keys,
          configured: keys.length > 0,
        },
        signal,
      );
      return {
        total: found?.runCount ?? 0,
        runs: found?.runs.edges.map(({ node }) => node) ?? [],
      };
    },
  });
  const by = choice?.by;
  const visible = (query.data?.runs ?? []).filter(isVisible);
  const visibleKey = visible.map(({ name }) => name).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `visibleKey` says which of them are visible
  const all = useMemo(() => (by === undefined ? [] : groupRuns(visible, by)), [by, query.data, visibleKey]);
  const drawnKey = JSON.stringify(all.slice(0, MAX_GROUPS));
  // biome-ignore lint/correctness/useExhaustiveDependencies: a sign of life of a run changes no group
  const drawn = useMemo(() => {
    const groups = all.slice(0, MAX_GROUPS);
    const names = new Set(groups.flatMap((group) => group.runs));
    return { groups, runs: visible.filter(({ name }) => names.has(name)) };
  }, [drawnKey]);
  return {
    ...drawn,
    /** How many there are; those beyond the first hundred are not drawn. */
    all: all.length,
    /** Visible runs that are left out of the groups: there are too many. */
    left: Math.max(0, (query.data?.total ?? 0) - (query.data?.runs.length ?? 0)),
    isPending: choice !== undefined && shown?.length !== 0 && query.isPending,
    error: query.data ? null : query.error,
    retry: () => void query.refetch(),
  };
}
