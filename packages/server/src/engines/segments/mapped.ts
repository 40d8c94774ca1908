import type { MonotoneExpression } from "@steelyard/protocol/expressions";
import { SERIES_COLUMNS, type SeriesColumn } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";
import { KINDS } from "./pyramid.ts";

/** Series of expressions that follow from the summaries of their one key, without reading a row. */

/** What must be known of the key for the asked columns of the expression; undefined when summaries do not say it. */
export function columnsToMap(
  { affine }: MonotoneExpression,
  wanted: readonly SeriesColumn[],
): SeriesColumn[] | undefined {
  // The mean of logarithms is not the logarithm of the mean.
  if (!affine && wanted.includes("mean")) return undefined;
  const needed = new Set<SeriesColumn>([...wanted, "min", "max", "last", "count", "nonFinite"]);
  // One becomes the other where the expression falls.
  if (KINDS.some((name) => needed.has(name))) for (const name of KINDS) needed.add(name);
  return SERIES_COLUMNS.filter((name) => needed.has(name));
}

/**
 * The series of the expression `text` from that of its key. Undefined when a bucket may have values for which the
 * expression is not finite, or not where the key is: then only the rows know.
 */
export function mapped(
  series: Series,
  text: string,
  expression: MonotoneExpression,
  wanted: readonly SeriesColumn[],
): Series | undefined {
  const answer: Series = { ...series, key: text, expression: true };
  for (const name of SERIES_COLUMNS) if (!wanted.includes(name)) answer[name] = NO_COLUMN;
  return series.exact
    ? mapPoints(series, answer, expression, wanted)
    : mapBuckets(series, answer, expression, wanted);
}

const NO_COLUMN = new Float64Array(0);

/** `last` of single points is what was logged. */
function mapPoints(
  series: Series,
  answer: Series,
  { of }: MonotoneExpression,
  wanted: readonly SeriesColumn[],
): Series {
  const values = series.last.map(of);
  const finite = values.map((value) => (Number.isFinite(value) ? 1 : 0));
  for (const name of wanted) {
    if (name === "last") answer[name] = values;
    else if (name === "count") answer[name] = finite;
    else if (name === "nonFinite") answer[name] = finite.map((count) => 1 - count);
    else if (name === "infinite") answer[name] = values.map((value) => Number(value === Infinity));
    else if (name === "negativeInfinite") answer[name] = values.map((value) => Number(value === -Infinity));
    else if (name !== "xFirst" && name !== "xLast")
      answer[name] = values.map((value) => (Number.isFinite(value) ? value : Number.NaN));
  }
  return answer;
}

function mapBuckets(
  series: Series,
  answer: Series,
  { of, grows, affine }: MonotoneExpression,
  wanted: readonly SeriesColumn[],
): Series | undefined {
  const { min, max, count, nonFinite } = series;
  for (let at = 0; at < min.length; at++) {
    if (!affine && (nonFinite[at] as number) > 0) return undefined;
    if ((count[at] as number) === 0) continue;
    if (!Number.isFinite(of(min[at] as number)) || !Number.isFinite(of(max[at] as number))) return undefined;
  }
  for (const name of wanted) {
    switch (name) {
      case "min":
        answer.min = (grows ? min : max).map(of);
        break;
      case "max":
        answer.max = (grows ? max : min).map(of);
        break;
      case "mean":
      case "first":
      case "last":
        answer[name] = series[name].map(of);
        break;
      case "infinite":
        answer.infinite = grows ? series.infinite : series.negativeInfinite;
        break;
      case "negativeInfinite":
        answer.negativeInfinite = grows ? series.negativeInfinite : series.infinite;
    }
  }
  return answer;
}
