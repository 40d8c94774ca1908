import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { getJson, queryString } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { type ChartLine, LineChart } from "../charts/LineChart.tsx";
import { rangeText } from "../charts/scale.ts";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { useTheme } from "../theme/theme.ts";
import { Button, EmptyState, ErrorState, IconButton, Skeleton } from "../ui/controls.tsx";
import { loadSeries } from "./series.ts";
import { type ChartView, useChartView } from "./view.ts";
import "./workspace.css";

export interface PanelRun {
  name: string;
  displayName: string;
}

interface PanelsProps {
  entity: string;
  project: string;
  /** Those that are drawn; at most what the selector allows. */
  runs: PanelRun[];
  stream: "history" | "events";
  emphasised?: string | undefined;
  /** How keys fall into sections and lines into panels. */
  arrange: (keys: string[]) => Section[];
  /** Nothing logged at all. */
  empty: string;
  defaultX?: "step" | "relative";
}

export interface Section {
  title: string;
  panels: { title: string; keys: string[] }[];
}

/** Keys by what stands before the first slash; the rest under one heading, which comes first. */
export function bySections(keys: string[]): Section[] {
  const sections = new Map<string, Section>();
  for (const key of keys) {
    const slash = key.indexOf("/");
    const title = slash > 0 ? key.slice(0, slash) : "";
    const section = sections.get(title) ?? { title, panels: [] };
    section.panels.push({ title: key, keys: [key] });
    sections.set(title, section);
  }
  return [...sections.values()].sort((a, b) =>
    a.title === "" ? -1 : b.title === "" ? 1 : a.title.localeCompare(b.title),
  );
}

/** The step itself and the clocks are axes, not curves. */
const AXIS_KEYS = new Set(["_step", "_runtime", "_timestamp", "_absolute_runtime", "_wandb"]);

export function Panels({
  entity,
  project,
  runs,
  stream,
  emphasised,
  arrange,
  empty,
  defaultX = "step",
}: PanelsProps) {
  const [view, setView] = useChartView(defaultX);
  const client = useQueryClient();
  const names = useMemo(() => runs.map(({ name }) => name).sort(), [runs]);
  const keys = useQuery({
    queryKey: ["keys", entity, project, stream, names],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (
        await getJson<{ keys: string[] }>(
          `/api/v1/keys${queryString({ entity, project, stream, run: names })}`,
          signal,
        )
      ).keys.filter((key) => !AXIS_KEYS.has(key)),
  });

  const refresh = useRefresh(1000, () => {
    if (document.hidden) return;
    void client.invalidateQueries({ queryKey: ["series", entity, project] });
    void client.invalidateQueries({ queryKey: ["keys", entity, project] });
  });
  useLive(entity, project, (change) => {
    if (change.kind !== "rows" || !names.includes(change.run) || !change.streams.includes(stream)) return;
    refresh();
  });
  useEffect(() => {
    const catchUp = () => {
      if (!document.hidden) void client.invalidateQueries({ queryKey: ["series", entity, project] });
    };
    document.addEventListener("visibilitychange", catchUp);
    return () => document.removeEventListener("visibilitychange", catchUp);
  }, [client, entity, project]);

  const { sections, badPattern } = useMemo(() => {
    let pattern: RegExp | undefined;
    try {
      pattern = view.search ? new RegExp(view.search, "i") : undefined;
    } catch {
      return { sections: arrange(keys.data ?? []), badPattern: true };
    }
    return {
      sections: arrange((keys.data ?? []).filter((key) => !pattern || pattern.test(key))),
      badPattern: false,
    };
  }, [keys.data, view.search, arrange]);
  const allPanels = sections.flatMap(({ panels }) => panels);
  const full = allPanels.find(({ title }) => title === view.full);

  useEffect(() => {
    if (!full) return;
    const onKey = (event: KeyboardEvent) => {
      const at = allPanels.indexOf(full);
      if (event.key === "Escape") setView({ full: "" });
      if (event.key === "ArrowRight") setView({ full: allPanels[(at + 1) % allPanels.length]?.title ?? "" });
      if (event.key === "ArrowLeft")
        setView({ full: allPanels[(at + allPanels.length - 1) % allPanels.length]?.title ?? "" });
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });

  const panelProps = { entity, project, runs, stream, view, setView, emphasised };
  if (full) {
    return (
      <div className="full-panel">
        <Panel key={full.title} {...panelProps} panel={full} />
      </div>
    );
  }
  return (
    <div className="panels">
      <Toolbar view={view} setView={setView} badPattern={badPattern} keys={keys.data ?? []} />
      {keys.isPending && <Skeleton lines={8} />}
      {keys.error && <ErrorState error={keys.error} retry={() => keys.refetch()} />}
      {keys.data && runs.length === 0 && <EmptyState title={t("chart.allHidden")} />}
      {keys.data && runs.length > 0 && allPanels.length === 0 && (
        <EmptyState title={view.search ? t("chart.noPanels", { text: view.search }) : empty} />
      )}
      {runs.length > 0 &&
        sections.map((section) => (
          <details key={section.title} open className="section">
            <summary>
              {section.title || t("chart.section.other")}{" "}
              <span className="muted">{section.panels.length}</span>
            </summary>
            <div className="grid">
              {section.panels.map((panel) => (
                <Panel key={panel.title} {...panelProps} panel={panel} />
              ))}
            </div>
          </details>
        ))}
    </div>
  );
}

type SetView = ReturnType<typeof useChartView>[1];

function Toolbar({
  view,
  setView,
  badPattern,
  keys,
}: {
  view: ChartView;
  setView: SetView;
  badPattern: boolean;
  keys: string[];
}) {
  return (
    <div className="chart-toolbar" role="toolbar" aria-label={t("chart.settings")}>
      <input
        className="field"
        data-search
        aria-label={t("chart.search")}
        aria-invalid={badPattern}
        placeholder={badPattern ? t("chart.badPattern") : t("chart.search")}
        value={view.search}
        onChange={(event) => setView({ search: event.target.value })}
      />
      <label>
        <span className="visually-hidden">{t("chart.x")}</span>
        <select
          className="field"
          value={view.x.kind === "key" ? view.x.key : view.x.kind}
          onChange={(event) => setView({ x: event.target.value === "step" ? "" : event.target.value })}
        >
          <option value="step">{t("chart.step")}</option>
          <option value="relative">{t("chart.relative")}</option>
          <option value="wall">{t("chart.wall")}</option>
          {keys.map((key) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </select>
      </label>
      <label className="switch-row">
        <span className="muted">{t("chart.smoothing")}</span>
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={view.smoothing}
          onChange={(event) => setView({ smoothing: event.target.value === "0" ? "" : event.target.value })}
        />
        <span className="mono" style={{ width: 30 }}>
          {view.smoothing.toFixed(2)}
        </span>
      </label>
      <Button aria-pressed={view.logY} onClick={() => setView({ logY: view.logY ? "" : "1" })}>
        {t("chart.logY")}
      </Button>
      <Button aria-pressed={view.logX} onClick={() => setView({ logX: view.logX ? "" : "1" })}>
        {t("chart.logX")}
      </Button>
      <Button aria-pressed={view.band} onClick={() => setView({ band: view.band ? "0" : "" })}>
        {t("chart.band")}
      </Button>
      {view.range && <Button onClick={() => setView({ range: "" })}>{t("chart.resetZoom")}</Button>}
    </div>
  );
}

function Panel({
  entity,
  project,
  runs,
  stream,
  view,
  setView,
  emphasised,
  panel,
}: {
  entity: string;
  project: string;
  runs: PanelRun[];
  stream: "history" | "events";
  view: ChartView;
  setView: SetView;
  emphasised: string | undefined;
  panel: { title: string; keys: string[] };
}) {
  const box = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState(false);
  const [width, setWidth] = useState(400);
  const theme = useTheme();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const scroller = element.closest(".panels-scroll");
    const observer = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting ?? false), {
      root: scroller,
      // A screen ahead, so that scrolling meets a drawn chart.
      rootMargin: "600px 0px",
    });
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);

  const names = useMemo(() => runs.map(({ name }) => name).sort(), [runs]);
  // A bucket per device pixel at most; whole hundreds, so that panels of nearly one width ask one question.
  const buckets = Math.min(
    view.full ? 3000 : 1000,
    Math.max(200, Math.ceil((width * (window.devicePixelRatio || 1)) / 100) * 100),
  );
  const series = useQuery({
    queryKey: ["series", entity, project, stream, panel.keys, names, view.x, view.range, buckets],
    enabled: seen && names.length > 0,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const [min, max] = view.range ?? [];
      const lists = await Promise.all(
        panel.keys.map((key) =>
          loadSeries({
            entity,
            project,
            runs: names,
            key,
            stream,
            x: view.x,
            buckets,
            ...(min === undefined || max === undefined ? {} : { min, max }),
          }),
        ),
      );
      return lists.flat();
    },
  });

  const lines = useMemo((): ChartLine[] => {
    const labels = new Map(runs.map(({ name, displayName }) => [name, displayName]));
    return (series.data ?? [])
      .filter(({ run, xLast }) => labels.has(run) && xLast.length > 0)
      .map((answer) => ({
        id: answer.run,
        label: panel.keys.length > 1 ? answer.key : (labels.get(answer.run) ?? answer.run),
        colour: runColour(panel.keys.length > 1 ? answer.key : answer.run, theme),
        answer,
      }));
  }, [series.data, runs, theme, panel.keys.length]);

  const slash = panel.title.lastIndexOf("/");
  const prefix = slash > 0 ? panel.title.slice(0, slash + 1) : "";
  return (
    <section ref={box} className="panel" aria-label={panel.title}>
      <header>
        <h3 title={panel.title}>
          <span className="muted">{prefix}</span>
          {panel.title.slice(prefix.length)}
        </h3>
        <span className="grow" />
        {series.isFetching && series.data && <span className="stale-dot" title={t("chart.stale")} />}
        <IconButton
          label={t("chart.fullScreen")}
          onClick={() => setView({ full: view.full ? "" : panel.title })}
        >
          {view.full ? "✕" : "⤢"}
        </IconButton>
      </header>
      <div className="plot">
        {seen && series.error && !series.data && (
          <ErrorState error={series.error} retry={() => series.refetch()} />
        )}
        {seen && series.data && lines.length === 0 && <p className="muted note">{t("chart.noRunLogged")}</p>}
        {seen && lines.length > 0 && (
          <LineChart
            title={panel.title}
            lines={lines}
            xKind={view.xKind}
            logX={view.logX}
            logY={view.logY}
            smoothing={view.smoothing}
            band={view.band}
            range={view.range}
            onZoom={(range) => setView({ range: range ? rangeText(range) : "" })}
            emphasised={emphasised}
          />
        )}
        {seen && series.isPending && <div className="skeleton plot-skeleton" />}
      </div>
      {lines.length > 0 && lines.length <= 5 && (panel.keys.length > 1 || runs.length > 1) && (
        <footer className="legend">
          {lines.map((line) => (
            <span key={`${line.id} ${line.label}`} title={line.label}>
              <span className="swatch" style={{ background: line.colour }} /> {line.label}
            </span>
          ))}
        </footer>
      )}
    </section>
  );
}
