/** What filters and orders may name of a run, and what it is in the catalog. */
export type RunField =
  | { kind: "text"; column: TextColumn }
  /** Compared in milliseconds. */
  | { kind: "time"; column: "created_at" | "updated_at" | "heartbeat_at" }
  | { kind: "number"; column: "duration" | "exit_code" }
  /** A value of config or summary; `path` as in `run_cells`. */
  | { kind: "cell"; path: string }
  | { kind: "tags" }
  /** Whether a key was logged, by its summary value. */
  | { kind: "key"; path: string }
  | { kind: "artifacts"; direction: "input" | "output" };

export type TextColumn =
  | "name"
  | "display_name"
  | "state"
  | "group_name"
  | "job_type"
  | "host"
  | "username"
  | "sweep_name"
  | "description"
  | "notes"
  | "git_commit"
  | "program";

const COLUMNS: Record<string, RunField> = {
  name: { kind: "text", column: "name" },
  display_name: { kind: "text", column: "display_name" },
  state: { kind: "text", column: "state" },
  group: { kind: "text", column: "group_name" },
  group_name: { kind: "text", column: "group_name" },
  job_type: { kind: "text", column: "job_type" },
  host: { kind: "text", column: "host" },
  username: { kind: "text", column: "username" },
  user: { kind: "text", column: "username" },
  "user.username": { kind: "text", column: "username" },
  "user.name": { kind: "text", column: "username" },
  sweep: { kind: "text", column: "sweep_name" },
  sweep_name: { kind: "text", column: "sweep_name" },
  description: { kind: "text", column: "description" },
  notes: { kind: "text", column: "notes" },
  commit: { kind: "text", column: "git_commit" },
  program: { kind: "text", column: "program" },
  created_at: { kind: "time", column: "created_at" },
  updated_at: { kind: "time", column: "updated_at" },
  heartbeat_at: { kind: "time", column: "heartbeat_at" },
  duration: { kind: "number", column: "duration" },
  exitcode: { kind: "number", column: "exit_code" },
  exit_code: { kind: "number", column: "exit_code" },
  tags: { kind: "tags" },
  input_artifacts: { kind: "artifacts", direction: "input" },
  output_artifacts: { kind: "artifacts", direction: "output" },
};

/** Undefined for what is no field. Names of columns may be camelCase or snake_case; keys are as they were logged. */
export function runField(name: string): RunField | undefined {
  const dot = name.indexOf(".");
  const head = dot < 0 ? "" : name.slice(0, dot);
  const rest = name.slice(dot + 1);
  if (rest !== "" && head === "config") return { kind: "cell", path: `config.${withoutWrapper(rest)}` };
  if (rest !== "" && (head === "summary_metrics" || head === "summaryMetrics" || head === "summary")) {
    return { kind: "cell", path: `summary.${rest}` };
  }
  if (name.startsWith("keys_info.keys.")) return { kind: "key", path: `summary.${name.slice(15)}` };
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.hasOwn(COLUMNS, snake) ? COLUMNS[snake] : undefined;
}

/** `lr.value` and `lr` are the same value; `net.value.depth` is `depth` in `net`. */
function withoutWrapper(key: string): string {
  const parts = key.split(".");
  const at = parts.indexOf("value", 1);
  if (at > 0) parts.splice(at, 1);
  return parts.join(".");
}
