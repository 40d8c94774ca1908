import { escapePattern } from "../runs/pattern.ts";
import type { RunsQuestion } from "../runs/runs.ts";

/** Drawn at first; more on demand, as the eye can tell ten lines apart and not a hundred. */
const DRAWN_AT_FIRST = 10;
export const MAX_DRAWN = 500;
/** Of the list, at a time. */
const PAGE = 100;
export const NEWEST_FIRST = "-created_at";

/** The runs that a workspace lists and how many of them it draws, as its address says. */
export function listedRuns(
  entity: string,
  project: string,
  parameter: (name: string) => string,
): { question: RunsQuestion; limit: number } {
  const limit = Math.min(MAX_DRAWN, Math.max(1, Math.floor(Number(parameter("max"))) || DRAWN_AT_FIRST));
  const question = {
    entity,
    project,
    filters: matching(parameter("q")),
    order: parameter("sort") || NEWEST_FIRST,
    // The runs that are drawn come in one page, and some more for the list.
    pageSize: limit > PAGE / 2 ? MAX_DRAWN : PAGE,
    withValues: false,
  };
  return { question, limit };
}

function matching(search: string): Record<string, unknown> {
  if (!search) return {};
  return {
    $or: [
      { displayName: { $regex: `(?i)${escapePattern(search)}` } },
      { name: { $regex: `(?i)${escapePattern(search)}` } },
      { tags: search },
    ],
  };
}
