/**
 * "Something changed" notices for live pages. Delivery is best effort, in order, at most once: a notice never carries
 * the data, so losing one costs a late refresh, not a wrong page. Engines: `engines/in-process`.
 */
export type Change =
  | { kind: "run"; project: number; run: number /** Public run id. */; name: string; state: string }
  | { kind: "run-rows"; project: number; run: number; name: string; streams: string[]; historyLines?: number }
  | { kind: "run-files"; project: number; run: number; name: string }
  | { kind: "run-deleted"; project: number; run: number; name: string }
  | { kind: "project"; project: number; name: string };

export interface Bus {
  publish(change: Change): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void;
  close(): Promise<void>;
}
