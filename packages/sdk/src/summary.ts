import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import type { MetricFields } from "@steelyard/protocol/records";
import type { Entry } from "./messages.ts";
import { type MetricDefinition, MetricDefinitions } from "./metric-definitions.ts";
import { isPlainObject, numberJson } from "./values.ts";

/** A value as JSON, or a number that is not written as JSON before somebody asks. */
type Value = string | number;

/** What is kept of a key with a rule; all of it, so that a rule may be added later. */
interface Running {
  rule: MetricDefinition;
  /** There was a number, so that `min` and `max` are some. */
  seen: boolean;
  count: number;
  sum: number;
  min: number;
  max: number;
  first: Value;
  last: Value;
}

/** A nested object, each leaf on its own: rows may bring a part of it. */
type Nested = Map<string, Value | Running | Nested>;

const json = (value: Value) => (typeof value === "number" ? numberJson(value) : value);

/**
 * The run's summary: the last value of each key, or what `defineMetric` asked for. Both threads keep one, so that the
 * program reads what the server is told.
 */
export class Summary {
  readonly #values: Nested = new Map();
  readonly #definitions = new MetricDefinitions();
  readonly #exact = new Map<string, MetricDefinition>();
  readonly #globs = new Map<string, MetricDefinition>();
  /** Found rules by key, those of nested keys by their path; null = none. */
  readonly #found = new Map<string, MetricDefinition | null>();
  /** Set by hand: the rule of such a key holds no more. */
  readonly #byHand = new Set<string>();
  /** Of keys whose last value is of a row that came late: its step. */
  readonly #lateSteps = new Map<string, number>();
  #dirty = false;
  /** Counts definitions: who remembers which keys have rules looks again when it changes. */
  definitions = 0;

  define(metric: MetricFields): void {
    const definition = this.#definitions.define(metric);
    const { name, summary } = definition;
    const [known, key] = name.endsWith("*") ? [this.#globs, name.slice(0, -1)] : [this.#exact, name];
    // `copy` is the last value, as without a rule.
    if (summary.some((rule) => rule !== "copy")) known.set(key, definition);
    else if (!known.delete(key)) return;
    if (metric.summary.length > 0) this.#byHand.delete(name);
    this.definitions++;
    this.#found.clear();
  }

  /** More than the last value of this key is kept: every row must be told. */
  ruled(key: string): boolean {
    return this.#rulesOf(key) !== null;
  }

  #rulesOf(key: string): MetricDefinition | null {
    let rule = this.#found.get(key);
    if (rule === undefined) {
      rule = this.#byHand.has(key) ? null : (this.#exact.get(key) ?? this.#globOf(key));
      this.#found.set(key, rule);
    }
    return rule;
  }

  /** The longest prefix decides, so that the order of definitions does not. */
  #globOf(key: string): MetricDefinition | null {
    let best: string | undefined;
    for (const prefix of this.#globs.keys())
      if (key.startsWith(prefix) && prefix.length >= (best?.length ?? 0)) best = prefix;
    return (best === undefined ? undefined : this.#globs.get(best)) ?? null;
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
    this.#logged(this.#values, key, key, value, value);
  }

  logged(key: string, value: string): void {
    this.#put(this.#values, key, key, value);
  }

  /** `path` = the label with those above it, joined by dots. */
  #put(at: Nested, label: string, path: string, value: string): void {
    const object = value.startsWith("{") ? leavesOf(value) : undefined;
    if (object) {
      this.#dirty = true;
      let below = at.get(label);
      if (!(below instanceof Map)) {
        // What was set or resumed as one text is gone on with leaf by leaf.
        below = new Map(Object.entries((typeof below === "string" && leavesOf(below)) || {}));
        at.set(label, below);
      }
      for (const [key, leaf] of Object.entries(object)) this.#put(below, key, `${path}.${key}`, leaf);
      return;
    }
    const number = Number(value);
    this.#logged(at, label, path, value, Number.isNaN(number) && value !== "NaN" ? undefined : number);
  }

  /** Of a row for a step that is past: it counts, but what is of a later step stays the last. */
  late(key: string, value: string, step: number): void {
    const before = this.#values.get(key);
    const of = before === undefined ? step : (this.#lateSteps.get(key) ?? Number.POSITIVE_INFINITY);
    if (step >= of) {
      this.logged(key, value);
      this.#lateSteps.set(key, step);
    } else if (isRunning(before)) {
      const { last } = before;
      this.logged(key, value);
      before.last = last;
      if (of < Number.POSITIVE_INFINITY) this.#lateSteps.set(key, of);
    }
  }

  #logged(at: Nested, label: string, path: string, value: Value, number: number | undefined): void {
    this.#dirty = true;
    if (this.#lateSteps.size > 0) this.#lateSteps.delete(path);
    const rule = this.#rulesOf(path);
    if (rule === null) {
      at.set(label, value);
      return;
    }
    if (rule.summary.includes("none")) {
      at.delete(label);
      return;
    }
    const before = at.get(label);
    const running: Running = isRunning(before) ? before : begun(rule, value, before);
    if (running !== before) at.set(label, running);
    running.rule = rule;
    running.last = value;
    if (number === undefined) return;
    running.seen = true;
    running.count++;
    running.sum += number;
    // NaN stays once it is there, as with the official client.
    running.min = Math.min(running.min, number);
    running.max = Math.max(running.max, number);
  }

  get(key: string): unknown {
    const value = this.#values.get(key);
    return value === undefined ? undefined : parseExtendedJson(jsonOf(value));
  }

  get entries(): Entry[] {
    return [...this.#values].map(([key, value]) => [key, jsonOf(value)]);
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

function isRunning(value: Value | Running | Nested | undefined): value is Running {
  return typeof value === "object" && !(value instanceof Map);
}

/** A run that goes on keeps the extremes and the first value that it had; of a mean it cannot be told how many made it. */
function begun(rule: MetricDefinition, value: Value, before: Value | Nested | undefined): Running {
  const had = typeof before === "string" && before.startsWith("{") ? parseExtendedJson(before) : {};
  const { best, first, ...extremes } = had as Record<string, unknown>;
  const {
    min = rule.goal === "maximize" ? undefined : best,
    max = rule.goal === "maximize" ? best : undefined,
  } = extremes;
  const running: Running = {
    rule,
    seen: false,
    count: 0,
    sum: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    first: first === undefined ? value : stringifyExtendedJson(first),
    last: value,
  };
  if (typeof min === "number") running.min = min;
  if (typeof max === "number") running.max = max;
  return running;
}

function jsonOf(value: Value | Running | Nested): string {
  if (typeof value !== "object") return json(value);
  if (value instanceof Map)
    return `{${[...value].map(([key, leaf]) => `${JSON.stringify(key)}:${jsonOf(leaf)}`).join(",")}}`;
  const { rule, seen, count, sum, min, max, first, last } = value;
  const { summary, goal } = rule;
  const parts: string[] = [];
  if (summary.includes("min") && seen) parts.push(`"min":${numberJson(min)}`);
  if (summary.includes("max") && seen) parts.push(`"max":${numberJson(max)}`);
  if (summary.includes("mean") && count > 0) parts.push(`"mean":${numberJson(sum / count)}`);
  if (summary.includes("best") && seen) parts.push(`"best":${numberJson(goal === "maximize" ? max : min)}`);
  if (summary.includes("first")) parts.push(`"first":${json(first)}`);
  if (summary.includes("last")) parts.push(`"last":${json(last)}`);
  return parts.length > 0 ? `{${parts.join(",")}}` : json(last);
}

/** Key → value as JSON; undefined for what is one value: a list, an object with a type of its own, an empty one. */
function leavesOf(text: string): Record<string, string> | undefined {
  const value = parseExtendedJson(text);
  if (!isPlainObject(value) || "_type" in value) return undefined;
  const entries = Object.entries(value);
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([key, item]) => [key, stringifyExtendedJson(item)]));
}
