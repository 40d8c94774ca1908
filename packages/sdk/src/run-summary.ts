import { parseExtendedJson } from "@steelyard/protocol/history";
import type { Entry } from "./messages.ts";
import { toJson } from "./values.ts";

/** The run's summary: the last value of each key until it is set here. */
export class RunSummary {
  readonly #set = new Map<string, { value: unknown; row: number }>();
  readonly #latest: () => { key: string; value: number; row: number }[];
  readonly #tell: (entries: Entry[]) => void;

  constructor(latest: () => { key: string; value: number; row: number }[], tell: (entries: Entry[]) => void) {
    this.#latest = latest;
    this.#tell = tell;
  }

  /** The last value logged or set; undefined when there is none. */
  get(key: string): unknown {
    return this.toJSON()[key];
  }

  /** @throws TypeError when the value cannot be recorded. */
  set(key: string, value: unknown): void {
    this.update({ [key]: value });
  }

  update(values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values).map(([key, value]): Entry => [key, toJson(value, key)]);
    for (const [key, value] of Object.entries(values))
      this.#set.set(key, { value, row: Number.POSITIVE_INFINITY });
    this.#tell(entries);
  }

  /** Rows that did not take the fast way; called by the run. */
  heard(entries: readonly Entry[], row: number): void {
    for (const [key, json] of entries) this.#set.set(key, { value: parseExtendedJson(json), row });
  }

  toJSON(): Record<string, unknown> {
    const all = new Map(this.#set);
    for (const { key, value, row } of this.#latest())
      if (row >= (all.get(key)?.row ?? 0)) all.set(key, { value, row });
    return Object.fromEntries([...all].map(([key, { value }]) => [key, value]));
  }
}
