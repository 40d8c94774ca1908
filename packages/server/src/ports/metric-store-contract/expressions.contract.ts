import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesColumn } from "@steelyard/protocol/series";
import type { Series, SeriesQuestion } from "../metric-store.ts";
import { history, type Open, question, sameKinds, twice } from "./opened-store.contract.ts";

const COUNT = 5000;
const a = (step: number) => (step % 300 === 3 ? odd(step) : Math.sin(step / 50) * 3);
const odd = (step: number) => [Number.NaN, Infinity, -Infinity, Infinity][(step / 300) & 3] as number;
const b = (step: number) => (step % 900 === 4 ? 0 : Math.cos(step / 80));
const clock = (step: number) => 100 + step / 4;
/** Every third row has no `b`. */
const hasBoth = (step: number) => step % 3 !== 0;

function text(step: number): string {
  return `{"_step":${step},"a":${a(step)},"_runtime":${clock(step)}${hasBoth(step) ? `,"n.b":${b(step)}` : ""}}`;
}

/** x and value of each row that has the keys, naively. */
type Point = [x: number, value: number];

/** Lines of charts that no key has by itself. */
export function testExpressions(name: string, open: Open): void {
  const steps = Array.from({ length: COUNT }, (_, step) => step);
  const both = steps.filter(hasBoth);
  const running = (rows: number) => (step: number) => {
    const finite = steps
      .slice(Math.max(0, step + 1 - rows), step + 1)
      .map(a)
      .filter(Number.isFinite);
    return finite.reduce((sum, value) => sum + value, 0) / finite.length;
  };
  const cases: [string, Point[]][] = [
    ["a / n.b", both.map((step) => [step, a(step) / b(step)])],
    ["abs(a)", steps.map((step) => [step, Math.abs(a(step))])],
    ["n.b * _step", both.map((step) => [step, b(step) * step])],
    ["ma(a, 100)", steps.map((step) => [step, running(100)(step)])],
    ["2 - a / 4", steps.map((step) => [step, 2 - a(step) / 4])],
    ["exp(-n.b)", both.map((step) => [step, Math.exp(-b(step))])],
    ["log(n.b)", both.map((step) => [step, Math.log(b(step))])],
  ];
  /** Of a chart: what a store may answer from summaries of a key, where it may not from `mean`. */
  const withoutMean: SeriesColumn[] = [
    "xFirst",
    "xLast",
    "min",
    "max",
    "first",
    "last",
    "count",
    "nonFinite",
    "infinite",
    "negativeInfinite",
  ];

  for (const order of ["as they were logged", "late"] as const) {
    test(`${name}: expressions are those of the rows, in buckets and one by one, rows ${order}`, async () => {
      await twice(
        open,
        async (store) => {
          const parts = Array.from({ length: COUNT / 1000 }, (_, part) =>
            steps.slice(part * 1000, (part + 1) * 1000).map(text),
          );
          if (order === "late") {
            // Every second row of the first part comes at the very end.
            const [first = []] = parts;
            parts[0] = first.filter((_, at) => at % 2 === 0);
            parts.push(first.filter((_, at) => at % 2 === 1).reverse());
          }
          let offset = 0;
          for (const part of parts) {
            await store.append([history(part, offset)]);
            offset += part.length;
          }
        },
        async (store) => {
          for (const [expression, points] of cases) {
            const ask = async (more: Partial<SeriesQuestion>) => {
              const [series] = await store.series(question({ expressions: [expression], ...more }));
              assert.ok(series, expression);
              assert.deepEqual([series.key, series.expression], [expression, true]);
              return series;
            };
            check(await ask({ buckets: 100 }), points, `${expression} in 100`);
            check(await ask({ buckets: 100, columns: withoutMean }), points, `${expression} without mean`);
            const some = points.filter(([x]) => x >= 4000 && x <= 4049);
            const exact = await ask({ min: 4000, max: 4049, buckets: 100 });
            check(exact, some, `${expression} zoomed`);
            assert.equal(exact.exact, true);
            const relative = points.map(([x, value]): Point => [clock(x), value]);
            check(await ask({ x: { kind: "relative" }, buckets: 70 }), relative, `${expression} over time`);
          }
          assert.deepEqual(await store.series(question({ expressions: ["a + absent"] })), []);
          const two = await store.series(
            question({ runs: [1, 2], keys: ["a"], expressions: ["a * 2"], buckets: 10 }),
          );
          assert.deepEqual(
            two.map(({ run, key }) => [run, key]),
            [
              [1, "a"],
              [1, "a * 2"],
            ],
          );
        },
      );
    });
  }
}

/** What the buckets say of the points between their ends is true, and no point is missing. */
function check(series: Series, points: Point[], label: string): void {
  assert.equal(series.points, points.length, label);
  let next = 0;
  for (let at = 0; at < series.xFirst.length; at++) {
    const to = series.xLast[at] ?? 0;
    assert.equal(series.xFirst[at], points[next]?.[0], label);
    const here: number[] = [];
    for (; next < points.length && (points[next]?.[0] ?? 0) <= to; next++) here.push(points[next]?.[1] ?? 0);
    const finite = here.filter(Number.isFinite);
    const where = `${label}, bucket ${at}`;
    assert.equal(series.count[at], finite.length, where);
    sameKinds(series, at, here, where);
    if (finite.length === 0) continue;
    const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
    const wanted = {
      min: Math.min(...finite),
      max: Math.max(...finite),
      first: finite[0],
      last: finite.at(-1),
      mean,
    };
    for (const [column, value = Number.NaN] of Object.entries(wanted)) {
      if (series[column as keyof typeof wanted].length === 0) continue;
      const got = series[column as keyof typeof wanted][at] ?? Number.NaN;
      if (!series.exact || Number.isFinite(got))
        assert.ok(
          Math.abs(got - value) <= 1e-9 * (1 + Math.abs(value)),
          `${where}: ${column} ${got}, not ${value}`,
        );
    }
  }
  assert.equal(next, points.length, label);
}
