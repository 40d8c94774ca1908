import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, queryString } from "../api/client.ts";
import { exactly } from "../api/exactly.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { inGroups } from "./placement.ts";
import type { Stream } from "./sections.ts";

/** The step itself and the clocks are axes, not curves. */
const AXIS_KEYS = new Set(["_step", "_runtime", "_timestamp", "_absolute_runtime", "_wandb"]);

/** Of runs, in one address: servers take some 8 kB of it. */
export const NAMES_AT_ONCE = 200;

/** Names of what the runs logged, followed while they log. */
export function useKeys(
  entity: string,
  project: string,
  stream: Stream,
  names: readonly string[],
  enabled = true,
) {
  const client = useQueryClient();
  const queryKey = ["keys", entity, project, stream, names];
  const refresh = useRefresh(1000, () => {
    if (!document.hidden) void client.invalidateQueries(exactly(queryKey));
  });
  useLive(entity, project, (change) => {
    if (enabled && change.kind === "rows" && names.includes(change.run) && change.streams.includes(stream))
      refresh();
  });
  return useQuery({
    queryKey,
    // Of no runs at all would be of all runs.
    enabled: enabled && names.length > 0,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const parts = await Promise.all(
        inGroups(names, NAMES_AT_ONCE).map((run) =>
          getJson<{ keys: string[] }>(`/api/v1/keys${queryString({ entity, project, stream, run })}`, signal),
        ),
      );
      const all = parts.length > 1 ? [...new Set(parts.flatMap(({ keys }) => keys))].sort() : parts[0]?.keys;
      return (all ?? []).filter((key) => !AXIS_KEYS.has(key));
    },
  });
}
