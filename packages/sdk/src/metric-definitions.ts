import type { MetricFields } from "@steelyard/protocol/records";

/** How a key is shown and what the summary keeps of it. */
export interface DefineMetricOptions {
  /** Key that is the x axis of this one. */
  stepMetric?: string;
  /**
   * Fill in the last value of `stepMetric` in rows that lack it.
   *
   * @default `true` when `stepMetric` is given
   */
  stepSync?: boolean;
  /** No chart of its own on the page. */
  hidden?: boolean;
  /**
   * What the summary keeps: `min`, `max`, `mean`, `last`, `first`, `best` (by `goal`), `none`, or several with commas; `copy`
   * is the plain last value.
   */
  summary?: string;
  /**
   * Which values are good ones: what `best` keeps.
   *
   * @default `minimize`, for `best`
   */
  goal?: "minimize" | "maximize";
  /** Forget what was defined for this name before; otherwise definitions add up. */
  overwrite?: boolean;
}

const SUMMARY_NAMES = ["min", "max", "mean", "last", "first", "best", "none", "copy"];

/** What all definitions of a name come to. */
export type MetricDefinition = Readonly<Omit<MetricFields, "overwrite">>;

/** In `_wandb.m`: field numbers of the official client's record. `best` and `copy` are not among them, as there. */
const RULE_NUMBERS: Record<string, number> = { min: 1, max: 2, mean: 3, last: 5, none: 6, first: 8 };

/**
 * Definitions of one name add up, unless one says overwrite: options and rules are added and never taken away, but `none`,
 * which holds as the last definition with a rule says.
 */
export class MetricDefinitions {
  readonly #byName = new Map<string, MetricDefinition>();

  define({ overwrite, ...given }: MetricFields): MetricDefinition {
    const before = overwrite ? undefined : this.#byName.get(given.name);
    const rules = new Set([...(before?.summary ?? []), ...given.summary]);
    if (given.summary.length > 0 && !given.summary.includes("none")) rules.delete("none");
    const all: MetricDefinition = {
      name: given.name,
      stepMetric: given.stepMetric || (before?.stepMetric ?? ""),
      stepSync: given.stepSync || (before?.stepSync ?? false),
      hidden: given.hidden || (before?.hidden ?? false),
      summary: [...rules],
      goal: given.goal || (before?.goal ?? ""),
    };
    this.#byName.set(given.name, all);
    return all;
  }

  /** As the config has it under `_wandb.m`: a list, in which a step metric is the place, from 1, of its own entry. */
  get document(): Record<string, unknown>[] {
    const names = [...this.#byName.keys()];
    // A step metric that nobody defined has an entry too.
    for (const { stepMetric } of this.#byName.values())
      if (stepMetric !== "" && !names.includes(stepMetric)) names.push(stepMetric);
    return names.map((name) => {
      const isGlob = name.endsWith("*");
      const { stepMetric = "", stepSync, hidden, summary = [], goal } = this.#byName.get(name) ?? {};
      const isDefined = !isGlob && this.#byName.has(name);
      return {
        [isGlob ? "2" : "1"]: name,
        ...(stepMetric === "" ? {} : { "5": names.indexOf(stepMetric) + 1 }),
        "6": [...(stepSync ? [1] : []), ...(hidden ? [2] : []), ...(isDefined ? [3] : [])],
        "7": summary.flatMap((rule) => RULE_NUMBERS[rule] ?? []).sort((a, b) => a - b),
        ...(goal ? { "8": goal === "maximize" ? 2 : 1 } : {}),
      };
    });
  }
}

/** @throws TypeError when the name, the step metric, a rule or the goal is not what it may be. */
export function metricFields(name: string, options: DefineMetricOptions): MetricFields {
  if (typeof name !== "string" || name === "" || name.slice(0, -1).includes("*")) {
    throw new TypeError("a metric's name must not be empty, and * may only be its last character");
  }
  const given: unknown = options.summary ?? "";
  if (typeof given !== "string")
    throw new TypeError(`summary is a text such as "min,max", not ${JSON.stringify(given)}`);
  const summary = given
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  const unknown = summary.find((part) => !SUMMARY_NAMES.includes(part));
  if (unknown) throw new TypeError(`summary "${unknown}" is not known; use ${SUMMARY_NAMES.join(", ")}`);
  const { stepMetric = "", hidden = false, overwrite = false } = options;
  if (stepMetric.includes("*"))
    throw new TypeError(`stepMetric is one key, not ${JSON.stringify(stepMetric)}`);
  const stepSync = options.stepSync ?? stepMetric !== "";
  const goal = goalOf(options.goal);
  return { name, stepMetric, stepSync, hidden, summary, goal, overwrite };
}

/** Three letters are enough, as for the official client. */
function goalOf(given: string | undefined): "" | "minimize" | "maximize" {
  if (given === undefined || given === "") return "";
  const goal = ({ min: "minimize", max: "maximize" } as const)[given.slice(0, 3)];
  if (!goal) throw new TypeError(`goal ${JSON.stringify(given)} is not known; use minimize or maximize`);
  return goal;
}
