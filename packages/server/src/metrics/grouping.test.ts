import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Series } from "../ports/metric-store.ts";
import { type GroupingOptions, groupSeries } from "./grouping.ts";

type Point = [x: number, value: number];

/** As the store answers few points. */
function exact(run: number, points: Point[]): Series {
  const column = (of: (point: Point) => number) => Float64Array.from(points, of);
  const shown = column(([, value]) => (Number.isFinite(value) ? value : Number.NaN));
  const finite = column(([, value]) => (Number.isFinite(value) ? 1 : 0));
  const x = column(([at]) => at);
  return {
    ...{ run, key: "k", exact: true, points: points.length, xFirst: x, xLast: x },
    ...{ min: shown, max: shown, mean: shown, first: shown, last: column(([, value]) => value) },
    ...{ count: finite, nonFinite: finite.map((count) => 1 - count) },
    infinite: column(([, value]) => Number(value === Infinity)),
    negativeInfinite: column(([, value]) => Number(value === -Infinity)),
  };
}

const OPTIONS: GroupingOptions = {
  groups: [{ name: "g", runs: [1, 2, 3] }],
  statistics: ["mean", "min", "max", "sum", "stddev", "stderr", "median", "q0.25"],
  value: "last",
  weight: "run",
  fill: "none",
  min: undefined,
  max: undefined,
  buckets: 100,
};

function naive(values: number[]): Record<string, number> {
  const ascending = [...values].sort((a, b) => a - b);
  const sum = values.reduce((before, value) => before + value, 0);
  const mean = sum / values.length;
  const stddev = Math.sqrt(values.reduce((before, value) => before + (value - mean) ** 2, 0) / values.length);
  const quantile = (part: number) => {
    const place = (values.length - 1) * part;
    const [low = 0, high = low] = [ascending[Math.floor(place)], ascending[Math.ceil(place)]];
    return low * (1 - (place % 1)) + high * (place % 1);
  };
  return {
    ...{
      mean,
      sum,
      stddev,
      stderr: stddev / Math.sqrt(values.length),
      median: quantile(0.5),
      "q0.25": quantile(0.25),
    },
    ...{ min: ascending[0] ?? Number.NaN, max: ascending.at(-1) ?? Number.NaN },
  };
}

function close(got: number | undefined, wanted: number | undefined, label: string): void {
  const [a = Number.NaN, b = Number.NaN] = [got, wanted];
  assert.ok(Object.is(a, b) || Math.abs(a - b) <= 1e-9 * (1 + Math.abs(b)), `${label}: ${a}, not ${b}`);
}

const aRun = fc
  .uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 })
  .chain((xs) =>
    fc.tuple(
      ...xs
        .sort((a, b) => a - b)
        .map((x) =>
          fc.tuple(fc.constant(x), fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant(Number.NaN))),
        ),
    ),
  );

test("runs that share few x are compared at each of them: every statistic as computed by hand", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aRun, { minLength: 1, maxLength: 5 }), async (runs) => {
      const series = runs.map((points, run) => exact(run, points));
      const [answer] = await groupSeries(series, {
        ...OPTIONS,
        groups: [{ name: "g", runs: [...runs.keys(), 77, 0] }],
      });
      const byX = new Map<number, number[]>();
      for (const [x, value] of runs.flat())
        if (Number.isFinite(value)) byX.set(x, [...(byX.get(x) ?? []), value]);
      const xs = [...byX.keys()].sort((a, b) => a - b);
      assert.deepEqual([...(answer?.columns.xLast ?? [])], xs);
      for (const [at, x] of xs.entries()) {
        const values = byX.get(x) ?? [];
        assert.equal(answer?.columns.runs?.[at], values.length);
        for (const [name, wanted] of Object.entries(naive(values)))
          close(answer?.columns[name]?.[at], wanted, `${name} at ${x}`);
      }
    }),
  );
});

test("runs of many x are compared in equal parts of the range, each by its value there", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aRun, { minLength: 1, maxLength: 5 }),
      fc.constantFrom("last", "mean", "min", "max"),
      fc.constantFrom("run", "points"),
      async (runs, value, weight) => {
        const buckets = 4;
        const series = runs.filter(({ length }) => length > 0).map((points, run) => exact(run, points));
        const distinct = new Set(runs.flat().map(([x]) => x));
        fc.pre(distinct.size > buckets);
        const groups = [{ name: "g", runs: [...series.keys()] }];
        const [answer] = await groupSeries(series, {
          ...OPTIONS,
          groups,
          buckets,
          value,
          weight,
          min: 0,
          max: 30,
        });
        const cells = Math.min(buckets, Math.max(...series.map(({ xFirst }) => xFirst.length)));
        const at = (x: number) => Math.min(cells - 1, Math.floor((x / 30) * cells));
        let index = 0;
        for (let cell = 0; cell < cells; cell++) {
          const given = runs
            .map((points) =>
              points.filter(([x, one]) => at(x) === cell && Number.isFinite(one)).map(([, one]) => one),
            )
            .filter(({ length }) => length > 0);
          if (given.length === 0) continue;
          const of = {
            last: (values: number[]) => values.at(-1) ?? 0,
            mean: (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length,
            min: (values: number[]) => Math.min(...values),
            max: (values: number[]) => Math.max(...values),
          }[value];
          // A weight of n is n runs of weight 1.
          const values = given.flatMap((points) =>
            Array<number>(weight === "run" ? 1 : points.length).fill(of(points)),
          );
          const wanted = naive(values);
          assert.equal(answer?.columns.runs?.[index], given.length);
          for (const name of ["mean", "sum", "stddev", "min", "max"])
            close(answer?.columns[name]?.[index], wanted[name], `${name} in ${cell}`);
          index++;
        }
        assert.equal(answer?.columns.runs?.length ?? 0, index);
      },
    ),
  );
});

test("a run that ended takes no part any more; one between two of its points can", async () => {
  const short = exact(1, [
    [0, 10],
    [4, 30],
  ]);
  const long = exact(
    2,
    [0, 1, 2, 3, 4, 5, 6].map((x): Point => [x, 0]),
  );
  const of = async (fill: "none" | "linear") => {
    const [answer] = await groupSeries([short, long], {
      ...OPTIONS,
      groups: [{ name: "g", runs: [1, 2] }],
      fill,
    });
    return [[...(answer?.columns.runs ?? [])], [...(answer?.columns.mean ?? [])]];
  };
  assert.deepEqual(await of("none"), [
    [2, 1, 1, 1, 2, 1, 1],
    [5, 0, 0, 0, 15, 0, 0],
  ]);
  assert.deepEqual(await of("linear"), [
    [2, 2, 2, 2, 2, 1, 1],
    [5, 7.5, 10, 12.5, 15, 0, 0],
  ]);
});

test("the error of weighted runs counts as many runs as their weights are worth", async () => {
  const heavy: Series = { ...exact(1, [[0, 0]]), count: Float64Array.of(3), exact: false };
  const light: Series = { ...exact(2, [[0, 4]]), exact: false };
  const [answer] = await groupSeries([heavy, light], { ...OPTIONS, weight: "points" });
  close(answer?.columns.mean?.[0], 1, "mean");
  close(answer?.columns.stddev?.[0], Math.sqrt(3), "stddev");
  close(answer?.columns.stderr?.[0], Math.sqrt(3) / Math.sqrt(16 / 10), "stderr");
});
