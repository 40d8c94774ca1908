import assert from "node:assert/strict";
import { stringifyExtendedJson } from "@steelyard/protocol/history";
import type { AppendBatch, MetricStore, Series, SeriesQuestion } from "../metric-store.ts";

/** A store under test. */
export interface OpenedStore {
  store: MetricStore;
  /** Closes it (which seals what can be sealed) and opens it again on the same data. */
  reopen(): Promise<MetricStore>;
}
export type Open = () => Promise<OpenedStore>;

/** `ask` sees the store as written, then sealed and reopened: the answers must be the same. */
export async function twice(
  open: Open,
  write: (store: MetricStore) => Promise<unknown>,
  ask: (store: MetricStore) => Promise<void>,
): Promise<void> {
  const { store, reopen } = await open();
  await write(store);
  await ask(store);
  const again = await reopen();
  await ask(again);
  await again.close();
}

export function history(lines: string[], offset = 0): AppendBatch {
  return { run: 1, stream: "history", writer: "", offset, lines };
}

export function console(lines: string[], offset = 0): AppendBatch {
  return { run: 1, stream: "console", writer: "", offset, lines };
}

export function steps(from: number, to: number, row: (step: number) => object): string[] {
  const lines: string[] = [];
  for (let step = from; step < to; step++) lines.push(stringifyExtendedJson({ _step: step, ...row(step) }));
  return lines;
}

/** What the bucket says of the values in it that are not finite. */
export function sameKinds(series: Series, at: number, values: readonly number[], label: string): void {
  const [nan, infinite, negativeInfinite] = [Number.NaN, Infinity, -Infinity].map(
    (kind) => values.filter((value) => Object.is(value, kind)).length,
  ) as [number, number, number];
  assert.deepEqual(
    [series.nonFinite[at], series.infinite[at], series.negativeInfinite[at]],
    [nan + infinite + negativeInfinite, infinite, negativeInfinite],
    label,
  );
}

export function question(asked: Partial<SeriesQuestion>): SeriesQuestion {
  return { runs: [1], keys: [], stream: "history", x: { kind: "step" }, buckets: 1000, ...asked };
}
