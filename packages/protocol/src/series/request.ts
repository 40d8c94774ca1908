/** What a chart's horizontal axis is; `relative` and `relative-wall` in seconds, `wall` in unix seconds. */
export type SeriesAxis =
  | { kind: "step" | "relative" | "relative-wall" | "wall" }
  | { kind: "key"; key: string };

/** In the order of a reply that names none. */
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
  "infinite",
  "negativeInfinite",
] as const;
export type SeriesColumn = (typeof SERIES_COLUMNS)[number];

/** Of the values of a group's runs in one place of x; `q0.9` is the 0.9 quantile. */
export type GroupStatistic = "mean" | "min" | "max" | "sum" | "stddev" | "stderr" | "median" | `q${number}`;
/** Named statistics; quantiles match `QUANTILE`. */
export const GROUP_STATISTICS = ["mean", "min", "max", "sum", "stddev", "stderr", "median"] as const;
/** From q0 to q1. */
export const QUANTILE = /^q(0(\.\d{1,6})?|1(\.0{1,6})?)$/;

/** Lines of groups in place of lines of runs. What each word means: docs/charts.md#groups. */
export interface Grouping {
  /** `runs`: places in the request's `runs`. A run may be in several groups. */
  groups: { name: string; runs: number[] }[];
  /** Default `["mean", "min", "max"]`. */
  statistics?: GroupStatistic[];
  /** What stands for a run where it has several points. Default `last`, which is what its own line is drawn at. */
  value?: "last" | "mean" | "min" | "max";
  /** Of a run in mean, sum, stddev and stderr: 1 each (default), or its points there. */
  weight?: "run" | "points";
  /** Where a run has no point between others of it: nothing (default), or on the straight line between them. */
  fill?: "none" | "linear";
}

/** Histograms that were logged under `keys`, over x: a matrix per run and key in place of a line. */
export interface HeatMapQuestion {
  /** Parts of the value: 1 … 512, default 64. */
  bins?: number;
  /** Range of the value; default that of the histograms. */
  low?: number;
  high?: number;
}

/** One chart. */
export interface SeriesQuestion {
  keys: string[];
  /** Over keys, in the language of `expressions`; each is a line as a key is. */
  expressions?: string[];
  /** Default `history`. */
  stream?: "history" | "events";
  /** Default `{kind: "step"}`. */
  x?: SeriesAxis;
  /** Inclusive range of x; absent = everything. */
  min?: number;
  max?: number;
  /** 1 … 4000; default 500. */
  buckets?: number;
  grouping?: Grouping;
  heatMap?: HeatMapQuestion;
  /** Default: all. Of lines of runs. `xFirst` and `xLast` are always there. */
  columns?: SeriesColumn[];
  /**
   * Of lines of runs: each comes with a `mark`, and one that begins as the line does whose mark is given comes from there
   * on. `run`: its place in the request's `runs`; `key`: its place among `keys`, then `expressions`.
   */
  marks?: LineMark[];
}

export type LineMark = [run: number, key: number, mark: string];

/** Body of `POST /api/v1/series`, JSON: all charts that are to be drawn now, of runs of one project. */
export interface SeriesRequest {
  entity: string;
  project: string;
  /** Public ids. */
  runs: string[];
  questions: SeriesQuestion[];
  /** Public id → `version` of a reply that the client has: of these runs only what changed since is answered. */
  have?: Record<string, string>;
}

/** What one request may ask. */
export const SERIES_LIMITS = {
  runs: 1000,
  questions: 100,
  /** Of one question, and runs in all of its groups. */
  groups: 1000,
  groupRuns: 10_000,
  statistics: 20,
  bins: 512,
  /** Runs × keys of the heat maps of all questions. */
  heatMaps: 64,
  /** Of one question; expressions count as keys. */
  keys: 200,
  buckets: 4000,
  /** Runs × keys and expressions × buckets of all questions: 16 M would be a gigabyte. */
  totalBuckets: 4_000_000,
} as const;
