import type { GroupAnswer, Grouping, GroupStatistic, SeriesAnswer } from "@steelyard/protocol/series";
import { configOf, reach } from "../runs/run-values.ts";
import type { RunRow } from "../runs/runs.ts";

/** Lines of groups of runs in place of lines of runs. */

export const AGGREGATES = ["mean", "median", "min", "max"] as const;
export type Aggregate = (typeof AGGREGATES)[number];
/** What the band around a group's line is; `quartiles` and `tails` leave out a half, and a tenth, of the runs. */
export const SPREADS = ["minmax", "stddev", "stderr", "quartiles", "tails", "none"] as const;
export type Spread = (typeof SPREADS)[number];

/** What every run has one of; the rest is `config.KEY`. Named as the columns of the runs table are. */
export const FIXED_GROUPINGS = ["group", "jobType", "tags", "state", "user"] as const;

/** As the address says it. */
export interface GroupChoice {
  by: string;
  aggregate: Aggregate;
  spread: Spread;
}

const NAMES = { by: "group", aggregate: "agg", spread: "spread" } as const;

/** Undefined: runs are not grouped. */
export function readGrouping(parameter: (name: string) => string): GroupChoice | undefined {
  const by = parameter(NAMES.by);
  if (!FIXED_GROUPINGS.some((known) => known === by) && !by.startsWith("config.")) return undefined;
  return {
    by,
    aggregate: AGGREGATES.find((known) => known === parameter(NAMES.aggregate)) ?? "mean",
    spread: SPREADS.find((known) => known === parameter(NAMES.spread)) ?? "minmax",
  };
}

/** For the address; what is so anyway is not said. */
export function writeGrouping(choice: GroupChoice | undefined): Record<string, string> {
  return {
    [NAMES.by]: choice?.by ?? "",
    [NAMES.aggregate]: choice && choice.aggregate !== "mean" ? choice.aggregate : "",
    [NAMES.spread]: choice && choice.spread !== "minmax" ? choice.spread : "",
  };
}

/** What of a run's config is needed to group by it: the key itself, or the one that it lies in. */
export function configKeysOf(by: string): string[] {
  if (!by.startsWith("config.")) return [];
  const key = by.slice("config.".length);
  return [...new Set([key, key.slice(0, key.includes(".") ? key.indexOf(".") : undefined)])];
}

export interface RunGroup {
  id: string;
  /** Undefined: of the runs that have no such value. */
  value: string | undefined;
  /** Public ids. */
  runs: string[];
  /** Groups take colours in the order in which their first runs were made. */
  colour: number;
}

type Groupable = Pick<
  RunRow,
  "name" | "defaultColorIndex" | "state" | "tags" | "group" | "jobType" | "user" | "config"
>;

/** By value, `10` after `9`; those without one last. A run with several tags is in the group of each. */
export function groupRuns(runs: readonly Groupable[], by: string): RunGroup[] {
  const groups = new Map<string, RunGroup & { first: number }>();
  for (const run of runs) {
    for (const value of valuesIn(run, by)) {
      const id = JSON.stringify(value ?? null).slice(0, MAX_ID);
      const group = groups.get(id) ?? {
        id,
        value: value === undefined ? undefined : textOf(value),
        runs: [],
        colour: 0,
        first: Number.POSITIVE_INFINITY,
      };
      group.runs.push(run.name);
      group.first = Math.min(group.first, run.defaultColorIndex);
      groups.set(id, group);
    }
  }
  const ordered = [...groups.values()].sort(
    (a, b) =>
      Number(a.value === undefined) - Number(b.value === undefined) || byValue(a.value ?? "", b.value ?? ""),
  );
  const ages = [...ordered].sort((a, b) => a.first - b.first);
  return ordered.map(({ first: _, ...group }, at) => ({
    ...group,
    colour: ages.indexOf(ordered[at] as (typeof ages)[number]),
  }));
}

function byValue(a: string, b: string): number {
  return Number(a) - Number(b) || natural.compare(a, b);
}

const natural = new Intl.Collator("en", { numeric: true });
/** Of a group's name on the wire. */
const MAX_ID = 1000;

function valuesIn(run: Groupable, by: string): unknown[] {
  if (by === "tags") return run.tags.length > 0 ? [...new Set(run.tags)] : [undefined];
  const value = by.startsWith("config.")
    ? reach(configOf(run.config), by.slice("config.".length))
    : fixed(run, by);
  return [value === null || value === "" ? undefined : value];
}

function fixed(run: Groupable, by: string): string | null | undefined {
  if (by === "group") return run.group;
  if (by === "jobType") return run.jobType;
  return by === "user" ? run.user?.username : run.state;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The line, then what its band is made of. */
export function statisticsOf({ aggregate, spread }: GroupChoice): GroupStatistic[] {
  return [aggregate, ...BANDS[spread]];
}

const BANDS: Record<Spread, GroupStatistic[]> = {
  minmax: ["min", "max"],
  stddev: ["mean", "stddev"],
  stderr: ["mean", "stderr"],
  quartiles: ["q0.25", "q0.75"],
  tails: ["q0.05", "q0.95"],
  none: [],
};

/** As the line of a run: `last` the aggregate, `min` and `max` the band, `count` how many runs. */
export function lineOfGroup(
  { group, key, expression, points, columns }: GroupAnswer,
  statistics: readonly GroupStatistic[],
): SeriesAnswer {
  const column = (name: string | undefined) => columns[name ?? ""] ?? NONE;
  const [aggregate, low, high] = statistics;
  const last = column(aggregate);
  const around = high === "stddev" || high === "stderr";
  const from = low ? column(low) : last;
  const by = column(high);
  return {
    run: group,
    key,
    ...(expression && { expression }),
    // A band belongs to what is summarised.
    exact: high === undefined,
    points,
    xFirst: column("xFirst"),
    xLast: column("xLast"),
    min: around ? from.map((value, at) => value - (by[at] as number)) : from,
    max: around ? from.map((value, at) => value + (by[at] as number)) : high ? by : last,
    last,
    count: column("runs"),
    nonFinite: new Float64Array(last.length),
    infinite: NONE,
    negativeInfinite: NONE,
    mean: NONE,
    first: NONE,
  };
}

const NONE = new Float64Array(0);

/** What charts draw in place of runs. */
export interface DrawnGroups {
  choice: GroupChoice;
  groups: readonly RunGroup[];
  /** Of the public ids of all runs of the groups, in alphabetical order. */
  question: Grouping;
}

export function drawnGroups(choice: GroupChoice, groups: readonly RunGroup[]): DrawnGroups {
  const names = [...new Set(groups.flatMap(({ runs }) => runs))].sort();
  const places = new Map(names.map((name, at) => [name, at]));
  return {
    choice,
    groups,
    question: {
      groups: groups.map(({ id, runs }) => ({
        name: id,
        runs: runs.map((name) => places.get(name) as number).sort((a, b) => a - b),
      })),
      statistics: statisticsOf(choice),
    },
  };
}
