const FIELDS: Record<string, string> = {
  name: "displayName",
  state: "state",
  tags: "tags",
  user: "username",
  created: "created_at",
  duration: "duration",
  group: "group",
  jobType: "jobType",
};

/** A column's name in the wire's orders and filters. */
export function fieldOf(column: string): string {
  const fixed = Object.hasOwn(FIELDS, column) ? FIELDS[column] : undefined;
  if (fixed !== undefined) return fixed;
  if (column.startsWith("config.")) return `config.${column.slice(7)}.value`;
  return `summary_metrics.${column.replace(/^summary\./, "")}`;
}
