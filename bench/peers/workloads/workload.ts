import type { Contest } from "../losses.ts";
import type { PeerSystem } from "../systems.ts";
import type { Worker } from "../worker.ts";

/** Words, a figure, or both: figures of repeats are put together. */
export type Cell = string | number | readonly (string | number)[];

/** What one system did of one workload, once. */
export interface Line {
  /** That the client was at it: what is short is done again. */
  seconds: number;
  /** After the system's name, as many as `head` has. */
  cells: Cell[];
  /** The figures that are compared. */
  values: Record<string, number>;
}

/** A system that was started, for one workload. */
export interface Subject {
  system: PeerSystem;
  worker: Worker;
  /** Nothing else is asked of it afterwards: it may be stopped, so that its bytes at rest can be counted. */
  fresh: boolean;
  /** How often this workload was done before: names of runs differ. */
  turn: number;
  /** What was measured of this system at the workload of that id. */
  before(id: string): Line | undefined;
}

/** One of the workloads W1–W11. */
export interface Workload {
  id: string;
  title: string;
  /** Columns after the system's name. */
  head: string[];
  /** Bytes at rest are counted, of a folder that was empty. */
  atRest?: true;
  /** Systems do all that they do unless they are told otherwise. */
  asItComes?: true;
  /** Why this system cannot do it, where that is known before it is tried. */
  cannot?(system: PeerSystem): string | undefined;
  measure(subject: Subject): Promise<Line>;
  /** Where less, or more, is better. */
  contests: (Pick<Contest, "measure" | "moreIsBetter" | "remedy"> & { value: string })[];
}

/** A question that takes this much longer than its own limit is left: that it did is the result. */
export const GRACE_SECONDS = 60;

/** Seconds of so much of it, in words when that was not all: what all of it would take. */
export function ofAll(seconds: number, given: number, wanted: number, things: string): Cell {
  if (given >= wanted) return seconds;
  const [some, all] = [given, wanted].map((count) => count.toLocaleString("en"));
  return ["≈ ", (seconds * wanted) / given, " (", seconds, ` s for ${some} of ${all} ${things})`];
}
