import {
  hashKey,
  keepPreviousData,
  type Query,
  type QueryClient,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
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

/** Names are seldom new, and those of a hundred runs take a server a while: of rows that come each second not each asks. */
export const NAMES_EVERY_MS = 3000;

/** Parts of a screen that follow the same names hear of a change in the same moment: one of them asks. */
const TOGETHER_MS = 100;
const lastAskedMs = new WeakMap<Query, number>();

export function askAnew(client: QueryClient, queryKey: readonly unknown[]): void {
  const query = client.getQueryCache().get(hashKey(queryKey));
  const nowMs = performance.now();
  if (document.hidden || !query || nowMs - (lastAskedMs.get(query) ?? Number.NEGATIVE_INFINITY) < TOGETHER_MS)
    return;
  lastAskedMs.set(query, nowMs);
  void client.invalidateQueries(exactly(queryKey));
}

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
  const refresh = useRefresh(NAMES_EVERY_MS, () => askAnew(client, queryKey));
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
