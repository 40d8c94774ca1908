import { type HeatMap, openSeries, type SeriesRequest } from "@steelyard/protocol/series";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useRef } from "react";
import { request } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useFollow } from "./follow.ts";
import type { ChartView } from "./view.ts";

/** The histograms of one key of one run, followed while the run logs and somebody sees them. */
export function useHeatMap({
  entity,
  project,
  run,
  key,
  x,
  range,
  buckets,
  bins,
  place,
}: {
  entity: string;
  project: string;
  run: string;
  key: string;
  x: ChartView["x"];
  range: ChartView["range"];
  /** Undefined until it is known how wide the panel is. */
  buckets: number | undefined;
  bins: number;
  place: RefObject<Element | null>;
}) {
  const client = useQueryClient();
  // As those of lines: panels that are out of sight are noted as stale by it.
  const queryKey = ["series", entity, project, "history", [key], [run], x, range, buckets, "heat map", bins];
  const isBehind = useRef(false);
  const follow = useFollow(place, () => {
    if (!isBehind.current) return undefined;
    isBehind.current = false;
    return client.invalidateQueries({ queryKey, exact: true });
  });
  useLive(entity, project, (change) => {
    if (change.kind !== "rows" || change.run !== run || !change.streams.includes("history")) return;
    isBehind.current = true;
    follow();
  });
  return useQuery({
    queryKey,
    enabled: run !== "" && buckets !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
    queryFn: async ({ signal }): Promise<HeatMap | null> => {
      const [min, max] = range ?? [];
      const response = await request("/api/v1/series", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          entity,
          project,
          runs: [run],
          questions: [
            {
              keys: [key],
              x,
              ...(min === undefined || max === undefined ? {} : { min, max }),
              buckets: buckets ?? 1,
              heatMap: { bins },
            },
          ],
        } satisfies SeriesRequest),
        signal,
      });
      const { questions } = openSeries(await response.arrayBuffer());
      return questions[0]?.read().heatMaps[0] ?? null;
    },
  });
}
