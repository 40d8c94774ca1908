import { screen } from "../ui/screen.tsx";
import { LinePanel } from "./LinePanel.tsx";
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
  if (panel.histogramsOf) return <HeatMapPanel panel={panel} runsWithIt={panel.histogramsOf} />;
  if (panel.expression !== undefined) return <ExpressionPanel panel={panel} text={panel.expression} />;
  return <LinePanel panel={panel} />;
}
