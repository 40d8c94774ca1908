import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { addressOf, packList, unpackList, useAddress } from "../address/query-state.ts";
import { ApiError } from "../api/client.ts";
import { FirstRun } from "../home/Home.tsx";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { escapePattern } from "../runs/pattern.ts";
import { type RunRow, useRuns } from "../runs/runs.ts";
import { useTheme } from "../theme/theme.ts";
import {
  Button,
  EmptyState,
  ErrorState,
  IconButton,
  Segmented,
  Skeleton,
  StateBadge,
} from "../ui/controls.tsx";
import { LongSelect } from "../ui/LongSelect.tsx";
import { useKeys } from "./keys.ts";
import { Panels } from "./Panels.tsx";
import "./workspace.css";

/** Drawn at first; more on demand, as the eye can tell ten lines apart and not a hundred. */
const DRAWN_AT_FIRST = 10;
const MAX_DRAWN = 500;
const NEWEST_FIRST = "-created_at";
const WIDTH_STORED = "steelyard.selector-width";

/** Left the runs, right a chart for every key. */
export default function ProjectWorkspace({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const search = address.get("q");
  const filters = useMemo(
    () =>
      search
        ? {
            $or: [
              { displayName: { $regex: `(?i)${escapePattern(search)}` } },
              { name: { $regex: `(?i)${escapePattern(search)}` } },
              { tags: search },
            ],
          }
        : {},
    [search],
  );
  const order = address.get("sort") || NEWEST_FIRST;
  const runs = useRuns({ entity, project, filters, order, pageSize: 100, withValues: false });
  const all = useMemo(
    () => runs.data?.pages.flatMap(({ edges }) => edges.map(({ node }) => node)) ?? [],
    [runs.data],
  );
  const total = runs.data?.pages[0]?.total ?? 0;
  const visible = visibleRuns(all, address.get("show"), address.get("hide"));
  const limit = Math.min(MAX_DRAWN, Math.max(1, Math.floor(Number(address.get("max"))) || DRAWN_AT_FIRST));
  const drawnKey = JSON.stringify(
    visible.slice(0, limit).map(({ name, displayName }) => [name, displayName]),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is the same as long as its names are
  const drawn = useMemo(() => visible.slice(0, limit), [drawnKey]);
  const drawnNames = useMemo(() => drawn.map(({ name }) => name).sort(), [drawn]);
  const keys = useKeys(entity, project, "history", drawnNames);
  /** What a narrow screen shows of the two. */
  const [pane, setPane] = useState<"charts" | "runs">("charts");
  const [emphasised, setEmphasised] = useState<string>();
  const [width, setWidth] = useState(() => Number(localStorage.getItem(WIDTH_STORED)) || 280);

  if (runs.isPending) return <Skeleton lines={10} />;
  if (runs.error && !runs.data) {
    if (runs.error instanceof ApiError && runs.error.status === 404)
      return <EmptyState title={t("notFound.title")} />;
    return <ErrorState error={runs.error} retry={() => runs.refetch()} />;
  }
  if (total === 0 && !search) return <FirstRun follow project={project} />;

  const toggle = (run: RunRow) => {
    const show = new Set(unpackList(address.get("show")));
    const hide = new Set(unpackList(address.get("hide")));
    // By name: the same run is another object after each reading.
    if (visible.some(({ name }) => name === run.name)) {
      show.delete(run.name);
      hide.add(run.name);
    } else {
      hide.delete(run.name);
      show.add(run.name);
    }
    address.set({ show: packList(show), hide: packList(hide) });
  };

  const raise = () => address.set({ max: String(Math.min(MAX_DRAWN, visible.length)) });
  return (
    <div className="workspace" data-pane={pane} style={{ "--selector": `${width}px` } as React.CSSProperties}>
      <div className="panes">
        <Segmented
          label={t("nav.workspace")}
          value={pane}
          options={[
            { value: "charts", label: t("run.charts") },
            { value: "runs", label: `${t("nav.runs")} ${total}` },
          ]}
          onChange={setPane}
        />
      </div>
      <aside className="selector" aria-label={t("nav.runs")}>
        <div className="head">
          <input
            className="field"
            aria-label={t("runs.search")}
            placeholder={t("runs.search")}
            value={search}
            onChange={(event) => address.set({ q: event.target.value })}
          />
          <div className="switch-row">
            <LongSelect
              label={t("runs.sort")}
              className="grow"
              value={order.slice(1)}
              options={[
                { value: "created_at", label: t("table.created") },
                { value: "displayName", label: t("common.name") },
                ...[...sortKeys(keys.data ?? [], order)].map((key) => ({
                  value: `summary_metrics.${key}`,
                  label: key,
                })),
              ]}
              onChange={(field) => {
                const next = field === "created_at" ? NEWEST_FIRST : `+${field}`;
                address.set({ sort: next === NEWEST_FIRST ? "" : next });
              }}
            />
            <IconButton
              label={t(order.startsWith("-") ? "runs.descending" : "runs.ascending")}
              onClick={() => {
                const next = `${order.startsWith("-") ? "+" : "-"}${order.slice(1)}`;
                address.set({ sort: next === NEWEST_FIRST ? "" : next });
              }}
            >
              {order.startsWith("-") ? "↓" : "↑"}
            </IconButton>
          </div>
          <div className="switch-row">
            <span className="muted">
              {t("runs.drawn", { visible: visible.length, total, drawn: drawn.length })}
            </span>
            <span className="grow" />
            <Button kind="quiet" onClick={() => address.set({ show: "", hide: "" })}>
              {t("runs.showAll")}
            </Button>
            <Button kind="quiet" onClick={() => address.set({ show: "", hide: "*" })}>
              {t("runs.hideAll")}
            </Button>
          </div>
        </div>
        {all.length === 0 ? (
          <EmptyState title={t("runs.noneMatch", { total })}>
            <Button onClick={() => address.set({ q: "" })}>{t("runs.clear")}</Button>
          </EmptyState>
        ) : (
          <RunList
            runs={all}
            visible={new Set(visible.map(({ name }) => name))}
            drawn={new Set(drawnNames)}
            entity={entity}
            project={project}
            onToggle={toggle}
            onOnly={(run) => address.set({ show: packList([run.name]), hide: "*" })}
            onPoint={setEmphasised}
            onEnd={() => runs.hasNextPage && !runs.isFetchingNextPage && runs.fetchNextPage()}
          />
        )}
      </aside>
      <div
        className="splitter"
        role="separator"
        aria-orientation="vertical"
        aria-valuenow={width}
        tabIndex={0}
        onKeyDown={(event) => {
          const by = event.key === "ArrowLeft" ? -20 : event.key === "ArrowRight" ? 20 : 0;
          if (by) resize(width + by);
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) resize(event.clientX);
        }}
      />
      <main className="panels-scroll">
        <Panels
          entity={entity}
          project={project}
          runs={drawn}
          shows="both"
          emphasised={emphasised}
          limited={{ visible: visible.length, raise }}
          empty={t("chart.noKeys")}
        />
      </main>
    </div>
  );

  function resize(to: number): void {
    const next = Math.min(800, Math.max(200, to));
    setWidth(next);
    localStorage.setItem(WIDTH_STORED, String(next));
  }
}

/** All unless said otherwise: `show` and `hide` name runs, `*` in `hide` all that `show` does not. */
function visibleRuns(all: RunRow[], showText: string, hideText: string): RunRow[] {
  const show = new Set(unpackList(showText));
  const hide = new Set(unpackList(hideText));
  return all.filter(({ name }) => !hide.has(name) && (show.has(name) || !hide.has("*")));
}

/** The metric that orders the list stays in the choice, even when no drawn run has it. */
function sortKeys(keys: readonly string[], order: string): Set<string> {
  const field = order.slice(1);
  const chosen = field.startsWith("summary_metrics.") ? [field.slice("summary_metrics.".length)] : [];
  return new Set([...chosen, ...keys]);
}

function RunList({
  runs,
  visible,
  drawn,
  entity,
  project,
  onToggle,
  onOnly,
  onPoint,
  onEnd,
}: {
  runs: RunRow[];
  visible: Set<string>;
  /** Of the visible, those within the limit. */
  drawn: Set<string>;
  entity: string;
  project: string;
  onToggle: (run: RunRow) => void;
  onOnly: (run: RunRow) => void;
  onPoint: (run: string | undefined) => void;
  onEnd: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const rows = useVirtualizer({
    count: runs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 28,
    overscan: 10,
    onChange: (instance) => {
      if ((instance.range?.endIndex ?? 0) >= runs.length - 10) onEnd();
    },
  });
  return (
    <div className="rows" ref={scroller} onPointerLeave={() => onPoint(undefined)}>
      <div style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const run = runs[index];
          if (!run) return null;
          const on = visible.has(run.name);
          const isDrawn = drawn.has(run.name);
          return (
            <div
              key={run.name}
              className={isDrawn ? "run-row" : "run-row off"}
              title={on && !isDrawn ? t("runs.overLimit") : undefined}
              style={{ transform: `translateY(${start}px)` }}
              onPointerEnter={() => onPoint(isDrawn ? run.name : undefined)}
            >
              <button
                type="button"
                className="eye"
                aria-pressed={on}
                aria-label={t(on ? "runs.hide" : "runs.show", { name: run.displayName })}
                style={{ color: isDrawn ? runColour(run.name, theme) : "var(--edge)" }}
                onClick={() => onToggle(run)}
              >
                <span className="disc" />
              </button>
              <Link
                className="name"
                href={addressOf.run(entity, project, run.name)}
                title={`${run.displayName} (${run.name})`}
              >
                {run.displayName}
              </Link>
              <Button kind="quiet" className="only" onClick={() => onOnly(run)}>
                {t("runs.only")}
              </Button>
              {run.state !== "finished" && <StateBadge state={run.state} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}
