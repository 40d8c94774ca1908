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
] as const;
export type SeriesColumn = (typeof SERIES_COLUMNS)[number];

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
  /** Default: all. `xFirst` and `xLast` are always there. */
  columns?: SeriesColumn[];
}

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
  /** Of one question; expressions count as keys. */
  keys: 200,
  buckets: 4000,
  /** Runs × keys and expressions × buckets of all questions: 16 M would be a gigabyte. */
  totalBuckets: 4_000_000,
} as const;
