import { setImmediate } from "node:timers/promises";
import type { GroupAnswer, Grouping, GroupStatistic } from "@steelyard/protocol/series";
import type { Series } from "../ports/metric-store.ts";

/**
 * From the series of runs to those of groups of runs. The runs are brought to the same places of x; in each, what stands
 * for a run there is one value, and the statistics are over these values. See docs/charts.md#groups.
 */

export interface GroupingOptions extends Required<Omit<Grouping, "groups">> {
  /** Numbers of the catalog. */
  groups: readonly { name: string; runs: readonly number[] }[];
  /** What the question asked of x. */
  min: number | undefined;
  max: number | undefined;
  buckets: number;
}

/** `series`: of one key. Groups without any value in it are left out. */
export async function groupSeries(
  series: readonly Series[],
  options: GroupingOptions,
): Promise<GroupAnswer[]> {
  const places = placesOf(series, options);
  const turns = new Turns();
  const members = new Map<number, Member>();
  for (const one of series) {
    members.set(one.run, new Member(one, places, options));
    await turns.after(places.count);
  }
  const answers: GroupAnswer[] = [];
  for (const { name, runs } of options.groups) {
    const found = [...new Set(runs)].flatMap((run) => members.get(run) ?? []);
    if (found.length === 0) continue;
    const answer = await groupAnswer(name, found, places, options, turns);
    if (answer) answers.push(answer);
  }
  return answers;
}

/** Values between which others have their turn: some ten milliseconds. */
const VALUES_PER_TURN = 100_000;

class Turns {
  #values = 0;
  async after(values: number): Promise<void> {
    this.#values += values;
    if (this.#values < VALUES_PER_TURN) return;
    this.#values = 0;
    await setImmediate();
  }
}

/** Where on x runs are compared. */
interface Places {
  count: number;
  exact: boolean;
  /** Of a bucket, by its first x. */
  of: (x: number) => number;
}

function placesOf(series: readonly Series[], { min, max, buckets }: GroupingOptions): Places {
  const exact = series.every((one) => one.exact);
  if (exact) {
    const all = distinct(series, buckets);
    if (all) {
      const index = new Map(all.map((x, at) => [x, at]));
      return { count: all.length, exact, of: (x) => index.get(x) ?? 0 };
    }
  }
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { xFirst, xLast } of series) {
    low = Math.min(low, xFirst[0] ?? low);
    for (const x of xLast) if (x > high) high = x;
  }
  if (min !== undefined) low = min;
  if (max !== undefined) high = max;
  // The store's own buckets where it made some: the same division of the same range.
  const count = exact ? Math.min(buckets, Math.max(...series.map(({ xFirst }) => xFirst.length))) : buckets;
  const scale = high > low ? count / (high - low) : 0;
  return {
    count,
    exact: false,
    of: (x) => Math.max(0, Math.min(count - 1, Math.floor((x - low) * scale))),
  };
}

/** Every x that any run has, ascending, if they are no more than `most`. */
function distinct(series: readonly Series[], most: number): number[] | undefined {
  const all = new Set<number>();
  for (const { xFirst } of series) {
    for (const x of xFirst) all.add(x);
    if (all.size > most) return undefined;
  }
  return [...all].sort((a, b) => a - b);
}

/** One run, place by place. NaN = it has no value there. */
class Member {
  readonly value: Float64Array;
  readonly points: Float64Array;
  readonly xFirst: Float64Array;
  readonly xLast: Float64Array;
  readonly allPoints: number;

  constructor(series: Series, { count, of }: Places, { value: wanted }: GroupingOptions) {
    const column = () => new Float64Array(count).fill(Number.NaN);
    this.value = column();
    this.points = new Float64Array(count);
    this.xFirst = column();
    this.xLast = column();
    this.allPoints = series.points;
    const { value, points, xFirst, xLast } = this;
    for (let bucket = 0; bucket < series.xFirst.length; bucket++) {
      const finite = series.count[bucket] as number;
      if (finite === 0) continue;
      const at = of(series.xFirst[bucket] as number);
      const here = series[wanted][bucket] as number;
      const before = points[at] as number;
      if (before === 0) {
        value[at] = here;
        xFirst[at] = series.xFirst[bucket] as number;
      } else if (wanted === "mean")
        value[at] = ((value[at] as number) * before + here * finite) / (before + finite);
      else if (wanted === "min") value[at] = Math.min(value[at] as number, here);
      else if (wanted === "max") value[at] = Math.max(value[at] as number, here);
      else value[at] = here;
      points[at] = before + finite;
      xLast[at] = series.xLast[bucket] as number;
    }
  }

  /** Its value at `x` of a place where it has no point: on the line between those around it. */
  *between(xs: Float64Array): Generator<[place: number, value: number]> {
    let before = -1;
    for (let after = 0; after < this.value.length; after++) {
      if (this.points[after] === 0) continue;
      for (let at = before + 1; before >= 0 && at < after; at++) {
        const from = this.xLast[before] as number;
        const part = ((xs[at] as number) - from) / ((this.xLast[after] as number) - from);
        const start = this.value[before] as number;
        const value = start + ((this.value[after] as number) - start) * Math.max(0, Math.min(1, part));
        if (Number.isFinite(value)) yield [at, value];
      }
      before = after;
    }
  }
}

async function groupAnswer(
  group: string,
  members: readonly Member[],
  { count, exact }: Places,
  { statistics, weight, fill }: GroupingOptions,
  turns: Turns,
): Promise<GroupAnswer | undefined> {
  const values: number[][] = Array.from({ length: count }, () => []);
  const weights: number[][] = Array.from({ length: count }, () => []);
  const xFirst = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const xLast = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (const member of members) {
    for (let at = 0; at < count; at++) {
      const points = member.points[at] as number;
      if (points === 0) continue;
      values[at]?.push(member.value[at] as number);
      weights[at]?.push(weight === "points" ? points : 1);
      xFirst[at] = Math.min(xFirst[at] as number, member.xFirst[at] as number);
      xLast[at] = Math.max(xLast[at] as number, member.xLast[at] as number);
    }
    await turns.after(count);
  }
  const filled = values.flatMap(({ length }, at) => (length > 0 ? [at] : []));
  if (filled.length === 0) return undefined;
  if (fill === "linear") {
    const xs = xLast.slice();
    for (const member of members) {
      for (const [at, value] of member.between(xs)) {
        // Where nobody has a point there is no place to speak of.
        if (!Number.isFinite(xs[at])) continue;
        values[at]?.push(value);
        weights[at]?.push(1);
      }
    }
  }
  const picked = (of: (at: number) => number) => Float64Array.from(filled, of);
  const columns: Record<string, Float64Array> = {
    xFirst: picked((at) => xFirst[at] as number),
    xLast: picked((at) => xLast[at] as number),
    runs: picked((at) => values[at]?.length ?? 0),
  };
  for (const name of statistics) columns[name] = new Float64Array(filled.length);
  for (const [to, at] of filled.entries()) {
    const place = new Place(values[at] ?? [], weights[at] ?? []);
    for (const name of statistics) (columns[name] as Float64Array)[to] = place.statistic(name);
    await turns.after(members.length);
  }
  const points = members.reduce((sum, { allPoints }) => sum + allPoints, 0);
  return { group, key: "", exact, points, columns };
}

/** The values of a group's runs in one place. */
class Place {
  readonly #values: readonly number[];
  readonly #weights: readonly number[];
  readonly #weight: number;
  readonly #sum: number;
  #ascending: Float64Array | undefined;

  constructor(values: readonly number[], weights: readonly number[]) {
    this.#values = values;
    this.#weights = weights;
    this.#weight = weights.reduce((sum, weight) => sum + weight, 0);
    this.#sum = values.reduce((sum, value, at) => sum + value * (weights[at] as number), 0);
  }

  statistic(name: GroupStatistic): number {
    switch (name) {
      case "mean":
        return this.#sum / this.#weight;
      case "sum":
        return this.#sum;
      case "min":
        return Math.min(...this.#values);
      case "max":
        return Math.max(...this.#values);
      case "stddev":
        return this.#deviation();
      case "stderr":
        return this.#deviation() / Math.sqrt(this.#effectiveRuns());
      case "median":
        return this.#quantile(0.5);
      default:
        return this.#quantile(Number(name.slice(1)));
    }
  }

  /** Of the population: the runs of a group are all there are. */
  #deviation(): number {
    const mean = this.#sum / this.#weight;
    const squares = this.#values.reduce(
      (sum, value, at) => sum + (value - mean) ** 2 * (this.#weights[at] as number),
      0,
    );
    return Math.sqrt(squares / this.#weight);
  }

  /** As many runs of equal weight as these are worth (Kish); the number of runs when they weigh the same. */
  #effectiveRuns(): number {
    return this.#weight ** 2 / this.#weights.reduce((sum, weight) => sum + weight ** 2, 0);
  }

  /** Linear between the two nearest, as numpy's default. */
  #quantile(part: number): number {
    this.#ascending ??= Float64Array.from(this.#values).sort();
    const ascending = this.#ascending;
    const place = (ascending.length - 1) * part;
    const low = ascending[Math.floor(place)] as number;
    const high = ascending[Math.ceil(place)] as number;
    return low === high ? low : low + (high - low) * (place % 1);
  }
}
