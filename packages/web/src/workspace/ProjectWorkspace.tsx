import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { addressOf, useAddress } from "../address/query-state.ts";
import { ApiError } from "../api/client.ts";
import { FirstRun } from "../home/Home.tsx";
import { t, useLanguage } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { type RunRow, useRuns } from "../runs/runs.ts";
import { useTheme } from "../theme/theme.ts";
import {
  Button,
  EmptyState,
  ErrorState,
  IconButton,
  NotFound,
  Segmented,
  Skeleton,
  StateBadge,
} from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { LongSelect } from "../ui/LongSelect.tsx";
import { SearchField } from "../ui/SearchField.tsx";
import { useSame, useSteady } from "../ui/steady.ts";
import { useEyes } from "./eyes.ts";
import { GroupControls, GroupNotes } from "./GroupControls.tsx";
import { drawnGroups, readGrouping } from "./grouping.ts";
import { useKeys } from "./keys.ts";
import { listedRuns, MAX_DRAWN, NEWEST_FIRST } from "./listed-runs.ts";
import { Panels } from "./Panels.tsx";
import { useRunGroups } from "./run-groups.ts";
import "./workspace.css";

/** Of the run list, in pixels. */
const MIN_WIDTH = 200;
const MAX_WIDTH = 800;
const WIDTH_STORED = "steelyard.selector-width";

/** Left the runs, right a chart for every key. */
export default function ProjectWorkspace({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const search = address.get("q");
  const { question, limit } = listedRuns(entity, project, address.get);
  const { filters, order } = question;
  const runs = useRuns(question);
  const all = useMemo(
    () => runs.data?.pages.flatMap(({ edges }) => edges.map(({ node }) => node)) ?? [],
    [runs.data],
  );
  const { total = 0, everything = 0 } = runs.data?.pages[0] ?? {};
  const eyes = useEyes({ entity, project, filters, order, all, total });
  const { visible } = eyes;
  const drawnKey = JSON.stringify(
    visible.slice(0, limit).map(({ name, displayName }) => [name, displayName]),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is the same as long as its names are
  const drawn = useMemo(() => visible.slice(0, limit), [drawnKey]);
  const drawnNames = useMemo(() => drawn.map(({ name }) => name).sort(), [drawn]);
  const choice = readGrouping(address.get);
  const groups = useRunGroups({ question, choice, shown: eyes.shown, isVisible: eyes.isVisible });
  const choiceKey = JSON.stringify(choice);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the choice is the same as long as its words are
  const grouping = useMemo(() => choice && drawnGroups(choice, groups.groups), [choiceKey, groups.groups]);
  const keys = useKeys(entity, project, "history", drawnNames);
  const colours = useMemo(
    () =>
      new Map(
        grouping
          ? grouping.groups.flatMap(({ runs, colour }) => runs.map((run) => [run, colour] as const)).reverse()
          : drawn.map((run) => [run.name, run.defaultColorIndex] as const),
      ),
    [grouping, drawn],
  );
  /** What a narrow screen shows of the two. */
  const pane = address.get("pane") === "runs" ? "runs" : "charts";
  const [emphasised, setEmphasised] = useState<string>();
  const raise = useSteady(() => address.set({ max: String(Math.min(MAX_DRAWN, eyes.count)) }));
  const limited = useSame({ visible: eyes.count, raise });
  const toggle = useSteady(eyes.toggle);
  const showOnly = useSteady(eyes.showOnly);
  const [width, setWidth] = useState(() => Number(localStorage.getItem(WIDTH_STORED)) || 280);

  if (runs.isPending) return <Skeleton lines={10} />;
  if (runs.error && !runs.data) {
    if (runs.error instanceof ApiError && runs.error.status === 404) return <NotFound />;
    return <ErrorState error={runs.error} retry={() => runs.refetch()} />;
  }
  if (total === 0 && !search) return <FirstRun follow project={project} />;

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
          onChange={(next) => address.set({ pane: next === "runs" ? next : "" })}
        />
      </div>
      <aside className="selector" aria-label={t("nav.runs")}>
        <div className="head">
          <SearchField label={t("runs.search")} value={search} onText={(q) => address.set({ q })} />
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
          <div className="counts-row">
            <Drawn visible={eyes.count} total={total} drawn={colours.size} />
            <Button kind="quiet" className="small" onClick={eyes.showAll}>
              {t("runs.showAll")}
            </Button>
            <Button kind="quiet" className="small" onClick={eyes.hideAll}>
              {t("runs.hideAll")}
            </Button>
          </div>
        </div>
        {all.length === 0 ? (
          <EmptyState title={t("runs.noneMatch", { total: grouped(everything) })}>
            <Button onClick={() => address.set({ q: "" })}>{t("runs.clear")}</Button>
          </EmptyState>
        ) : (
          <RunList
            runs={all}
            isVisible={eyes.isVisible}
            coloured={colours}
            entity={entity}
            project={project}
            onToggle={toggle}
            onOnly={showOnly}
            onPoint={setEmphasised}
            onEnd={() => runs.hasNextPage && !runs.isFetchingNextPage && runs.fetchNextPage()}
          />
        )}
      </aside>
      <div
        className="splitter"
        role="separator"
        aria-label={t("nav.splitter")}
        aria-orientation="vertical"
        aria-valuemin={MIN_WIDTH}
        aria-valuemax={MAX_WIDTH}
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
          runs={grouping ? groups.runs : drawn}
          shows="both"
          emphasised={emphasised}
          limited={grouping ? undefined : limited}
          grouping={grouping}
          controls={<GroupControls entity={entity} project={project} />}
          notes={choice && !groups.isPending && <GroupNotes choice={choice} groups={groups} />}
          empty={t("chart.noKeys")}
          withoutRuns={
            groups.isPending ? (
              <Skeleton lines={8} />
            ) : groups.error ? (
              <ErrorState error={groups.error} retry={groups.retry} />
            ) : all.length === 0 ? (
              <EmptyState title={t("chart.noneMatch")} />
            ) : (
              <EmptyState title={t("chart.allHidden")}>
                <Button onClick={eyes.showAll}>{t("runs.showAll")}</Button>
              </EmptyState>
            )
          }
        />
      </main>
    </div>
  );

  function resize(to: number): void {
    const next = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, to));
    setWidth(next);
    localStorage.setItem(WIDTH_STORED, String(next));
  }
}

/** On one line, however many there are: the whole of it is in the title. */
function Drawn(counts: { visible: number; total: number; drawn: number }) {
  const text = t("runs.drawn", {
    visible: grouped(counts.visible),
    total: grouped(counts.total),
    drawn: grouped(counts.drawn),
  });
  return (
    <span className="muted counts" title={text}>
      {text}
    </span>
  );
}

/** The metric that orders the list stays in the choice, even when no drawn run has it. */
function sortKeys(keys: readonly string[], order: string): Set<string> {
  const field = order.slice(1);
  const chosen = field.startsWith("summary_metrics.") ? [field.slice("summary_metrics.".length)] : [];
  return new Set([...chosen, ...keys]);
}

function RunList({
  runs,
  isVisible,
  coloured,
  entity,
  project,
  onToggle,
  onOnly,
  onPoint,
  onEnd,
}: {
  runs: RunRow[];
  isVisible: (run: RunRow) => boolean;
  /** Of the visible, those that charts draw: which of the colours each has there. */
  coloured: ReadonlyMap<string, number>;
  entity: string;
  project: string;
  onToggle: (run: RunRow) => void;
  onOnly: (run: RunRow) => void;
  onPoint: (run: string | undefined) => void;
  onEnd: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
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
          return (
            <RunListRow
              key={run.name}
              run={run}
              start={start}
              on={isVisible(run)}
              colour={coloured.get(run.name)}
              href={addressOf.run(entity, project, run.name)}
              onToggle={onToggle}
              onOnly={onOnly}
              onPoint={onPoint}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The list is rendered for each change of the address, and of any run. */
const RunListRow = memo(function RunListRow({
  run,
  start,
  on,
  colour,
  href,
  onToggle,
  onOnly,
  onPoint,
}: {
  run: RunRow;
  /** Its place in the list, in pixels. */
  start: number;
  on: boolean;
  /** Undefined: charts do not draw it. */
  colour: number | undefined;
  href: string;
  onToggle: (run: RunRow) => void;
  onOnly: (run: RunRow) => void;
  onPoint: (run: string | undefined) => void;
}) {
  const theme = useTheme();
  useLanguage();
  const isDrawn = colour !== undefined;
  return (
    <div
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
        style={{ color: isDrawn ? runColour(colour, theme) : "var(--edge)" }}
        onClick={() => onToggle(run)}
      >
        <span className="disc" />
      </button>
      <Link className="name" href={href} title={`${run.displayName} (${run.name})`}>
        {run.displayName}
      </Link>
      <Button kind="quiet" className="only" onClick={() => onOnly(run)}>
        {t("runs.only")}
      </Button>
      {run.state !== "finished" && <StateBadge state={run.state} />}
    </div>
  );
});
