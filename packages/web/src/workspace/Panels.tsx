import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { packList } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { Button, EmptyState, ErrorState, Skeleton } from "../ui/controls.tsx";
import { FunctionIcon } from "../ui/icons.tsx";
import { screen } from "../ui/screen.tsx";
import { useSame, useSteady } from "../ui/steady.ts";
import { useHistogramKeys } from "./histogram-keys.ts";
import { useKeys } from "./keys.ts";
import { Panel } from "./Panel.tsx";
import { OwnViewContext, PanelContext, type PanelProps, type PanelRun } from "./panel-context.ts";
import { useStaleSeries } from "./panel-series.ts";
import { SectionList } from "./SectionList.tsx";
import { byDevice, bySections, type PanelPlan, type Section, withExpressions } from "./sections.ts";
import { systemTitle } from "./system-title.ts";
import { Toolbar } from "./Toolbar.tsx";
import { type ChartView, flip, useChartView, type ViewChange } from "./view.ts";
import "./workspace.css";

/** A chart for every key of the runs, in sections. */
export function Panels({
  entity,
  project,
  runs,
  shows,
  emphasised,
  limited,
  grouping,
  controls,
  notes,
  empty,
  withoutRuns,
}: {
  entity: string;
  project: string;
  /** Those that are drawn; at most what the selector allows. */
  runs: PanelRun[];
  /** `both`: metrics, and the machine's in one closed section at the end. */
  shows: "metrics" | "system" | "both";
  emphasised?: string | undefined;
  limited?: PanelProps["limited"];
  /** Lines of groups of the runs. */
  grouping?: PanelProps["grouping"];
  /** In the toolbar, and under it. */
  controls?: ReactNode;
  notes?: ReactNode;
  /** Nothing logged at all. */
  empty: string;
  /** Instead of charts when no run is drawn. */
  withoutRuns?: ReactNode;
}) {
  const [view, setView] = useChartView(shows === "system" ? "relative" : "step");
  const names = useMemo(() => runs.map(({ name }) => name).sort(), [runs]);
  const metrics = useKeys(entity, project, "history", names, shows !== "system");
  const system = useKeys(entity, project, "events", names, shows !== "metrics");
  const keys = shows === "system" ? system : metrics;
  const histograms = useHistogramKeys(entity, project, names, shows !== "system");

  const { sections, badPattern } = useMemo(() => {
    const keyed = [
      ...(shows === "system" ? byDevice(system.data ?? []) : bySections(metrics.data ?? [], histograms.data)),
      ...(shows === "both" ? oneSection(byDevice(system.data ?? [])) : []),
    ];
    const all = withExpressions(
      keyed,
      view.expressions,
      shows === "system" ? undefined : addedSection(view.added),
    );
    let pattern: RegExp;
    try {
      pattern = new RegExp(view.search, "i");
    } catch {
      return { sections: all, badPattern: true };
    }
    const found = all.map((section) => ({
      ...section,
      panels: section.panels.filter(
        ({ title, keys, stream }) =>
          pattern.test(title) ||
          keys.some((key) => pattern.test(key)) ||
          (stream === "events" && pattern.test(systemTitle(title) ?? "")),
      ),
      // What was searched for is not behind a fold.
      closed: section.closed && view.search === "",
    }));
    return { sections: found.filter(({ panels }) => panels.length > 0), badPattern: false };
  }, [metrics.data, histograms.data, system.data, shows, view.search, view.expressions, view.added]);
  const allPanels = sections.flatMap((section) => section.panels.map((panel) => ({ section, panel })));
  const full = findFull(allPanels, view.full, view.fullSection);

  useEffect(() => {
    if (!full) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof Element && event.target.closest("input, select, textarea")) return;
      const at = allPanels.indexOf(full);
      const go = (to: number) =>
        setView({ full: allPanels[(to + allPanels.length) % allPanels.length]?.panel.title ?? "" });
      if (event.key === "Escape") setView({ full: "" });
      if (event.key === "ArrowRight") go(at + 1);
      if (event.key === "ArrowLeft") go(at - 1);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });

  /** Whose expression is being written: a panel's, or a new one's. */
  const [editing, setEditing] = useState<PanelPlan | "new">();
  const lastFull = useRef<string>(undefined);
  if (full) lastFull.current = full.panel.title;
  useStaleSeries(entity, project);

  const { zooms, tables, flipped, search, added, expressions, syncZoom, ...rest } = view;
  const own = useSame({ zooms, tables });
  const shared = useSame(rest);
  const panelProps = useSame<PanelProps>({
    entity,
    project,
    runs,
    view: shared,
    setView,
    emphasised,
    limited,
    grouping,
    lastFull,
    editExpression: setEditing,
  });
  const toggleSection = useSteady((section: string) => setView({ flipped: flip(flipped, section) }));
  const dialog = editing && (
    <ExpressionDialog
      entity={entity}
      project={project}
      panel={editing === "new" ? undefined : editing}
      keys={(editing !== "new" && editing.stream === "events" ? system : metrics).data ?? []}
      onClose={() => setEditing(undefined)}
      onApply={(text) => {
        setEditing(undefined);
        setView(expressionChange(view, editing === "new" ? undefined : editing, text));
      }}
    />
  );
  if (full) {
    return (
      <PanelContext value={panelProps}>
        <OwnViewContext value={own}>
          <div className="full-panel">
            <Panel key={full.panel.title} panel={full.panel} />
            {dialog}
          </div>
        </OwnViewContext>
      </PanelContext>
    );
  }
  return (
    <div className="panels">
      <Toolbar view={view} setView={setView} badPattern={badPattern} keys={metrics.data ?? []}>
        {shows !== "system" && (
          <Button
            aria-label={t("expression.add")}
            title={t("expression.add")}
            onClick={() => setEditing("new")}
          >
            + <FunctionIcon />
          </Button>
        )}
        {controls}
      </Toolbar>
      {notes}
      {keys.isPending && runs.length > 0 && <Skeleton lines={8} />}
      {keys.error && <ErrorState error={keys.error} retry={() => keys.refetch()} />}
      {runs.length === 0 && withoutRuns}
      {keys.data && !histograms.isLoading && runs.length > 0 && allPanels.length === 0 && (
        <EmptyState title={view.search ? t("chart.noPanels", { text: view.search }) : empty} />
      )}
      <PanelContext value={panelProps}>
        <OwnViewContext value={own}>
          {runs.length > 0 && (
            <SectionList
              sections={sections}
              flipped={flipped}
              lastFull={lastFull.current}
              search={search}
              onToggle={toggleSection}
            />
          )}
        </OwnViewContext>
      </PanelContext>
      {dialog}
    </div>
  );
}

/** Written by few: its code comes when it is opened. */
const ExpressionDialog = screen(() => import("./ExpressionDialog.tsx"), null);

function addedSection(expressions: readonly string[]): Section {
  const panels = expressions.map(
    (expression): PanelPlan => ({
      title: expression,
      keys: [expression],
      stream: "history",
      expression,
      isAdded: true,
    }),
  );
  return { id: "*expressions", title: t("chart.section.expressions"), panels };
}

/** What the address says once a panel's expression is `text`; "": it has none any more. */
function expressionChange({ added }: ChartView, panel: PanelPlan | undefined, text: string): ViewChange {
  if (!panel) return { added: packList([...added, text]) };
  if (!panel.isAdded) return { expression: { panel: panel.title, to: text } };
  const next = added.map((one) => (one === panel.title ? text : one)).filter((one) => one !== "");
  return { added: packList(next), full: "" };
}

function oneSection(sections: Section[]): Section[] {
  const panels = sections.flatMap((section) => section.panels);
  return panels.length === 0
    ? []
    : [{ id: "*system", title: t("chart.section.system"), panels, closed: true }];
}

interface Placed {
  section: Section;
  panel: PanelPlan;
}

/** A link that names a section which is not there means the panel all the same. */
function findFull(panels: Placed[], title: string, sectionTitle: string): Placed | undefined {
  if (!title) return undefined;
  const titled = panels.filter(({ panel }) => panel.title === title);
  return (
    titled.find(({ section }) => (section.title || t("chart.section.other")) === sectionTitle) ?? titled[0]
  );
}
