import { t } from "../i18n/index.ts";
import type { RunRow } from "../runs/runs.ts";
import { duration, parseJson } from "../ui/format.ts";

/** A column of the runs table: fixed ones by name, the rest `config.<key>` and `summary.<key>`. */
export interface Column {
  id: string;
  label: string;
  /** Field of the wire's order and filters. */
  field: string;
  numeric: boolean;
}

export const DEFAULT_COLUMNS = ["state", "tags", "created", "duration"];

export function columnOf(id: string): Column {
  switch (id) {
    case "name":
      return { id, label: t("common.name"), field: "displayName", numeric: false };
    case "state":
      return { id, label: t("table.state"), field: "state", numeric: false };
    case "tags":
      return { id, label: t("table.tags"), field: "tags", numeric: false };
    case "user":
      return { id, label: t("table.user"), field: "username", numeric: false };
    case "created":
      return { id, label: t("table.created"), field: "created_at", numeric: false };
    case "duration":
      return { id, label: t("table.duration"), field: "duration", numeric: true };
    case "group":
      return { id, label: t("table.group"), field: "group", numeric: false };
    case "jobType":
      return { id, label: t("table.jobType"), field: "jobType", numeric: false };
  }
  if (id.startsWith("config."))
    return { id, label: id.slice(7), field: `config.${id.slice(7)}.value`, numeric: false };
  return {
    id,
    label: id.replace(/^summary\./, ""),
    field: `summary_metrics.${id.replace(/^summary\./, "")}`,
    numeric: true,
  };
}

export const FIXED_COLUMNS = ["state", "tags", "user", "created", "duration", "group", "jobType"];

/** Values of one run, config and summary parsed once. */
export interface RunValues {
  run: RunRow;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
}

export function valuesOf(run: RunRow): RunValues {
  const config: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(parseJson(run.config))) {
    config[key] =
      typeof entry === "object" && entry !== null && "value" in entry
        ? (entry as { value: unknown }).value
        : entry;
  }
  return { run, config, summary: parseJson(run.summaryMetrics) };
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

export function durationMs(run: { state: string; createdAt: string; heartbeatAt: string }): number {
  const end = run.state === "running" ? Date.now() : Date.parse(run.heartbeatAt);
  return end - Date.parse(run.createdAt);
}

function reach(object: Record<string, unknown>, key: string): unknown {
  if (key in object) return object[key];
  let value: unknown = object;
  for (const part of key.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
