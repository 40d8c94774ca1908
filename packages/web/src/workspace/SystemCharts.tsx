import { useMemo } from "react";
import { t } from "../i18n/index.ts";
import { Panels } from "./Panels.tsx";
import type { PanelRun } from "./panel-context.ts";

/** System metrics of one run. */
export default function SystemCharts({
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
      <Panels entity={entity} project={project} runs={runs} shows="system" empty={t("run.noSystem")} />
    </main>
  );
}
