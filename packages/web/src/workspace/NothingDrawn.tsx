import { t } from "../i18n/index.ts";
import { Button } from "../ui/controls.tsx";
import { usePanelContext } from "./panel-context.ts";
import type { ChartView } from "./view.ts";

/** Why a chart is empty, in its place, and the way out where there is one. */
export function NothingDrawn({ x, range }: Pick<ChartView, "x" | "range">) {
  const { setView } = usePanelContext();
  return (
    <div className="muted note">
      {x.kind === "key" ? (
        <>
          <p>{t("chart.noneHasX", { key: x.key })}</p>
          <Button onClick={() => setView({ x: "" })}>{t("chart.useStep")}</Button>
        </>
      ) : (
        <p>{t(range ? "chart.noneInRange" : "chart.noRunLogged")}</p>
      )}
    </div>
  );
}
