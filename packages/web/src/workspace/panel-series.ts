import type { SeriesAnswer } from "@steelyard/protocol/series";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import type { PanelPlan } from "./sections.ts";
import { loadSeries } from "./series.ts";
import type { ChartView } from "./view.ts";

/** Of the runs' names in a question's key. */
const NAMES_AT = 5;
/** The fastest that a chart follows a run. */
const LIVE_EVERY_MS = 1000;

/**
 * What one panel draws. Rows of a run that arrive while it is shown ask for that run alone; in a hidden tab they are noted
 * and asked for when someone looks again.
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
}) {
  const { entity, project, names, panel, x, range, buckets } = question;
  const client = useQueryClient();
  const queryKey = ["series", entity, project, panel.stream, panel.keys, names, x, range, buckets];
  const load = async (runs: readonly string[], signal?: AbortSignal): Promise<SeriesAnswer[]> => {
    const [min, max] = range ?? [];
    const lists = await Promise.all(
      panel.keys.map((key) =>
        loadSeries(
          {
            entity,
            project,
            runs: [...runs],
            key,
            stream: panel.stream,
            x,
            buckets: buckets ?? 0,
            ...(min === undefined || max === undefined ? {} : { min, max }),
          },
          signal,
        ),
      ),
    );
    return lists.flat();
  };
  const series = useQuery({
    queryKey,
    enabled: names.length > 0 && buckets !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => load(names, signal),
  });

  const changed = useRef(new Set<string>());
  const follow = useRefresh(LIVE_EVERY_MS, async () => {
    if (document.hidden || changed.current.size === 0) return;
    const runs = [...changed.current];
    changed.current.clear();
    const stale = () => client.invalidateQueries({ queryKey, exact: true });
    if (client.isFetching({ queryKey, exact: true }) > 0) return void stale();
    try {
      const fresh = await load(runs);
      client.setQueryData<SeriesAnswer[]>(queryKey, (before) => before && merged(before, fresh, runs));
    } catch {
      // The whole question has the error and the retry that a person sees.
      void stale();
    }
  });
  useLive(entity, project, (change) => {
    if (change.kind !== "rows" || !names.includes(change.run) || !change.streams.includes(panel.stream))
      return;
    changed.current.add(change.run);
    follow();
  });
  const latest = useRef(follow);
  latest.current = follow;
  useEffect(() => {
    const catchUp = () => latest.current();
    document.addEventListener("visibilitychange", catchUp);
    return () => document.removeEventListener("visibilitychange", catchUp);
  }, []);
  return series;
}

/** Charts that are not drawn now have missed what came since: asked for anew when they are drawn again. */
export function useStaleSeries(entity: string, project: string): void {
  const client = useQueryClient();
  useLive(entity, project, (change) => {
    if (change.kind !== "rows") return;
    void client.invalidateQueries({
      queryKey: ["series", entity, project],
      type: "inactive",
      refetchType: "none",
      predicate: ({ queryKey }) => (queryKey[NAMES_AT] as readonly string[]).includes(change.run),
    });
  });
  useEffect(
    () => () => void client.invalidateQueries({ queryKey: ["series", entity, project], refetchType: "none" }),
    [client, entity, project],
  );
}

/** `before` with the answers of `runs` replaced; the same object where nothing came, so that nothing is drawn again. */
export function merged(
  before: SeriesAnswer[],
  fresh: SeriesAnswer[],
  runs: readonly string[],
): SeriesAnswer[] {
  const name = ({ run, key }: SeriesAnswer) => `${run} ${key}`;
  const byName = new Map(fresh.map((answer) => [name(answer), answer]));
  const next: SeriesAnswer[] = [];
  let same = true;
  for (const answer of before) {
    const now = byName.get(name(answer));
    byName.delete(name(answer));
    if (!now) {
      // Not answered: not asked for, or its rows were taken back.
      if (runs.includes(answer.run)) same = false;
      else next.push(answer);
    } else if (sameAnswer(answer, now)) next.push(answer);
    else {
      same = false;
      next.push(now);
    }
  }
  return same && byName.size === 0 ? before : [...next, ...byName.values()];
}

function sameAnswer(a: SeriesAnswer, b: SeriesAnswer): boolean {
  return (
    a.points === b.points &&
    a.xLast.length === b.xLast.length &&
    a.xLast.every((x, at) => x === b.xLast[at] && Object.is(a.last[at], b.last[at]))
  );
}
