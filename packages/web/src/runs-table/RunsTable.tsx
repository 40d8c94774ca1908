import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { packList, unpackList, useAddress } from "../address/query-state.ts";
import { ApiError } from "../api/client.ts";
import { FirstRun } from "../home/Home.tsx";
import { t } from "../i18n/index.ts";
import { runColumnsQuery } from "../runs/run-columns.ts";
import { type RunSet, useFirstPage, useRunCount } from "../runs/run-window.ts";
import type { RunRow } from "../runs/runs.ts";
import { Button, EmptyState, ErrorState, NotFound, Popover, Skeleton } from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { toast } from "../ui/toast.tsx";
import { ColumnPicker } from "./ColumnPicker.tsx";
import { DEFAULT_COLUMNS, FIXED_COLUMNS } from "./columns.ts";
import { exportCsv } from "./export-csv.ts";
import { FilterBar } from "./FilterBar.tsx";
import { filtersOf, packConditions, unpackConditions } from "./filters.ts";
import { RunGrid } from "./RunGrid.tsx";
import { Selection } from "./Selection.tsx";
import "./runs-table.css";

/** Every run as a row; filter, order, columns and search are in the address. */
export default function RunsTable({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const client = useQueryClient();
  const text = address.get("q");
  const pattern = address.get("re") === "1";
  const conditionText = address.get("filters");
  const order = address.get("sort") || "-created_at";
  const conditions = useMemo(() => unpackConditions(conditionText), [conditionText]);
  const set: RunSet = {
    entity,
    project,
    order,
    filters: JSON.stringify(filtersOf(conditions, { text, pattern })),
  };
  const { count, error, retry } = useRunCount(set);
  useFirstPage(set);
  const columns = useColumns(entity, project);
  const [picked, setPicked] = useState<ReadonlyMap<string, RunRow>>(new Map());
  const [exporting, setExporting] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other runs, other picks
  useEffect(() => setPicked(new Map()), [set.filters]);

  if (error instanceof ApiError && error.status === 404) return <NotFound />;
  if (!count && !error) return <Skeleton lines={12} />;
  if (count?.all === 0) return <FirstRun follow={false} project={project} />;
  const chosen = address.get("cols") ? unpackList(address.get("cols")) : columns.automatic;

  const download = async () => {
    if (!count) return;
    setExporting(true);
    try {
      await exportCsv(count.set, chosen);
    } catch (failure) {
      toast((failure as Error).message);
    }
    setExporting(false);
  };
  return (
    <main className="runs-table">
      <div className="table-toolbar">
        <SearchField
          data-search
          label={t("runs.search")}
          value={text}
          onText={(next) => address.set({ q: next })}
          aria-invalid={error !== null && text !== ""}
          aria-describedby="table-problem"
        />
        <Button
          className="mono"
          aria-label={t("table.pattern")}
          title={t("table.pattern")}
          aria-pressed={pattern}
          onClick={() => address.set({ re: pattern ? "" : "1" })}
        >
          .*
        </Button>
        <FilterBar
          conditions={conditions}
          columns={columns.paths}
          onChange={(next) => address.set({ filters: packConditions(next) })}
        />
        <span className="muted" role="status">
          {count && t("runs.count", { shown: grouped(count.shown), total: grouped(count.all) })}
        </span>
        <span className="grow" />
        <Popover label={t("table.columns")} face={t("table.columns")} align="right">
          {() => (
            <ColumnPicker
              paths={[...FIXED_COLUMNS, ...columns.paths]}
              chosen={chosen}
              onChange={(next) => address.set({ cols: packList(next) })}
            />
          )}
        </Popover>
        <Button onClick={() => void download()} disabled={exporting || !count}>
          {t("table.export")}
        </Button>
      </div>
      {error && count && (
        <p id="table-problem" className="table-problem" role="alert">
          {error.message}
        </p>
      )}
      {picked.size > 0 && (
        <Selection
          picked={[...picked.values()]}
          onDone={() => {
            setPicked(new Map());
            return client.invalidateQueries({ queryKey: ["runs", entity, project] });
          }}
        />
      )}
      {!count && error && <ErrorState error={error} retry={retry} />}
      {count?.shown === 0 && (
        <EmptyState title={t("runs.noneMatch", { total: grouped(count.all) })}>
          <Button onClick={() => address.set({ q: "", re: "", filters: "" })}>{t("runs.clear")}</Button>
        </EmptyState>
      )}
      {count && count.shown > 0 && (
        <RunGrid
          set={count.set}
          total={count.shown}
          columns={chosen}
          numeric={columns.numeric}
          picked={picked}
          onPick={count.readOnly ? undefined : setPicked}
          onOrder={(sort) => address.set({ sort })}
        />
      )}
    </main>
  );
}

/** Paths that the project's runs have; the first of config and summary are shown until the person chooses. */
function useColumns(entity: string, project: string) {
  const { data } = useQuery(runColumnsQuery(entity, project));
  return useMemo(() => {
    const paths = data?.map(({ path }) => path) ?? [];
    const first = (head: string) => paths.filter((path) => path.startsWith(head)).slice(0, 4);
    return {
      paths,
      automatic: [...DEFAULT_COLUMNS, ...first("summary."), ...first("config.")],
      numeric: new Set([
        "duration",
        ...(data ?? []).filter(({ kind }) => kind === "number").map(({ path }) => path),
      ]),
    };
  }, [data]);
}
