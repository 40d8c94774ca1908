import type { Contest } from "../losses.ts";
import type { PeerSystem } from "../systems.ts";
import type { Worker } from "../worker.ts";

/** What one system did of one workload: a line of its table, and the figures that are compared. */
export interface Line {
  /** After the system's name, as many as `head` has. */
  cells: string[];
  values: Record<string, number>;
}

/** A system that was started, for one workload. */
export interface Subject {
  system: PeerSystem;
  worker: Worker;
  /** Nothing else is asked of it afterwards: it may be stopped, so that its bytes at rest can be counted. */
  fresh: boolean;
}

/** One of the workloads W1–W11. */
export interface Workload {
  id: string;
  title: string;
  /** Columns after the system's name. */
  head: string[];
  /** Why this system cannot do it, where that is known before it is tried. */
  cannot?(system: PeerSystem): string | undefined;
  measure(subject: Subject): Promise<Line>;
  /** Where less, or more, is better. */
  contests: (Pick<Contest, "measure" | "moreIsBetter" | "remedy"> & { value: string })[];
}
