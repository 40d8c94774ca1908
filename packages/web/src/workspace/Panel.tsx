import { useContext } from "react";
import { screen } from "../ui/screen.tsx";
import { LinePanel } from "./LinePanel.tsx";
import { OwnViewContext } from "./panel-context.ts";
import type { PanelPlan } from "./sections.ts";

const COMING = (
  <section className="panel">
    <div className="plot">
      <div className="skeleton plot-skeleton" />
    </div>
  </section>
);
/** Their code comes with the first of them. */
const HeatMapPanel = screen(() => import("./HeatMapPanel.tsx"), COMING);
const ExpressionPanel = screen(() => import("./ExpressionPanel.tsx"), COMING);

export function Panel({ panel }: { panel: PanelPlan }) {
  const { zooms, tables } = useContext(OwnViewContext);
  const zoom = zooms.get(panel.title);
  const asTable = tables.has(panel.title);
  if (panel.histogramsOf) return <HeatMapPanel panel={panel} zoom={zoom} runsWithIt={panel.histogramsOf} />;
  if (panel.expression !== undefined)
    return <ExpressionPanel panel={panel} zoom={zoom} asTable={asTable} text={panel.expression} />;
  return <LinePanel panel={panel} zoom={zoom} asTable={asTable} />;
}
