import { parseExtendedJson } from "@steelyard/protocol/history";
import type { Entry } from "./messages.ts";
import type { Summary } from "./summary.ts";
import { toJson } from "./values.ts";

/** The run's summary, as the program reads and sets it: the last value of each key, or what `defineMetric` asked for. */
export class RunSummary {
  readonly #summary: Summary;
  readonly #settle: () => void;
  readonly #tell: (entries: Entry[]) => void;

  /** @internal `settle` brings in what was logged and not heard yet; `tell` passes on what was set. */
  constructor(summary: Summary, settle: () => void, tell: (entries: Entry[]) => void) {
    this.#summary = summary;
    this.#settle = settle;
    this.#tell = tell;
  }

  /** Undefined when nothing was logged or set. */
  get(key: string): unknown {
    this.#settle();
    return this.#summary.get(key);
  }

  /**
   * One value; it stays until it is set or logged again.
   *
   * @throws TypeError when the value cannot be recorded.
   */
  set(key: string, value: unknown): void {
    this.update({ [key]: value });
  }

  /**
   * Several values.
   *
   * @throws TypeError when a value cannot be recorded; nothing is changed then.
   */
  update(values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values).map(([key, value]): Entry => [key, toJson(value, key)]);
    this.#settle();
    this.#summary.set(entries);
    this.#tell(entries);
  }

  /** All of it, a copy. */
  toJSON(): Record<string, unknown> {
    this.#settle();
    return Object.fromEntries(this.#summary.entries.map(([key, json]) => [key, parseExtendedJson(json)]));
  }
}
