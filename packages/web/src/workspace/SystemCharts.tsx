import { useMemo } from "react";
import { t } from "../i18n/index.ts";
import { Panels, type Section } from "./Panels.tsx";

/**
 * System metrics, one chart per measure: `system.gpu.0.temp` and `system.gpu.1.temp` are two lines of one chart, so that
 * eight devices are not eight charts. A section per kind of device.
 */
export function byDevice(keys: string[]): Section[] {
  const sections = new Map<string, Map<string, string[]>>();
  for (const key of keys) {
    if (!key.startsWith("system.")) continue;
    const measure = key
      .slice("system.".length)
      .replace(/\.\d+\./g, ".")
      .replace(/\/l:.*$/, "");
    // `cpu`, `memory_percent`: of the machine as a whole, and alone a section would be mostly empty.
    const device = measure.includes(".") ? measure.slice(0, measure.indexOf(".")) : "system";
    const panels = sections.get(device) ?? new Map<string, string[]>();
    panels.set(measure, [...(panels.get(measure) ?? []), key]);
    sections.set(device, panels);
  }
  return [...sections].map(([title, panels]) => ({
    title,
    panels: [...panels].map(([measure, group]) => ({ title: measure, keys: group })),
  }));
}

export default function SystemCharts({
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
      <Panels
        entity={entity}
        project={project}
        runs={runs}
        stream="events"
        arrange={byDevice}
        empty={t("run.noSystem")}
        defaultX="relative"
      />
    </main>
  );
}
