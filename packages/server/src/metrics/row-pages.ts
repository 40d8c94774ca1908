import { setImmediate } from "node:timers/promises";
import { parseExtendedJson } from "@steelyard/protocol/history";
import type { MetricStore, RowColumns } from "../ports/metric-store.ts";

const PAGE_ROWS = 10_000;

/** minStep ≤ step < maxStep; of events, which have none, their numbers. */
export interface StepRange {
  minStep?: number | undefined;
  maxStep?: number | undefined;
}

/**
 * A run's rows in order, so many at a time. Pages are counted in rows, not in steps: one row may be a million million
 * steps after the one before it.
 */
export async function* rowPages(
  metrics: Pick<MetricStore, "rows" | "lineCounts">,
  run: number,
  stream: "history" | "events",
  pageRows = PAGE_ROWS,
  range: StepRange = {},
): AsyncGenerator<string[]> {
  const { maxStep = Number.POSITIVE_INFINITY } = range;
  if (stream === "events") {
    // Their steps are their line numbers, which are not in their texts.
    const { events } = await metrics.lineCounts(run);
    const end = Math.min(events, maxStep);
    for (let from = Math.max(0, range.minStep ?? 0); from < end; from += pageRows) {
      const rows = await metrics.rows({
        run,
        stream,
        minStep: from,
        maxStep: Math.min(from + pageRows, end),
      });
      if (rows.length > 0) yield rows;
    }
    return;
  }
  let limit = pageRows;
  let { minStep } = range;
  for (;;) {
    const rows = await metrics.rows({ run, stream, minStep, maxStep, limit });
    if (rows.length < limit) {
      if (rows.length > 0) yield rows;
      return;
    }
    // Several writers may have the last step: all its rows come with the next page.
    const lastStep = stepOf(rows.at(-1));
    let end = rows.length;
    while (end > 0 && stepOf(rows[end - 1]) === lastStep) end--;
    if (end > 0) {
      yield rows.slice(0, end);
      minStep = lastStep;
      limit = pageRows;
    } else limit *= 2;
  }
}

/** Cells of a page of columns, and of a row group of Parquet: what is made of them in one go takes some 30 ms. */
export const PAGE_CELLS = 400_000;

/** The same rows by column; `columns`: how many there are, so that no page is too large. `keys`: only these. */
export async function* columnPages(
  metrics: Pick<MetricStore, "columns">,
  run: number,
  stream: "history" | "events",
  columns: number,
  range: StepRange & { keys?: readonly string[] } = {},
): AsyncGenerator<RowColumns> {
  const limit = Math.max(1, Math.min(PAGE_ROWS, Math.floor(PAGE_CELLS / Math.max(1, columns))));
  for (let after: number | undefined; ; ) {
    const page = await metrics.columns({ run, stream, ...range, after, limit });
    if (page.steps.length === 0) return;
    yield page;
    await setImmediate();
    after = page.steps.at(-1);
  }
}

/** Rows that are parsed and written in one go: some 5 ms. */
const TURN_ROWS = 1000;

/** The pages in parts, between which others have their turn. */
export async function* inTurns(pages: AsyncIterable<string[]>): AsyncGenerator<string[]> {
  for await (const rows of pages) {
    for (let at = 0; at < rows.length; at += TURN_ROWS) {
      yield rows.slice(at, at + TURN_ROWS);
      await setImmediate();
    }
  }
}

function stepOf(row: string | undefined): number {
  const { _step } = parseExtendedJson(row ?? "{}") as { _step?: number };
  return _step ?? 0;
}
