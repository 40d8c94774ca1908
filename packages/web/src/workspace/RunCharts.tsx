import { useMemo } from "react";
import { t } from "../i18n/index.ts";
import { Panels } from "./Panels.tsx";
import type { PanelRun } from "./panel-context.ts";

/** Every metric of one run. */
export default function RunCharts({
  entity,
  project,
  run,
}: {
  entity: string;
  project: string;
  run: PanelRun;
}) {
  const { name, displayName, defaultColorIndex } = run;
  const runs = useMemo(
    () => [{ name, displayName, defaultColorIndex }],
    [name, displayName, defaultColorIndex],
  );
  return (
    <main className="panels-scroll" style={{ flex: 1 }}>
      <Panels entity={entity} project={project} runs={runs} shows="metrics" empty={t("run.waiting")} />
    </main>
  );
}
