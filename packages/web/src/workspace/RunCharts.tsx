import { useMemo } from "react";
import { t } from "../i18n/index.ts";
import { Panels } from "./Panels.tsx";

/** Every metric of one run. */
export default function RunCharts({
  entity,
  project,
  run,
  displayName,
}: {
  entity: string;
  project: string;
  run: string;
  displayName: string;
}) {
  const runs = useMemo(() => [{ name: run, displayName }], [run, displayName]);
  return (
    <main className="panels-scroll" style={{ flex: 1 }}>
      <Panels entity={entity} project={project} runs={runs} shows="metrics" empty={t("run.waiting")} />
    </main>
  );
}
