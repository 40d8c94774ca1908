import { t } from "../i18n/index.ts";
import { configOf, reach } from "../runs/run-values.ts";
import type { RunRow } from "../runs/runs.ts";
import { duration, parseJson } from "../ui/format.ts";

export const DEFAULT_COLUMNS = ["state", "tags", "created", "duration"];

/** Fixed columns have a name of ours; the rest is `config.<key>` and `summary.<key>`. */
export function labelOf(id: string): string {
  switch (id) {
    case "name":
      return t("common.name");
    case "state":
      return t("table.state");
    case "tags":
      return t("table.tags");
    case "user":
      return t("table.user");
    case "created":
      return t("table.created");
    case "duration":
      return t("table.duration");
    case "group":
      return t("table.group");
    case "jobType":
      return t("table.jobType");
  }
  return id.replace(/^(config|summary)\./, "");
}

export const FIXED_COLUMNS = ["state", "tags", "user", "created", "duration", "group", "jobType"];

/** Values of one run, config and summary parsed once. */
export interface RunValues {
  run: RunRow;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
}

export function valuesOf(run: RunRow): RunValues {
  return { run, config: configOf(run.config), summary: parseJson(run.summaryMetrics) };
}

/** The cell's value; dotted keys reach into nested objects, a literal dotted key wins. */
export function cellOf({ run, config, summary }: RunValues, id: string): unknown {
  if (id === "state") return run.state;
  if (id === "tags") return run.tags;
  if (id === "user") return run.user?.username;
  if (id === "created") return run.createdAt;
  if (id === "duration") return duration(durationMs(run));
  if (id === "group") return run.group;
  if (id === "jobType") return run.jobType;
  if (id.startsWith("config.")) return reach(config, id.slice(7));
  return reach(summary, id.replace(/^summary\./, ""));
}

/** As `cellOf`, for a program: durations are numbers, in seconds. */
export function exportOf(row: RunValues, id: string): unknown {
  if (id === "duration") return durationMs(row.run) / 1000;
  if (id === "tags") return row.run.tags.join(",");
  return cellOf(row, id);
}

export function durationMs(run: { state: string; createdAt: string; heartbeatAt: string }): number {
  const end = run.state === "running" ? Date.now() : Date.parse(run.heartbeatAt);
  return end - Date.parse(run.createdAt);
}
