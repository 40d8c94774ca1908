/**
 * The body of `POST /api/v1/series`: what a chart asks and gets. The answer is binary so that a chart of 100 lines costs
 * no JSON: `u32 headerBytes` (little endian), the header as UTF-8 JSON, zero padding to a multiple of 8, then the
 * columns of every series as little-endian float64, in the order of `SERIES_COLUMNS`.
 */

/** Question, JSON. Runs by public id within one project. */
export interface SeriesRequest {
  entity: string;
  project: string;
  runs: string[];
  keys: string[];
  /** Default `history`. */
  stream?: "history" | "events";
  /**
   * Default `{kind: "step"}`. `relative` in seconds that the run's processes ran, `relative-wall` in seconds since it
   * first started, `wall` in unix seconds.
   */
  x?: { kind: "step" | "relative" | "relative-wall" | "wall" } | { kind: "key"; key: string };
  /** Inclusive range of x. */
  min?: number;
  max?: number;
  /** 1 … 4000; default 500. */
  buckets?: number;
}

export const SERIES_COLUMNS = [
  "xFirst",
  "xLast",
  "min",
  "max",
  "mean",
  "first",
  "last",
  "count",
  "nonFinite",
] as const;
export type SeriesColumn = (typeof SERIES_COLUMNS)[number];

/**
 * One run × key; columns of equal length, ascending x. NaN in min…last = a bucket with no finite value (a gap); `last` of an
 * exact answer is the very value logged, ±Infinity included.
 */
export interface SeriesAnswer extends Record<SeriesColumn, Float64Array> {
  /** Public run id. */
  run: string;
  key: string;
  /** Every bucket is one logged point. */
  exact: boolean;
  /** Points behind the answer. */
  points: number;
}

interface SeriesHeader {
  series: { run: string; key: string; exact: boolean; points: number; length: number }[];
}

export function encodeSeries(answers: readonly SeriesAnswer[]): Uint8Array<ArrayBuffer> {
  const header: SeriesHeader = {
    series: answers.map(({ run, key, exact, points, xFirst }) => ({
      run,
      key,
      exact,
      points,
      length: xFirst.length,
    })),
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const start = align8(4 + headerBytes.length);
  let values = 0;
  for (const { xFirst } of answers) values += xFirst.length * SERIES_COLUMNS.length;
  const body = new Uint8Array(start + values * 8);
  new DataView(body.buffer).setUint32(0, headerBytes.length, true);
  body.set(headerBytes, 4);
  const columns = new Float64Array(body.buffer, start);
  let at = 0;
  for (const answer of answers) {
    for (const column of SERIES_COLUMNS) {
      columns.set(answer[column], at);
      at += answer.xFirst.length;
    }
  }
  return body;
}

/** The columns are views on `body`: no copy. Throws RangeError on a body that is cut short. */
export function decodeSeries(body: ArrayBuffer): SeriesAnswer[] {
  const headerLength = new DataView(body).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, headerLength))) as SeriesHeader;
  let at = align8(4 + headerLength);
  return header.series.map(({ length, ...known }) => {
    const answer = { ...known } as SeriesAnswer;
    for (const column of SERIES_COLUMNS) {
      answer[column] = new Float64Array(body, at, length);
      at += length * 8;
    }
    return answer;
  });
}

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
