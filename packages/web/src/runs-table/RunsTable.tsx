import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { addressOf, packList, unpackList, useAddress } from "../address/query-state.ts";
import { ApiError, graphql } from "../api/client.ts";
import { FirstRun } from "../home/Home.tsx";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import {
  DELETE_RUN,
  forEachRun,
  RESTORE_RUN,
  type RunRow,
  STOP_RUN,
  TAG_RUN,
  useRuns,
} from "../runs/runs.ts";
import { useTheme } from "../theme/theme.ts";
import {
  Button,
  Confirm,
  Dialog,
  EmptyState,
  ErrorState,
  Popover,
  RelativeTime,
  Skeleton,
  StateBadge,
} from "../ui/controls.tsx";
import { shortNumber, show } from "../ui/format.ts";
import { toast } from "../ui/toast.tsx";
import { cellOf, columnOf, DEFAULT_COLUMNS, FIXED_COLUMNS, type RunValues, valuesOf } from "./columns.ts";
import {
  type Condition,
  filtersOf,
  OPERATORS,
  type Operator,
  packConditions,
  unpackConditions,
} from "./filters.ts";
import "./runs-table.css";

/** Every run as a row; filter, order, columns and search are in the address. */
export default function RunsTable({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const client = useQueryClient();
  const theme = useTheme();
  const search = address.get("q");
  const conditions = unpackConditions(address.get("filters"));
  const conditionText = address.get("filters");
  const order = address.get("sort") || "-created_at";
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text says all of the conditions
  const filters = useMemo(() => filtersOf(conditions, search), [conditionText, search]);
  const runs = useRuns({ entity, project, filters, order, pageSize: 100, withValues: true });
  const columns = useQuery({
    queryKey: ["columns", entity, project],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: { runColumns: { path: string; kind: string }[] } | null }>(
          "query Columns($entity: String, $project: String) { project(name: $project, entityName: $entity) { runColumns { path kind } } }",
          { entity, project },
          signal,
        )
      ).project?.runColumns.filter(({ path }) => !/^(config|summary)\._/.test(path)) ?? [],
  });
  const values = useMemo(
    () => runs.data?.pages.flatMap(({ edges }) => edges.map(({ node }) => valuesOf(node))) ?? [],
    [runs.data],
  );
  const total = runs.data?.pages[0]?.total ?? 0;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<"delete" | "tag">();
  const scroller = useRef<HTMLDivElement>(null);

  // The first of config and summary until the person chooses.
  const automatic = [
    ...DEFAULT_COLUMNS,
    ...(columns.data ?? [])
      .filter(({ path }) => path.startsWith("summary."))
      .slice(0, 4)
      .map(({ path }) => path),
    ...(columns.data ?? [])
      .filter(({ path }) => path.startsWith("config."))
      .slice(0, 4)
      .map(({ path }) => path),
  ];
  const chosen = address.get("cols") ? unpackList(address.get("cols")) : automatic;

  const rows = useVirtualizer({
    count: values.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 28,
    overscan: 12,
    onChange: (instance) => {
      if (
        (instance.range?.endIndex ?? 0) >= values.length - 20 &&
        runs.hasNextPage &&
        !runs.isFetchingNextPage
      )
        void runs.fetchNextPage();
    },
  });

  if (runs.isPending) return <Skeleton lines={12} />;
  if (runs.error && !runs.data) {
    if (runs.error instanceof ApiError && runs.error.status === 404)
      return <EmptyState title={t("notFound.title")} />;
    return (
      <>
        <FilterBar
          conditions={conditions}
          columns={columns.data ?? []}
          onChange={(next) => address.set({ filters: packConditions(next) })}
        />
        <ErrorState error={runs.error} retry={() => runs.refetch()} />
      </>
    );
  }
  if (total === 0 && !search && conditions.length === 0) return <FirstRun follow={false} project={project} />;

  const picked = values.filter(({ run }) => selected.has(run.name)).map(({ run }) => run);
  const refresh = () => client.invalidateQueries({ queryKey: ["runs", entity, project] });
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      toast((error as Error).message);
    }
    setSelected(new Set());
    await refresh();
  };
  const remove = () =>
    act(async () => {
      const gone: RunRow[] = picked;
      await forEachRun(gone, DELETE_RUN, ({ id }) => ({ id }));
      toast(t("table.deleted", { count: gone.length }), {
        label: t("common.undo"),
        run: () => void act(() => forEachRun(gone, RESTORE_RUN, ({ id }) => ({ id }))),
      });
    });
  const template = `32px minmax(200px, 1.6fr) repeat(${chosen.length}, minmax(112px, 1fr))`;
  const rowStyle = { gridTemplateColumns: template, minWidth: 232 + 112 * chosen.length };
  const numeric = new Set(
    chosen.filter((id) => id === "duration" || values.some((row) => typeof cellOf(row, id) === "number")),
  );

  return (
    <div className="runs-table">
      <div className="table-toolbar">
        <input
          className="field"
          data-search
          aria-label={t("runs.search")}
          placeholder={t("runs.search")}
          value={search}
          onChange={(event) => address.set({ q: event.target.value })}
        />
        <FilterBar
          conditions={conditions}
          columns={columns.data ?? []}
          onChange={(next) => address.set({ filters: packConditions(next) })}
        />
        <span className="muted">{t("runs.count", { shown: values.length, total })}</span>
        <span className="grow" />
        <Popover label={t("table.columns")} face={t("table.columns")} align="right">
          {() => (
            <ColumnPicker
              paths={[...FIXED_COLUMNS, ...(columns.data ?? []).map(({ path }) => path)]}
              chosen={chosen}
              onChange={(next) => address.set({ cols: packList(next) })}
            />
          )}
        </Popover>
        <Button onClick={() => exportCsv(values, chosen, project)}>{t("table.export")}</Button>
      </div>
      {picked.length > 0 && (
        <div className="selection" role="toolbar" aria-label={t("table.selected", { count: picked.length })}>
          {t("table.selected", { count: picked.length })}
          <Button onClick={() => setDialog("tag")}>{t("table.tag")}</Button>
          <Button
            onClick={() =>
              act(async () =>
                toast(
                  t("table.stopped", {
                    count: await forEachRun(
                      picked.filter(({ state }) => state === "running"),
                      STOP_RUN,
                      ({ id }) => ({ id }),
                    ),
                  }),
                ),
              )
            }
            disabled={!picked.some(({ state }) => state === "running")}
          >
            {t("table.stop")}
          </Button>
          <Button kind="danger" onClick={() => setDialog("delete")}>
            {t("common.delete")}
          </Button>
          <Button kind="quiet" onClick={() => setSelected(new Set())}>
            {t("common.cancel")}
          </Button>
        </div>
      )}
      {values.length === 0 ? (
        <EmptyState title={t("runs.noneMatch", { total })}>
          <Button onClick={() => address.set({ q: "", filters: "" })}>{t("runs.clear")}</Button>
        </EmptyState>
      ) : (
        <div
          className="table-scroll"
          ref={scroller}
          role="grid"
          aria-rowcount={total}
          aria-label={t("nav.runs")}
        >
          <div className="table-row table-head" role="row" style={rowStyle}>
            <span role="columnheader">
              <input
                type="checkbox"
                aria-label={t("table.selectAll")}
                checked={picked.length === values.length}
                onChange={(event) =>
                  setSelected(event.target.checked ? new Set(values.map(({ run }) => run.name)) : new Set())
                }
              />
            </span>
            {["name", ...chosen].map((id) => {
              const column = columnOf(id);
              const sorted = order.slice(1) === column.field ? order[0] : undefined;
              return (
                <span
                  key={id}
                  role="columnheader"
                  className={numeric.has(id) ? "number" : ""}
                  aria-sort={sorted === "+" ? "ascending" : sorted === "-" ? "descending" : "none"}
                >
                  <button
                    type="button"
                    title={id}
                    onClick={() =>
                      address.set({ sort: sorted === "-" ? `+${column.field}` : `-${column.field}` })
                    }
                  >
                    {column.label}
                    {sorted && <span aria-hidden="true">{sorted === "+" ? " ↑" : " ↓"}</span>}
                  </button>
                </span>
              );
            })}
          </div>
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const row = values[index];
              if (!row) return null;
              const { run } = row;
              return (
                <div
                  key={run.name}
                  className="table-row"
                  role="row"
                  aria-rowindex={index + 1}
                  aria-selected={selected.has(run.name)}
                  style={{ ...rowStyle, transform: `translateY(${start}px)` }}
                >
                  <span role="gridcell">
                    <input
                      type="checkbox"
                      aria-label={t("table.select", { name: run.displayName })}
                      checked={selected.has(run.name)}
                      onChange={() => {
                        const next = new Set(selected);
                        if (!next.delete(run.name)) next.add(run.name);
                        setSelected(next);
                      }}
                    />
                  </span>
                  <span role="gridcell" className="name-cell">
                    <span className="colour" style={{ background: runColour(run.name, theme) }} />
                    <Link href={addressOf.run(entity, project, run.name)} title={run.name}>
                      {run.displayName}
                    </Link>
                  </span>
                  {chosen.map((id) => (
                    <Cell key={id} id={id} row={row} />
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      )}
      {dialog === "delete" && (
        <Confirm
          title={t("common.delete")}
          text={t("table.confirmDelete", { count: picked.length })}
          action={t("common.delete")}
          onConfirm={() => void remove()}
          onClose={() => setDialog(undefined)}
        />
      )}
      {dialog === "tag" && (
        <Dialog title={t("table.tag")} onClose={() => setDialog(undefined)}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const tag = String(new FormData(event.currentTarget).get("tag") ?? "").trim();
              setDialog(undefined);
              if (tag) {
                void act(async () =>
                  toast(
                    t("table.tagged", {
                      count: await forEachRun(picked, TAG_RUN, (run) => ({
                        id: run.id,
                        tags: [...new Set([...run.tags, tag])],
                      })),
                    }),
                  ),
                );
              }
            }}
          >
            <input
              className="field"
              name="tag"
              aria-label={t("table.tag")}
              maxLength={200}
              autoFocus
              style={{ width: "100%" }}
            />
            <div className="actions">
              <Button onClick={() => setDialog(undefined)}>{t("common.cancel")}</Button>
              <Button kind="primary" type="submit">
                {t("table.tag")}
              </Button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}

function Cell({ id, row }: { id: string; row: RunValues }) {
  const value = cellOf(row, id);
  if (id === "state") {
    return (
      <span role="gridcell">
        <StateBadge state={row.run.state} />
      </span>
    );
  }
  if (id === "tags") {
    return (
      <span role="gridcell">
        {row.run.tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
          </span>
        ))}
      </span>
    );
  }
  if (id === "created") {
    return (
      <span role="gridcell">
        <RelativeTime iso={row.run.createdAt} />
      </span>
    );
  }
  if (typeof value === "number") {
    return (
      <span role="gridcell" className="mono number" title={String(value)}>
        {shortNumber(value)}
      </span>
    );
  }
  const text = value === undefined || value === null ? "" : show(value);
  return (
    <span role="gridcell" title={text} className={id === "duration" ? "mono number" : ""}>
      {text}
    </span>
  );
}

function ColumnPicker({
  paths,
  chosen,
  onChange,
}: {
  paths: string[];
  chosen: string[];
  onChange: (next: string[]) => void;
}) {
  const [text, setText] = useState("");
  const found = paths.filter((path) => path.toLowerCase().includes(text.toLowerCase())).slice(0, 200);
  return (
    <div style={{ width: 280 }}>
      <input
        className="field"
        style={{ width: "100%" }}
        aria-label={t("common.search")}
        placeholder={t("common.search")}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {found.map((path) => (
        <label key={path} className="item" style={{ cursor: "pointer" }}>
          <input
            type="checkbox"
            checked={chosen.includes(path)}
            onChange={() =>
              onChange(chosen.includes(path) ? chosen.filter((id) => id !== path) : [...chosen, path])
            }
          />
          <span className="mono" style={{ overflowWrap: "anywhere" }}>
            {FIXED_COLUMNS.includes(path) ? columnOf(path).label : path}
          </span>
        </label>
      ))}
    </div>
  );
}

function FilterBar({
  conditions,
  columns,
  onChange,
}: {
  conditions: Condition[];
  columns: { path: string }[];
  onChange: (next: Condition[]) => void;
}) {
  return (
    <>
      {conditions.map((condition, index) => (
        <span key={packConditions([condition])} className="tag filter-chip">
          <span className="mono">
            {condition.field} {condition.operator} {condition.value}
          </span>
          <button
            type="button"
            aria-label={`${t("common.delete")}: ${condition.field}`}
            onClick={() => onChange(conditions.filter((_one, at) => at !== index))}
          >
            ✕
          </button>
        </span>
      ))}
      <Popover label={t("table.addFilter")} face={`+ ${t("table.filter")}`}>
        {(close) => (
          <form
            className="filter-form"
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              onChange([
                ...conditions,
                {
                  field: String(form.get("field")),
                  operator: form.get("operator") as Operator,
                  value: String(form.get("value") ?? ""),
                },
              ]);
              close();
            }}
          >
            <input
              className="field"
              name="field"
              list="filter-fields"
              required
              aria-label={t("table.field")}
              placeholder={t("table.field")}
            />
            <datalist id="filter-fields">
              {["name", ...FIXED_COLUMNS, ...columns.map(({ path }) => path)].map((path) => (
                <option key={path} value={path} />
              ))}
            </datalist>
            <select className="field" name="operator" aria-label={t("table.operator")}>
              {OPERATORS.map((operator) => (
                <option key={operator}>{operator}</option>
              ))}
            </select>
            <input
              className="field"
              name="value"
              aria-label={t("common.value")}
              placeholder={t("common.value")}
            />
            <Button kind="primary" type="submit">
              {t("table.apply")}
            </Button>
          </form>
        )}
      </Popover>
    </>
  );
}

/** What is loaded, the columns that are shown; a cell that a spreadsheet would run is kept as text. */
function exportCsv(values: RunValues[], columns: string[], project: string): void {
  const cell = (value: unknown) => {
    const text =
      value === undefined || value === null
        ? ""
        : typeof value === "object"
          ? JSON.stringify(value)
          : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [
    ["id", "name", ...columns].map(cell).join(","),
    ...values.map((row) =>
      [row.run.name, row.run.displayName, ...columns.map((id) => cellOf(row, id))].map(cell).join(","),
    ),
  ];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  link.download = `${project}-runs.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
