import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useAddress } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { runColumnsQuery } from "../runs/run-columns.ts";
import { labelOf } from "../runs-table/columns.ts";
import { grouped } from "../ui/format.ts";
import { LongSelect } from "../ui/LongSelect.tsx";
import {
  AGGREGATES,
  FIXED_GROUPINGS,
  type GroupChoice,
  readGrouping,
  SPREADS,
  writeGrouping,
} from "./grouping.ts";
import type { useRunGroups } from "./run-groups.ts";

/** Keys of the config are for a list that is closed yet: the charts come first. */
const LATER_MS = 1000;

/** By what the runs are grouped, and what stands for a group. */
export function GroupControls({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const choice = readGrouping(address.get);
  const [later, setLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLater(true), LATER_MS);
    return () => clearTimeout(timer);
  }, []);
  const columns = useQuery({ ...runColumnsQuery(entity, project), enabled: later });
  const configs = (columns.data ?? []).flatMap(({ path }) => (path.startsWith("config.") ? [path] : []));
  if (choice?.by.startsWith("config.") && !configs.includes(choice.by)) configs.unshift(choice.by);
  const set = (next: GroupChoice | undefined) => address.set(writeGrouping(next));
  return (
    <div className="switch-row">
      <LongSelect
        label={t("group.by")}
        className="axis"
        value={choice?.by ?? ""}
        options={[
          { value: "", label: t("group.off") },
          ...FIXED_GROUPINGS.map((by) => ({ value: by as string, label: groupingLabel(by) })),
          ...configs.map((by) => ({ value: by, label: groupingLabel(by) })),
        ]}
        onChange={(by) => set(by ? { aggregate: "mean", spread: "minmax", ...choice, by } : undefined)}
      />
      {choice && (
        <>
          <LongSelect
            label={t("group.aggregate")}
            value={choice.aggregate}
            options={AGGREGATES.map((value) => ({ value, label: t(`group.aggregate.${value}`) }))}
            onChange={(aggregate) => set({ ...choice, aggregate: aggregate as GroupChoice["aggregate"] })}
          />
          <LongSelect
            label={t("group.spread")}
            className="smoothing"
            value={choice.spread}
            options={SPREADS.map((value) => ({ value, label: t(`group.spread.${value}`) }))}
            onChange={(spread) => set({ ...choice, spread: spread as GroupChoice["spread"] })}
          />
        </>
      )}
    </div>
  );
}

export function groupingLabel(by: string): string {
  return by.startsWith("config.") ? by : labelOf(by);
}

/** What the lines of the groups leave out, if they do. */
export function GroupNotes({
  choice,
  groups: { groups, runs, all, left },
}: {
  choice: GroupChoice;
  groups: Pick<ReturnType<typeof useRunGroups>, "groups" | "runs" | "all" | "left">;
}) {
  const isNobody = groups.length === 1 && groups[0]?.value === undefined;
  const notes = [
    ...(left > 0
      ? [t("group.left", { runs: grouped(runs.length), total: grouped(runs.length + left) })]
      : []),
    ...(all > groups.length
      ? [t("group.tooMany", { drawn: grouped(groups.length), all: grouped(all) })]
      : []),
    ...(isNobody ? [t("group.nobody", { field: groupingLabel(choice.by) })] : []),
  ];
  return notes.length === 0 ? null : (
    <p className="muted group-notes" role="status">
      {notes.join(" ")}
    </p>
  );
}
