import { memo, useMemo, useRef } from "react";
import { HeatMapChart } from "../charts/HeatMapChart.tsx";
import { mostOf, shadeColour } from "../charts/heat-map.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { useTheme } from "../theme/theme.ts";
import { Button, ErrorState } from "../ui/controls.tsx";
import { grouped, shortNumber } from "../ui/format.ts";
import { LongSelect } from "../ui/LongSelect.tsx";
import { useHeatMap } from "./heat-map-query.ts";
import { NothingDrawn } from "./NothingDrawn.tsx";
import { PanelFrame, type PanelNote, useOfWidth } from "./PanelFrame.tsx";
import { usePanelContext } from "./panel-context.ts";
import type { PanelPlan } from "./sections.ts";
import type { Zoom } from "./view.ts";

const BINS = 64;
/** Narrower columns are no longer seen. */
const COLUMN_PX = 4;
const SHADES = [0, 1 / 3, 2 / 3, 1];

/** Histograms that one of the runs logged, over x. */
export default memo(function HeatMapPanel({
  panel,
  zoom,
  runsWithIt,
}: {
  panel: PanelPlan;
  zoom: Zoom | undefined;
  runsWithIt: readonly string[];
}) {
  const { entity, project, runs, view, setView } = usePanelContext();
  useLanguage();
  const box = useRef<HTMLElement>(null);
  const isFull = view.full !== "";
  const buckets = useOfWidth(box, bucketsFor, isFull);
  const theme = useTheme();
  const choices = useMemo(() => runs.filter(({ name }) => runsWithIt.includes(name)), [runs, runsWithIt]);
  const run = choices.find(({ name }) => name === view.heatRun) ?? choices[0];
  const range = zoom?.x ?? view.range;
  const answer = useHeatMap({
    entity,
    project,
    run: run?.name ?? "",
    key: panel.keys[0] ?? "",
    x: view.x,
    range,
    buckets,
    bins: BINS,
    place: box,
  });
  const map = answer.data ?? undefined;
  const most = useMemo(() => (map ? mostOf(map) : 0), [map]);
  const { x } = view;
  const xName = x.kind === "key" ? x.key : t(`chart.${x.kind}`);
  const notes: PanelNote[] = map?.sampled
    ? [{ key: "sampled", text: t("heat.sampled", { count: grouped(2000) }) }]
    : [];
  return (
    <PanelFrame
      panel={panel}
      box={box}
      isStale={answer.isFetching && answer.data !== undefined}
      tools={
        choices.length > 1 && (
          <LongSelect
            label={t("heat.run")}
            className="heat-run"
            value={run?.name ?? ""}
            options={choices.map(({ name, displayName }) => ({ value: name, label: displayName }))}
            onChange={(heatRun) => setView({ heatRun })}
          />
        )
      }
      buttons={
        <Button
          kind="quiet"
          className="small"
          title={t("heat.log.title")}
          aria-pressed={view.heatLog}
          onClick={() => setView({ heatLog: view.heatLog ? "" : "1" })}
        >
          {t("heat.log")}
        </Button>
      }
      notes={notes}
    >
      <div className="plot">
        {answer.error && !answer.data && <ErrorState error={answer.error} retry={() => answer.refetch()} />}
        {answer.data === null && <NothingDrawn x={x} range={range} />}
        {map && run && (
          <HeatMapChart
            title={panel.title}
            name={run.displayName}
            map={map}
            xKind={view.xKind}
            xName={xName}
            logX={view.logX}
            log={view.heatLog}
            range={range}
            onZoom={(to) => setView({ zoom: { panel: panel.title, to: to && { x: to } } })}
            onFullScreen={() => setView({ full: isFull ? "" : panel.title })}
          />
        )}
        {answer.isPending && <div className="skeleton plot-skeleton" />}
      </div>
      {map && run && (
        <div className="legend heat-legend">
          {runs.length > 1 && choices.length === 1 && (
            <span title={run.displayName}>
              <span className="legend-label">{run.displayName}</span>
            </span>
          )}
          <span>
            {t("heat.legend")}
            <span className="mono">{view.heatLog ? shortNumber(most / 1000) : 0}</span>
            <span
              className="heat-scale"
              style={{
                background: `linear-gradient(to right, ${SHADES.map((shade) => shadeColour(shade, theme)).join(", ")})`,
              }}
            />
            <span className="mono">{shortNumber(most)}</span>
          </span>
        </div>
      )}
    </PanelFrame>
  );
});

/** In few sizes, as those of lines. */
function bucketsFor(pixels: number): number {
  return [100, 200, 400].find((size) => size * COLUMN_PX >= pixels) ?? 600;
}
