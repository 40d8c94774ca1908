import { flattenKeys, parseExtendedJson } from "@steelyard/protocol/history";
import type { ProjectRef } from "../projects/access.ts";
import type { Services } from "../services.ts";

/** A key under which histograms were logged, and the runs whose last value of it is one. */
export interface HistogramKey {
  key: string;
  /** Public ids. */
  runs: string[];
}

/**
 * By the summaries: whoever logs a histogram has it there, and they are small beside the rows. Most runs have none, and
 * theirs are not parsed.
 */
export async function histogramKeys(
  { catalog }: Services,
  project: ProjectRef,
  names: readonly string[],
): Promise<HistogramKey[]> {
  if (names.length === 0) return [];
  const rows = await catalog.db
    .selectFrom("runs")
    .select(["name", "summary"])
    .where("project_id", "=", project.id)
    .where("name", "in", names)
    .where("deleted_at", "is", null)
    .where("summary", "like", '%"histogram"%')
    .execute();
  const found = new Map<string, string[]>();
  for (const { name, summary } of rows) {
    for (const [key, value] of flattenKeys(parseExtendedJson(summary) as object)) {
      if ((value as { _type?: unknown } | null)?._type !== "histogram") continue;
      found.set(key, [...(found.get(key) ?? []), name]);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, runs]) => ({ key, runs: runs.sort() }));
}
