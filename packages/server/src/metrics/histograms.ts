import { parseExtendedJson } from "@steelyard/protocol/history";
import type { HeatMap, HeatMapQuestion } from "@steelyard/protocol/series";
import type { MetricStore, XAxis } from "../ports/metric-store.ts";
import { type Histogram, heatMap, histogramOf } from "./heat-map.ts";

/** Of one run and key: more are read evenly spread, which the answer says. */
const MAX_HISTOGRAMS = 2000;
/** Rows parsed between which others have their turn. */
const ROWS_PER_TURN = 200;

export interface HistogramsQuestion {
  stream: "history" | "events";
  x: XAxis;
  min: number | undefined;
  max: number | undefined;
  buckets: number;
  heatMap: Required<Pick<HeatMapQuestion, "bins">> & Omit<HeatMapQuestion, "bins">;
}

/** The heat map of a key's histograms in one run; undefined when it has none in the range. */
export async function answerHeatMap(
  metrics: MetricStore,
  run: number,
  key: string,
  question: HistogramsQuestion,
  signal: AbortSignal,
): Promise<Omit<HeatMap, "run"> | undefined> {
  const { stream, x, min, max, buckets } = question;
  const xKey = keyOfAxis(x);
  const start = x.kind === "relative-wall" ? await startOf(metrics, run, stream) : 0;
  const rows = await metrics.rows({
    run,
    stream,
    keys: [key, xKey],
    samples: MAX_HISTOGRAMS,
    // The store's range is of steps, and its end is not in it.
    ...(xKey === "_step" && min !== undefined && { minStep: min }),
    ...(xKey === "_step" &&
      max !== undefined && { maxStep: max + Number.EPSILON * Math.max(1, Math.abs(max)) }),
  });
  const histograms: Histogram[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % ROWS_PER_TURN === ROWS_PER_TURN - 1) await new Promise((turn) => setImmediate(turn));
    signal.throwIfAborted();
    const values = parseExtendedJson(row) as Record<string, unknown>;
    const here = Number(values[xKey]) - start;
    if (!Number.isFinite(here) || here < (min ?? here) || here > (max ?? here)) continue;
    const histogram = histogramOf(values[key], here);
    if (histogram) histograms.push(histogram);
  }
  const { bins, low, high } = question.heatMap;
  const answer = heatMap(histograms, { min, max, buckets, bins, low, high });
  return answer && { ...answer, key, sampled: rows.length === MAX_HISTOGRAMS };
}

function keyOfAxis(x: XAxis): string {
  switch (x.kind) {
    case "step":
      return "_step";
    case "relative":
      return "_runtime";
    case "wall":
    case "relative-wall":
      return "_timestamp";
    case "key":
      return x.key;
  }
}

/** When the run first started, as the store has it for lines. */
async function startOf(metrics: MetricStore, run: number, stream: "history" | "events"): Promise<number> {
  const [row = "{}"] = await metrics.rows({ run, stream, keys: ["_timestamp", "_runtime"], limit: 1 });
  const { _timestamp, _runtime } = parseExtendedJson(row) as Record<string, number | undefined>;
  return (_timestamp ?? Number.NaN) - (_runtime ?? 0);
}
