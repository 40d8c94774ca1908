import { parseExtendedJson } from "@steelyard/protocol/history";
import type { MetricFields } from "@steelyard/protocol/records";
import type { Entry } from "./messages.ts";
import { numberJson } from "./values.ts";

/** A value as JSON, or a number that is not written as JSON before somebody asks. */
type Value = string | number;

/** What `defineMetric` asked to be kept of a key. */
interface Running {
  rules: readonly string[];
  count: number;
  sum: number;
  min: number;
  max: number;
  first: Value;
  last: Value;
}

const json = (value: Value) => (typeof value === "number" ? numberJson(value) : value);

/**
 * The run's summary: the last value of each key, or what `defineMetric` asked for. Both threads keep one, so that the
 * program reads what the server is told.
 */
export class Summary {
  readonly #values = new Map<string, Value | Running>();
  readonly #exact = new Map<string, readonly string[]>();
  readonly #globs: { prefix: string; rules: readonly string[] }[] = [];
  /** Found rules by key; null = none. */
  readonly #found = new Map<string, readonly string[] | null>();
  /** Set by hand: the rule of such a key holds no more. */
  readonly #byHand = new Set<string>();
  /** Of keys whose last value is of a row that came late: its step. */
  readonly #lateSteps = new Map<string, number>();
  #dirty = false;
  /** Counts definitions: who remembers which keys have rules looks again when it changes. */
  definitions = 0;

  /** Definitions of one name add up, unless it says overwrite; `none` stands alone. */
  define({ name, summary, overwrite }: MetricFields): void {
    if (summary.length === 0) return;
    this.definitions++;
    this.#found.clear();
    if (name.endsWith("*")) {
      this.#globs.push({ prefix: name.slice(0, -1), rules: summary });
      return;
    }
    this.#byHand.delete(name);
    const before = overwrite || summary.includes("none") ? [] : (this.#exact.get(name) ?? []);
    this.#exact.set(name, [...new Set([...before.filter((rule) => rule !== "none"), ...summary])]);
  }

  /** More than the last value of this key is kept: every row must be told. */
  ruled(key: string): boolean {
    return this.#rulesOf(key) !== null;
  }

  #rulesOf(key: string): readonly string[] | null {
    let rules = this.#found.get(key);
    if (rules === undefined) {
      rules = this.#byHand.has(key) ? null : (this.#exact.get(key) ?? this.#globOf(key));
      this.#found.set(key, rules);
    }
    return rules;
  }

  /** The longest prefix decides, so that the order of definitions does not. */
  #globOf(key: string): readonly string[] | null {
    let best: { prefix: string; rules: readonly string[] } | undefined;
    for (const glob of this.#globs)
      if (key.startsWith(glob.prefix) && glob.prefix.length >= (best?.prefix.length ?? 0)) best = glob;
    return best?.rules ?? null;
  }

  /** What the run had when it was resumed. */
  restore(entries: readonly Entry[]): void {
    for (const [key, value] of entries) this.#values.set(key, value);
    this.#dirty ||= entries.length > 0;
  }

  /** Set by the user: stays until it is set or logged again. */
  set(entries: readonly Entry[]): void {
    for (const [key] of entries) {
      this.#byHand.add(key);
      this.#found.delete(key);
    }
    this.restore(entries);
  }

  number(key: string, value: number): void {
    this.#logged(key, value, value);
  }

  logged(key: string, value: string): void {
    const number = Number(value);
    this.#logged(key, value, Number.isNaN(number) && value !== "NaN" ? undefined : number);
  }

  /** Of a row for a step that is past: it counts, but what is of a later step stays the last. */
  late(key: string, value: string, step: number): void {
    const before = this.#values.get(key);
    const of = before === undefined ? step : (this.#lateSteps.get(key) ?? Number.POSITIVE_INFINITY);
    if (step >= of) {
      this.logged(key, value);
      this.#lateSteps.set(key, step);
    } else if (typeof before === "object" && before.rules === this.#rulesOf(key)) {
      const { last } = before;
      this.logged(key, value);
      before.last = last;
      if (of < Number.POSITIVE_INFINITY) this.#lateSteps.set(key, of);
    }
  }

  #logged(key: string, value: Value, number: number | undefined): void {
    this.#dirty = true;
    if (this.#lateSteps.size > 0) this.#lateSteps.delete(key);
    const rules = this.#rulesOf(key);
    if (rules === null) {
      this.#values.set(key, value);
      return;
    }
    if (rules.includes("none")) {
      this.#values.delete(key);
      return;
    }
    let running = this.#values.get(key);
    if (typeof running !== "object" || running.rules !== rules) {
      running = {
        rules,
        count: 0,
        sum: 0,
        min: Number.POSITIVE_INFINITY,
        max: Number.NEGATIVE_INFINITY,
        first: value,
        last: value,
      };
      this.#values.set(key, running);
    }
    running.last = value;
    if (number === undefined) return;
    running.count++;
    running.sum += number;
    // NaN stays once it is there, as with the official client.
    running.min = Math.min(running.min, number);
    running.max = Math.max(running.max, number);
  }

  #json(value: Value | Running): string {
    if (typeof value !== "object") return json(value);
    const { rules, count, sum, min, max, first, last } = value;
    const parts: string[] = [];
    if (rules.includes("min") && count > 0) parts.push(`"min":${numberJson(min)}`);
    if (rules.includes("max") && count > 0) parts.push(`"max":${numberJson(max)}`);
    if (rules.includes("mean") && count > 0) parts.push(`"mean":${numberJson(sum / count)}`);
    if (rules.includes("first")) parts.push(`"first":${json(first)}`);
    if (rules.includes("last")) parts.push(`"last":${json(last)}`);
    return parts.length > 0 ? `{${parts.join(",")}}` : json(last);
  }

  get(key: string): unknown {
    const value = this.#values.get(key);
    return value === undefined ? undefined : parseExtendedJson(this.#json(value));
  }

  get entries(): Entry[] {
    return [...this.#values].map(([key, value]) => [key, this.#json(value)]);
  }

  get changed(): boolean {
    return this.#dirty;
  }

  /** The whole summary as one JSON line; it counts as sent. */
  take(): string {
    this.#dirty = false;
    return `{${this.entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
  }
}
