import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, queryString } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { askAnew, NAMES_AT_ONCE, NAMES_EVERY_MS } from "./keys.ts";
import { inGroups } from "./placement.ts";

interface HistogramKey {
  key: string;
  /** Those whose last value of it is a histogram. */
  runs: string[];
}

/** Keys under which the runs logged histograms, followed while they log. */
export function useHistogramKeys(
  entity: string,
  project: string,
  names: readonly string[],
  enabled: boolean,
) {
  const client = useQueryClient();
  const queryKey = ["histogram-keys", entity, project, names];
  const refresh = useRefresh(NAMES_EVERY_MS, () => askAnew(client, queryKey));
  useLive(entity, project, (change) => {
    if (enabled && change.kind === "rows" && names.includes(change.run)) refresh();
  });
  return useQuery({
    queryKey,
    enabled: enabled && names.length > 0,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<HistogramKey[]> => {
      const parts = await Promise.all(
        inGroups(names, NAMES_AT_ONCE).map((run) =>
          getJson<{ keys: HistogramKey[] }>(
            `/api/v1/histogram-keys${queryString({ entity, project, run })}`,
            signal,
          ),
        ),
      );
      const all = Map.groupBy(
        parts.flatMap(({ keys }) => keys),
        ({ key }) => key,
      );
      return [...all].map(([key, found]) => ({ key, runs: found.flatMap(({ runs }) => runs) }));
    },
  });
}
