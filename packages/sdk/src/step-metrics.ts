import type { Entry } from "./messages.ts";
import { numberJson } from "./values.ts";

/** What a step metric was last; 0 before it is logged, as the official client has it. */
export interface StepValue {
  /** Undefined when it is no number: `json` has it then. */
  number: number | undefined;
  json: string;
}

/** Which keys have another as their x axis (`defineMetric` with a step metric): rows of the one get the last value of the other. */
export class StepMetrics {
  readonly #exact = new Map<string, string>();
  readonly #globs: { prefix: string; stepMetric: string }[] = [];
  readonly #values = new Map<string, StepValue>();

  define(name: string, stepMetric: string): void {
    if (name.endsWith("*")) this.#globs.push({ prefix: name.slice(0, -1), stepMetric });
    else this.#exact.set(name, stepMetric);
    if (!this.#values.has(stepMetric)) this.#values.set(stepMetric, { number: 0, json: "" });
  }

  /** Undefined when no key has this one as its x axis. */
  value(key: string): StepValue | undefined {
    return this.#values.get(key);
  }

  /** Step metrics that a row of these keys lacks. */
  missing(keys: readonly string[]): string[] {
    if (this.#values.size === 0) return [];
    const present = new Set(keys);
    const lacking: string[] = [];
    // One that is added may have a step metric of its own: the set grows while it is walked.
    for (const key of present) {
      const stepMetric = this.#stepMetricOf(key);
      if (stepMetric === undefined || present.has(stepMetric)) continue;
      present.add(stepMetric);
      lacking.push(stepMetric);
    }
    return lacking;
  }

  #stepMetricOf(key: string): string | undefined {
    const exact = this.#exact.get(key);
    if (exact !== undefined) return exact;
    let best: { prefix: string; stepMetric: string } | undefined;
    for (const glob of this.#globs)
      if (
        key !== glob.stepMetric &&
        key.startsWith(glob.prefix) &&
        glob.prefix.length >= (best?.prefix.length ?? 0)
      )
        best = glob;
    return best?.stepMetric;
  }

  /** Remembers the row's step metrics and adds those that it lacks. */
  fill(entries: Entry[]): void {
    if (this.#values.size === 0) return;
    for (const [key, json] of entries) {
      const value = this.#values.get(key);
      if (!value) continue;
      const number = Number(json);
      value.number = json === numberJson(number) ? number : undefined;
      value.json = json;
    }
    for (const key of this.missing(entries.map(([name]) => name))) {
      const { number, json } = this.#values.get(key) as StepValue;
      entries.push([key, number === undefined ? json : numberJson(number)]);
    }
  }
}
