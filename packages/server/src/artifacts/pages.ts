import { globalId, parseGlobalId } from "../http/global-id.ts";

export interface PageQuestion {
  first?: number | null;
  after?: string | null;
}

export const MAX_PAGE = 10_000;
const CURSOR = "Cursor";

/** How many rows a page has; a client that asks for none gets all that one page holds. */
export function pageSize({ first }: PageQuestion): number {
  return Math.min(Math.max(first ?? MAX_PAGE, 1), MAX_PAGE);
}

/** The number after which the page begins, as a cursor of an earlier page had it. */
export function pageStart({ after }: PageQuestion): number | undefined {
  return after ? parseGlobalId(CURSOR, after) : undefined;
}

/**
 * A connection of at most `size` of these rows; the caller asks for one more, which shows that there is a next page.
 * `position` gives what `pageStart` will read back.
 */
export function pageOf<Row, Node>(
  rows: readonly Row[],
  size: number,
  position: (row: Row) => number,
  node: (row: Row) => Node,
) {
  const edges = rows
    .slice(0, size)
    .map((row) => ({ node: node(row), cursor: globalId(CURSOR, position(row)) }));
  return {
    edges,
    pageInfo: { hasNextPage: rows.length > size, endCursor: edges.at(-1)?.cursor ?? null },
  };
}

/** Lists short enough to be read whole: the page is cut out by position. */
export function pageOfList<Row, Node>(
  rows: readonly Row[],
  question: PageQuestion,
  node: (row: Row) => Node,
) {
  const start = (pageStart(question) ?? -1) + 1;
  const size = pageSize(question);
  const numbered = rows.slice(start, start + size + 1).map((row, at) => ({ row, at: start + at }));
  return {
    ...pageOf(
      numbered,
      size,
      ({ at }) => at,
      ({ row }) => node(row),
    ),
    totalCount: rows.length,
  };
}
