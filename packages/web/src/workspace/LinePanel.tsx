import { memo, useMemo, useRef } from "react";
import { ChartTable } from "../charts/ChartTable.tsx";
import { LineChart } from "../charts/LineChart.tsx";
import { LineMark } from "../charts/LineMark.tsx";
import { type ChartLine, domainOf, drawnLines, gapsText } from "../charts/lines.ts";
import { isSmoothing } from "../charts/smooth.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { useTheme } from "../theme/theme.ts";
import { ErrorState, IconButton } from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { TableIcon } from "../ui/icons.tsx";
import { useSteady } from "../ui/steady.ts";
import { NothingDrawn } from "./NothingDrawn.tsx";
import { PanelFrame, type PanelNote, useOfWidth } from "./PanelFrame.tsx";
import { usePanelContext } from "./panel-context.ts";
import { linesOfGroups, linesOfRuns } from "./panel-lines.ts";
import { usePanelSeries } from "./panel-series.ts";
import type { PanelPlan } from "./sections.ts";
import type { Zoom } from "./view.ts";

/** More have their names in the tooltip alone, unless the chart fills the screen. */
const LEGEND_LINES = 5;
/** Names in a footer; the rest is a number. */
const NAMED = 3;

export interface LinePanelProps {
  panel: PanelPlan;
  zoom: Zoom | undefined;
  asTable: boolean;
}

/** Lines of keys, or of an expression. */
export const LinePanel = memo(function LinePanel({ panel, zoom, asTable }: LinePanelProps) {
  const { entity, project, runs, view, setView, emphasised, limited, grouping } = usePanelContext();
  const box = useRef<HTMLElement>(null);
  const isFull = view.full !== "";
  const buckets = useOfWidth(box, bucketsFor, isFull);
  const theme = useTheme();
  useLanguage();
  // System metrics have no steps and no rows of metrics: their axis is time.
  const timed = panel.stream === "events" && (view.x.kind === "step" || view.x.kind === "key");
  const x = useMemo(() => (timed ? ({ kind: "relative" } as const) : view.x), [timed, view.x]);
  const xKind = timed ? "relative" : view.xKind;
  // Steps are no seconds: the zoom that all share is of the screen's own axis.
  const range = zoom?.x ?? (timed ? undefined : view.range);
  const yRange = zoom?.y;
  const names = useMemo(() => runs.map(({ name }) => name).sort(), [runs]);
  const series = usePanelSeries({
    entity,
    project,
    names,
    panel,
    x,
    range,
    buckets,
    grouping: grouping?.question,
    place: box,
  });

  const lines = useMemo((): ChartLine[] => {
    const looks = { keys: panel.keys, theme, dashes: view.dashes };
    const answers = series.data ?? [];
    return grouping ? linesOfGroups(answers, grouping, looks) : linesOfRuns(answers, runs, looks);
  }, [series.data, runs, grouping, theme, panel.keys, view.dashes]);
  const { smoothing, showOriginal, logX, logY, band, ignoreOutliers } = view;
  const options = useMemo(
    () => ({ range, yRange, logX, logY, band, ignoreOutliers }),
    [range, yRange, logX, logY, band, ignoreOutliers],
  );
  const pointed = grouping
    ? grouping.groups.find((group) => group.runs.includes(emphasised ?? ""))?.id
    : emphasised;
  const drawn = useMemo(
    () => drawnLines(lines, smoothing, showOriginal, pointed),
    [lines, smoothing, showOriginal, pointed],
  );
  const domain = useMemo(() => domainOf(drawn, options), [drawn, options]);
  const { nonFinite, infinite, negativeInfinite } = domain;
  const gaps = { nan: nonFinite - infinite - negativeInfinite, infinite, negativeInfinite };
  const smoothed = isSmoothing(smoothing);
  const xName = x.kind === "key" ? x.key : t(`chart.${x.kind}`);

  const notes: PanelNote[] = [];
  if (domain.hidden > 0) notes.push({ key: "hidden", text: t("chart.hidden", { count: domain.hidden }) });
  if (domain.above + domain.below > 0)
    notes.push({ key: "outside", text: t("chart.outside", { count: domain.above + domain.below }) });
  const without =
    x.kind === "key" && !grouping && series.data && !series.isPlaceholderData
      ? runs.filter(({ name }) => !lines.some(({ id }) => id === name))
      : [];
  if (x.kind === "key" && without.length > 0 && lines.length > 0) {
    const named = without.slice(0, NAMED).map(({ displayName }) => displayName);
    if (without.length > NAMED) named.push(t("chart.more", { count: without.length - NAMED }));
    notes.push({
      key: "without",
      text: t("chart.without", { key: x.key, names: named.join(", ") }),
      title: without.map(({ displayName }) => displayName).join("\n"),
    });
  }

  const { title } = panel;
  const toggleFull = useSteady(() => setView({ full: isFull ? "" : title }));
  const zoomTo = useSteady((x: Zoom["x"] | undefined, y?: Zoom["x"]) =>
    setView({ zoom: { panel: title, to: x && { x, ...(y ? { y } : {}) } } }),
  );
  return (
    <PanelFrame
      panel={panel}
      box={box}
      badges={
        nonFinite > 0 && (
          <span className="count-badge" title={t("chart.nonFinite.title", { kinds: gapsText(gaps) })}>
            {t("chart.nonFinite", { count: nonFinite })}
          </span>
        )
      }
      isStale={series.isFetching && series.data !== undefined}
      tools={
        limited &&
        limited.visible > runs.length && (
          <button type="button" className="limit" title={t("chart.limited.title")} onClick={limited.raise}>
            {t("chart.limited", { drawn: runs.length, visible: grouped(limited.visible) })}
          </button>
        )
      }
      buttons={
        <IconButton
          label={t("chart.table")}
          aria-pressed={asTable}
          onClick={() => setView({ table: panel.title })}
        >
          <TableIcon />
        </IconButton>
      }
      notes={notes}
    >
      <div className="plot">
        {series.error && !series.data && <ErrorState error={series.error} retry={() => series.refetch()} />}
        {series.data && lines.length === 0 && <NothingDrawn x={x} range={range} />}
        {lines.length > 0 && asTable && (
          <ChartTable
            title={panel.title}
            lines={lines}
            drawn={drawn}
            xKind={xKind}
            xName={xName}
            smoothed={smoothed}
            picked={view.line}
            onPick={(line) => setView({ line })}
          />
        )}
        {lines.length > 0 && !asTable && (
          <LineChart
            title={panel.title}
            lines={lines}
            drawn={drawn}
            domain={domain}
            options={options}
            xKind={xKind}
            smoothed={smoothed}
            onZoom={zoomTo}
            onFullScreen={toggleFull}
          />
        )}
        {series.isPending && <div className="skeleton plot-skeleton" />}
      </div>
      {lines.length > 0 &&
        !asTable &&
        (lines.length <= LEGEND_LINES || isFull) &&
        (panel.keys.length > 1 || runs.length > 1 || grouping) && (
          <div className="legend">
            {lines.map((line) => (
              <span key={`${line.id} ${line.answer.key}`} title={line.label}>
                <LineMark colour={line.colour} dash={line.dash} />
                <span className="legend-label">{line.label}</span>
              </span>
            ))}
          </div>
        )}
    </PanelFrame>
  );
});

/** A bucket per device pixel at most; in few sizes, so that panels of nearly one width ask one question. */
function bucketsFor(pixels: number, isFull: boolean): number {
  return [400, 700, 1000, ...(isFull ? [2000] : [])].find((size) => size >= pixels) ?? (isFull ? 3000 : 1000);
}
