import type { MetricFields } from "@steelyard/protocol/records";
import type { Entry } from "./messages.ts";
import { numberJson } from "./values.ts";

interface Running {
  count: number;
  sum: number;
  min: number;
  max: number;
  first: string;
  last: string;
}

/** The run's summary: the last value of each key, or what `defineMetric` asked for. */
export class Summary {
  readonly #values = new Map<string, string>();
  readonly #running = new Map<string, Running>();
  readonly #rules = new Map<string, readonly string[]>();
  readonly #globs: { prefix: string; summary: readonly string[] }[] = [];
  #dirty = false;

  define({ name, summary }: MetricFields): void {
    if (summary.length === 0) return;
    if (name.endsWith("*")) this.#globs.push({ prefix: name.slice(0, -1), summary });
    else this.#rules.set(name, summary);
  }

  /** Set by the user: stays until it is set or logged again. */
  set(entries: readonly Entry[]): void {
    for (const [key, json] of entries) this.#values.set(key, json);
    this.#dirty ||= entries.length > 0;
  }

  /** Some key keeps more than its last value: every row must be told. */
  get ruled(): boolean {
    return this.#rules.size > 0 || this.#globs.length > 0;
  }

  logged(key: string, json: string): void {
    this.#dirty = true;
    if (!this.ruled) {
      this.#values.set(key, json);
      return;
    }
    const rule = this.#ruleOf(key);
    if (!rule) {
      this.#values.set(key, json);
      return;
    }
    if (rule.includes("none")) return;
    const value = Number(json);
    const running = this.#running.get(key) ?? {
      count: 0,
      sum: 0,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
      first: json,
      last: json,
    };
    running.last = json;
    if (Number.isFinite(value)) {
      running.count++;
      running.sum += value;
      running.min = Math.min(running.min, value);
      running.max = Math.max(running.max, value);
    }
    this.#running.set(key, running);
    const parts: string[] = [];
    if (rule.includes("min") && running.count > 0) parts.push(`"min":${numberJson(running.min)}`);
    if (rule.includes("max") && running.count > 0) parts.push(`"max":${numberJson(running.max)}`);
    if (rule.includes("mean") && running.count > 0)
      parts.push(`"mean":${numberJson(running.sum / running.count)}`);
    if (rule.includes("first")) parts.push(`"first":${running.first}`);
    if (rule.includes("last")) parts.push(`"last":${running.last}`);
    this.#values.set(key, parts.length > 0 ? `{${parts.join(",")}}` : json);
  }

  #ruleOf(key: string): readonly string[] | undefined {
    const exact = this.#rules.get(key);
    if (exact) return exact;
    // The longest prefix decides, so that the order of definitions does not.
    let best: { prefix: string; summary: readonly string[] } | undefined;
    for (const glob of this.#globs)
      if (key.startsWith(glob.prefix) && glob.prefix.length >= (best?.prefix.length ?? 0)) best = glob;
    return best?.summary;
  }

  get entries(): Entry[] {
    return [...this.#values];
  }

  get changed(): boolean {
    return this.#dirty;
  }

  /** The whole summary as one JSON line; it counts as sent. */
  take(): string {
    this.#dirty = false;
    return `{${[...this.#values].map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
  }
}
