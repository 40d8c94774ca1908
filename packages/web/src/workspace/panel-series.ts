import type { Grouping, SeriesAnswer } from "@steelyard/protocol/series";
import { hashKey, keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef } from "react";
import { exactly } from "../api/exactly.ts";
import { useLive } from "../api/live.ts";
import { distanceOf } from "../charts/frame-queue.ts";
import { useFollow } from "./follow.ts";
import type { PanelPlan } from "./sections.ts";
import { loadSeries } from "./series.ts";
import type { ChartView } from "./view.ts";

/** Of the runs' names in a question's key. */
const NAMES_AT = 5;
/** Charts that were scrolled past: a hundred runs are megabytes. */
const KEPT_MS = 60_000;

/**
 * What one panel draws. Rows that arrive while it is looked at are asked for, those of other runs stay; out of sight they
 * are noted, and asked for when someone looks again.
 */
export function usePanelSeries(question: {
  entity: string;
  project: string;
  names: readonly string[];
  panel: PanelPlan;
  x: ChartView["x"];
  range: ChartView["range"];
  /** Undefined until it is known how wide the panel is. */
  buckets: number | undefined;
  /** Of `names`. */
  grouping: Grouping | undefined;
  place: RefObject<Element | null>;
}) {
  const { entity, project, names, panel, x, range, buckets, grouping, place } = question;
  const client = useQueryClient();
  const queryKey = [
    "series",
    entity,
    project,
    panel.stream,
    panel.keys,
    names,
    x,
    range,
    buckets,
    grouping,
    panel.expression,
  ];
  const load = async (signal?: AbortSignal): Promise<SeriesAnswer[]> => {
    const [min, max] = range ?? [];
    const lists = await Promise.all(
      panel.keys.map((key) =>
        loadSeries(
          {
            entity,
            project,
            runs: [...names],
            key,
            stream: panel.stream,
            x,
            buckets: buckets ?? 0,
            ...(grouping && { grouping }),
            ...(panel.expression !== undefined && { expression: true as const }),
            ...(min === undefined || max === undefined ? {} : { min, max }),
          },
          () => distanceOf(place.current),
          signal,
        ),
      ),
    );
    return lists.length === 1 ? (lists[0] ?? []) : lists.flat();
  };
  const series = useQuery({
    queryKey,
    enabled: names.length > 0 && buckets !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
    // What did not change is the same object already; comparing columns number by number would take longer than drawing.
    structuralSharing: false,
    queryFn: ({ signal }) => load(signal),
  });

  const isBehind = useRef(false);
  const follow = useFollow(place, () => {
    if (!isBehind.current) return undefined;
    isBehind.current = false;
    const stale = () => client.invalidateQueries(exactly(queryKey));
    if (client.getQueryState(queryKey)?.fetchStatus === "fetching") return stale();
    return load().then(
      (now) => void client.setQueryData<SeriesAnswer[]>(queryKey, (before) => before && now),
      // The whole question has the error and the retry that a person sees.
      stale,
    );
  });
  const hash = hashKey(queryKey);
  // Out of sight it was not caught up with, and when it comes back it must not be taken for what it is now.
  useEffect(
    () => () => {
      if (!isBehind.current) return;
      void client.invalidateQueries({
        predicate: ({ queryHash }) => queryHash === hash,
        refetchType: "none",
      });
    },
    [client, hash],
  );
  useLive(entity, project, (change) => {
    if (change.kind !== "rows" || !names.includes(change.run) || !change.streams.includes(panel.stream))
      return;
    isBehind.current = true;
    follow();
  });
  return series;
}

/** Changes are gathered for so long: a hundred runs log in the same moment. */
const GATHER_MS = 50;

/** Charts that are not drawn now have missed what came since: asked for anew when they are drawn again. */
export function useStaleSeries(entity: string, project: string): void {
  const client = useQueryClient();
  const gathered = useRef({ runs: new Set<string>(), sinceMs: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLive(entity, project, (change) => {
    if (change.kind !== "rows") return;
    if (gathered.current.runs.size === 0) gathered.current.sinceMs = Date.now();
    gathered.current.runs.add(change.run);
    timer.current ??= setTimeout(() => {
      const { runs, sinceMs } = gathered.current;
      gathered.current = { runs: new Set(), sinceMs: 0 };
      timer.current = undefined;
      void client.invalidateQueries({
        queryKey: ["series", entity, project],
        refetchType: "none",
        predicate: (query) =>
          // What is drawn is followed; what was drawn in the meantime is not, yet.
          (!query.isActive() || query.state.dataUpdatedAt < sinceMs) &&
          (query.queryKey[NAMES_AT] as readonly string[]).some((run) => runs.has(run)),
      });
    }, GATHER_MS);
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: ["series", entity, project], refetchType: "none" });
    },
    [client, entity, project],
  );
}
