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
import { Button, EmptyState, ErrorState, Skeleton, StateBadge } from "../ui/controls.tsx";
import { bySections, Panels } from "./Panels.tsx";
import "./workspace.css";

/** Drawn at first; more on demand, as the eye can tell ten lines apart and not a hundred. */
const SHOWN_AT_FIRST = 10;
const MAX_SHOWN = 500;
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
  const runs = useRuns({ entity, project, filters, order: "-created_at", pageSize: 100, withValues: false });
  const all = useMemo(
    () => runs.data?.pages.flatMap(({ edges }) => edges.map(({ node }) => node)) ?? [],
    [runs.data],
  );
  const total = runs.data?.pages[0]?.total ?? 0;
  const visible = visibleRuns(all, address.get("show"), address.get("hide"));
  const visibleKey = visible.map(({ name }) => name).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is the same as long as its names are
  const shown = useMemo(() => visible, [visibleKey]);
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
    if (shown.some(({ name }) => name === run.name)) {
      show.delete(run.name);
      hide.add(run.name);
    } else {
      hide.delete(run.name);
      show.add(run.name);
    }
    address.set({ show: packList(show), hide: packList(hide) });
  };

  return (
    <div className="workspace" style={{ "--selector": `${width}px` } as React.CSSProperties}>
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
            <span className="muted">{t("runs.count", { shown: shown.length, total })}</span>
            <span className="grow" />
            <Button kind="quiet" onClick={() => address.set({ show: "*", hide: "" })}>
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
            shown={new Set(shown.map(({ name }) => name))}
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
          runs={shown}
          stream="history"
          emphasised={emphasised}
          arrange={bySections}
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

/** The first ten unless said otherwise: `show` and `hide` name runs, `*` all of them. */
function visibleRuns(all: RunRow[], showText: string, hideText: string): RunRow[] {
  const show = new Set(unpackList(showText));
  const hide = new Set(unpackList(hideText));
  return all
    .filter(({ name }, index) => {
      if (hide.has(name)) return false;
      if (show.has(name) || show.has("*")) return true;
      return !hide.has("*") && index < SHOWN_AT_FIRST;
    })
    .slice(0, MAX_SHOWN);
}

function RunList({
  runs,
  shown,
  entity,
  project,
  onToggle,
  onOnly,
  onPoint,
  onEnd,
}: {
  runs: RunRow[];
  shown: Set<string>;
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
          const on = shown.has(run.name);
          return (
            <div
              key={run.name}
              className={on ? "run-row" : "run-row off"}
              style={{ transform: `translateY(${start}px)` }}
              onPointerEnter={() => onPoint(on ? run.name : undefined)}
            >
              <button
                type="button"
                className="eye"
                aria-pressed={on}
                aria-label={t(on ? "runs.hide" : "runs.show", { name: run.displayName })}
                style={{ color: on ? runColour(run.name, theme) : "var(--edge)" }}
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
