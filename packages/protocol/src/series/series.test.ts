import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeSeries, encodeSeries, openSeries, type SeriesAnswer } from "./reply.ts";
import { SERIES_COLUMNS, type SeriesColumn } from "./request.ts";

/** A column as runs have them: any numbers, those of a float32, constants and strides. */
const column = (length: number) =>
  fc.oneof(
    fc.array(fc.double(), { minLength: length, maxLength: length }),
    fc.array(fc.float(), { minLength: length, maxLength: length }),
    fc.double().map((value) => Array<number>(length).fill(value)),
    fc
      .tuple(fc.double(), fc.double())
      .map(([first, stride]) => Array.from({ length }, (_, at) => first + at * stride)),
    fc
      .constantFrom(-0, 0, Number.NaN)
      .map((value) => Array.from({ length }, (_, at) => (at % 2 ? 0 : value))),
  );

const answer = fc.integer({ min: 0, max: 12 }).chain((length) =>
  fc.record({
    run: fc.constantFrom("a", "b"),
    key: fc.string(),
    exact: fc.boolean(),
    points: fc.nat(),
    columns: fc.tuple(...SERIES_COLUMNS.map(() => column(length))),
  }),
);

function answerOf({
  columns,
  ...known
}: {
  columns: number[][];
  run: string;
  key: string;
  exact: boolean;
  points: number;
}) {
  const named = SERIES_COLUMNS.map((name, at) => [name, Float64Array.from(columns[at] ?? [])] as const);
  return { ...known, ...Object.fromEntries(named) } as SeriesAnswer;
}

function groupOf(generated: Parameters<typeof answerOf>[0]) {
  const { xFirst, xLast, mean, min } = answerOf(generated);
  const { key, exact, points } = generated;
  return { group: "g", key, exact, points, columns: { xFirst, xLast, runs: mean, "q0.5": min } };
}

function heatMapOf(generated: Parameters<typeof answerOf>[0]) {
  const { run, key, xFirst, xLast, mean, min, max } = answerOf(generated);
  const counts = Float64Array.of(...max, ...min);
  const columns = { xFirst, xLast, histograms: mean, outside: min };
  return { run, key, sampled: generated.exact, bins: 2, low: -1, high: 0.5, columns, counts };
}

const RUNS = [
  { run: "a", version: "1.x" },
  { run: "b", version: "2.y" },
];

test("a reply gives back the very numbers, of the columns that were chosen", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.array(answer, { maxLength: 4 }), fc.subarray([...SERIES_COLUMNS], { minLength: 1 })),
      ),
      (asked) => {
        const questions = asked.map(([answers, columns]) => ({
          columns: [...new Set<SeriesColumn>(["xFirst", ...columns])],
          series: answers.map(answerOf),
          unchanged: ["b"],
          groups: answers.map(groupOf),
          heatMaps: answers.map(heatMapOf),
        }));
        const read = decodeSeries(encodeSeries(RUNS, questions).buffer);
        assert.deepEqual(read.runs, RUNS);
        for (const [at, { columns, series, groups, heatMaps }] of questions.entries()) {
          assert.deepEqual(read.questions[at]?.unchanged, ["b"]);
          assert.deepEqual(read.questions[at]?.groups, groups);
          assert.deepEqual(read.questions[at]?.heatMaps, heatMaps);
          for (const [index, sent] of series.entries()) {
            const got: SeriesAnswer | undefined = read.questions[at]?.series[index];
            assert.ok(got);
            assert.deepEqual(
              [got.run, got.key, got.exact, got.points],
              [sent.run, sent.key, sent.exact, sent.points],
            );
            for (const name of SERIES_COLUMNS)
              assert.deepEqual(got[name], columns.includes(name) ? sent[name] : new Float64Array(0), name);
          }
        }
      },
    ),
  );
});

test("what was answered of one key is read without the rest", () => {
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 8 }), fc.constantFrom("", "loss"), (answers, key) => {
      const columns: SeriesColumn[] = ["xFirst", "xLast", "last"];
      // Every other one is of that key.
      const series = answers.map((one, at) => answerOf(at % 2 ? one : { ...one, key }));
      const body = encodeSeries(RUNS, [{ columns, series, unchanged: ["b"], groups: [], heatMaps: [] }]);
      const whole = decodeSeries(body.buffer).questions[0];
      const [question] = openSeries(body.buffer).questions;
      assert.ok(whole && question);
      const own = whole.series.filter((one) => one.key === key);
      assert.deepEqual(question.read(key), { ...whole, series: own });
      const buckets = own.reduce((sum, { xFirst }) => sum + xFirst.length, 0);
      assert.equal(question.bucketsOf(key), buckets);
      const tails = series.map((one) => ({ ...one, from: 5 }));
      const grown = encodeSeries(RUNS, [{ columns, series: tails, unchanged: [], groups: [], heatMaps: [] }]);
      assert.equal(openSeries(grown.buffer).questions[0]?.bucketsOf(key), buckets + 5 * own.length);
    }),
  );
});

const bytesOf = (columns: Partial<Record<SeriesColumn, Float64Array>>, length: number) => {
  const zero = new Float64Array(length);
  const filled = Object.fromEntries(SERIES_COLUMNS.map((name) => [name, columns[name] ?? zero]));
  const series = [{ run: "a", key: "k", exact: true, points: length, ...filled } as SeriesAnswer];
  return encodeSeries(RUNS, [{ columns: SERIES_COLUMNS, series, groups: [], heatMaps: [], unchanged: [] }])
    .length;
};

test("what says little is short: steps, constants, equal columns and float32", () => {
  const length = 1000;
  const random = Float64Array.from({ length }, (_, at) => Math.sin(at));
  const single = Float64Array.from(new Float32Array(random));
  const steps = Float64Array.from({ length }, (_, at) => at * 10);
  const none = bytesOf({}, length);
  assert.ok(none < 600, `${none} bytes`);
  assert.ok(bytesOf({ xFirst: steps, xLast: steps }, length) - none < 50);
  for (const [values, bytes] of [
    [random, 8 * length],
    [single, 4 * length],
  ] as const) {
    const once = bytesOf({ min: values }, length) - none;
    assert.ok(Math.abs(once - bytes) < 50, `${once} bytes`);
    assert.ok(
      Math.abs(bytesOf({ min: values, max: values, last: values.slice() }, length) - none - bytes) < 50,
    );
  }
});

test("a float64 column is read where it lies", () => {
  const values = Float64Array.of(0.1, 0.2, 0.4);
  const series = [
    answerOf({ run: "a", key: "k", exact: true, points: 3, columns: SERIES_COLUMNS.map(() => [...values]) }),
  ];
  const body = encodeSeries(RUNS, [
    { columns: SERIES_COLUMNS, series, groups: [], heatMaps: [], unchanged: [] },
  ]);
  const read = decodeSeries(body.buffer).questions[0]?.series[0];
  assert.equal(read?.last.buffer, body.buffer);
  assert.equal(read?.last.byteOffset % 8, 0);
});

test("what is cut short, of another version or something else is refused", () => {
  const series = [
    answerOf({
      run: "a",
      key: "k",
      exact: true,
      points: 3,
      columns: SERIES_COLUMNS.map(() => [0.1, 0.2, 0.4]),
    }),
  ];
  const body = encodeSeries(RUNS, [
    { columns: SERIES_COLUMNS, series, groups: [], heatMaps: [], unchanged: [] },
  ]);
  assert.throws(() => decodeSeries(body.slice(0, -8).buffer), RangeError);
  assert.throws(() => decodeSeries(new ArrayBuffer(4)), /no reply/);
  assert.throws(() => decodeSeries(new TextEncoder().encode('{"error": "something"}').buffer), /no reply/);
  const later = body.slice();
  later[4] = 2;
  assert.throws(() => decodeSeries(later.buffer), /format 2/);
});
