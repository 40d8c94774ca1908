import { useMemo } from "react";
import { packList, unpackList, useAddress } from "../address/query-state.ts";
import { type RunRow, useRuns } from "../runs/runs.ts";

/**
 * Which runs of the list are drawn, as the address says: all unless said otherwise; `show` and `hide` name runs, `*` in
 * `hide` means all that `show` does not.
 */
export function useEyes({
  entity,
  project,
  filters,
  order,
  all,
  total,
}: {
  entity: string;
  project: string;
  filters: Record<string, unknown>;
  order: string;
  /** Those of the list that are here yet, and how many it has. */
  all: readonly RunRow[];
  total: number;
}) {
  const address = useAddress();
  const showText = address.get("show");
  const hideText = address.get("hide");
  const show = useMemo(() => new Set(unpackList(showText)), [showText]);
  const hide = useMemo(() => new Set(unpackList(hideText)), [hideText]);
  const isVisible = ({ name }: RunRow) => !hide.has(name) && (show.has(name) || !hide.has("*"));

  // Chosen by name they may stand far down the list: they are asked for by name.
  const named = hide.has("*") && show.size > 0 && !hasAll(all, show);
  const chosen = useRuns({
    entity,
    project,
    filters: { $and: [filters, { name: { $in: [...show] } }] },
    order,
    pageSize: Math.max(1, show.size),
    withValues: false,
    enabled: named,
  });
  const rows = named ? (chosen.data?.pages[0]?.edges.map(({ node }) => node) ?? []) : all;
  const visible = rows.filter(isVisible);
  const hidden = all.filter((run) => !isVisible(run)).length;
  return {
    visible,
    /** Of the whole list, also of what is not here yet. */
    count: hide.has("*") ? visible.length : total - hidden,
    isVisible,
    /** Names of the runs that are shown and no others; undefined: all that are not hidden. */
    shown: hide.has("*") ? [...show] : undefined,
    toggle: (run: RunRow) => {
      const nextShow = new Set(show);
      const nextHide = new Set(hide);
      if (isVisible(run)) {
        nextShow.delete(run.name);
        if (!hide.has("*")) nextHide.add(run.name);
      } else {
        nextHide.delete(run.name);
        if (hide.has("*")) nextShow.add(run.name);
      }
      address.set({ show: packList(nextShow), hide: packList(nextHide) });
    },
    showOnly: (run: RunRow) => address.set({ show: packList([run.name]), hide: "*" }),
    showAll: () => address.set({ show: "", hide: "" }),
    hideAll: () => address.set({ show: "", hide: "*" }),
  };
}

function hasAll(runs: readonly RunRow[], names: ReadonlySet<string>): boolean {
  const here = new Set(runs.map(({ name }) => name));
  return [...names].every((name) => here.has(name));
}
