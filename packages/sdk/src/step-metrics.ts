import { parseExtendedJson } from "@steelyard/protocol/history";
import type { Entry } from "./messages.ts";
import { isPlainObject, numberJson } from "./values.ts";

/** What a step metric was last; 0 before it is logged, as the official client has it. */
export interface StepValue {
  /** Undefined when it is no number: `json` has it then. */
  number: number | undefined;
  json: string;
}

/** Which keys have another as their x axis (`defineMetric` with a step metric): rows of the one get the last value of the other. */
export class StepMetrics {
  readonly #exact = new Map<string, string>();
  /** By prefix. */
  readonly #globs = new Map<string, string>();
  readonly #values = new Map<string, StepValue>();

  /** The last definition of a name holds; "" = none. */
  define(name: string, stepMetric: string): void {
    const [known, key] = name.endsWith("*") ? [this.#globs, name.slice(0, -1)] : [this.#exact, name];
    if (stepMetric === "") known.delete(key);
    else known.set(key, stepMetric);
    if (stepMetric !== "" && !this.#values.has(stepMetric))
      this.#values.set(stepMetric, { number: 0, json: "" });
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
    let best: string | undefined;
    for (const [prefix, stepMetric] of this.#globs)
      if (key !== stepMetric && key.startsWith(prefix) && prefix.length >= (best?.length ?? 0)) best = prefix;
    return best === undefined ? undefined : this.#globs.get(best);
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
    for (const key of this.missing(entries.flatMap(([name, json]) => pathsOf(name, json)))) {
      const { number, json } = this.#values.get(key) as StepValue;
      entries.push([key, number === undefined ? json : numberJson(number)]);
    }
  }
}

/** A key and, below it, those of a nested object, joined by dots: that is how definitions name them. */
function pathsOf(key: string, json: string): string[] {
  if (!json.startsWith("{")) return [key];
  const below = (path: string, value: unknown): string[] =>
    isPlainObject(value)
      ? Object.entries(value).flatMap(([label, item]) => below(`${path}.${label}`, item))
      : [path];
  return [key, ...below(key, parseExtendedJson(json))];
}
