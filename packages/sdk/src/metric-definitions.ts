import type { MetricFields } from "@steelyard/protocol/records";

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
