import assert from "node:assert/strict";
import { test } from "node:test";
import { SERIES_COLUMNS, type SentSeries, type SeriesAnswer } from "@steelyard/protocol/series";
import { AnswersBefore, commonMarks, commonVersions, renewed } from "./answers-before.ts";

const NONE = new Float64Array(0);
const COLUMNS = { xFirst: NONE, xLast: NONE, min: NONE, max: NONE, last: NONE, count: NONE, nonFinite: NONE };
const line = (run: string, points: number) => ({ run, key: "k", points, ...COLUMNS }) as SeriesAnswer;
const runs = (a: string, b: string) => [
  { run: "a", version: a },
  { run: "b", version: b },
];
const question = { entity: "e", project: "p", runs: ["a", "b"], key: "k", buckets: 10 };

test("what did not change is kept, in the order of the runs; what lost its rows is gone", () => {
  const first = renewed(undefined, runs("1", "1"), [line("a", 1), line("b", 1)], []);
  const second = renewed(first, runs("2", "1"), [line("a", 2)], ["b"]);
  assert.deepEqual(
    second.answers.map(({ run, points }) => [run, points]),
    [
      ["a", 2],
      ["b", 1],
    ],
  );
  assert.deepEqual(
    renewed(second, runs("2", "2"), [], ["a"]).answers.map(({ run }) => run),
    ["a"],
  );
});

test("only what every answer knows in the same version is said to be there", () => {
  const of = (a: string, b: string) => renewed(undefined, runs(a, b), [], []);
  assert.deepEqual(commonVersions([of("1", "1"), of("1", "2")]), { a: "1" });
  assert.deepEqual(commonVersions([of("1", "1"), undefined]), {});
  assert.deepEqual(commonVersions([]), {});
});

test("so many questions are remembered, the oldest forgotten first", () => {
  const before = new AnswersBefore();
  const answered = renewed(undefined, [], [], []);
  for (let buckets = 0; buckets < 300; buckets++) before.remember({ ...question, buckets }, answered);
  assert.equal(before.of({ ...question, buckets: 0 }), undefined);
  assert.deepEqual(before.of({ ...question, buckets: 299 })?.answers, answered.answers);
  assert.equal(before.of({ ...question, buckets: 299, min: 0, max: 1 }), undefined);
});

test("an answer that came again as it was is the same object, and so is the list of them", () => {
  const numbers = (last: number) =>
    Object.fromEntries(
      ["xFirst", "xLast", "min", "max", "last", "count", "nonFinite"].map((name) => [
        name,
        Float64Array.of(1, last),
      ]),
    );
  const full = (run: string, last: number) =>
    ({ run, key: "k", points: 2, ...numbers(last) }) as SeriesAnswer;
  const first = renewed(undefined, runs("1", "1"), [full("a", 2), full("b", 3)], []);
  const again = renewed(first, runs("2", "2"), [full("a", 2), full("b", 3)], []);
  assert.equal(again.answers, first.answers);
  const grown = renewed(first, runs("3", "2"), [full("a", 9)], ["b"]);
  assert.notEqual(grown.answers[0], first.answers[0]);
  assert.equal(grown.answers[1], first.answers[1]);
});

/** Its columns all `values`, of which `from` are not sent. */
const sent = (run: string, mark: string, values: number[], from?: number) => {
  const columns = Object.fromEntries(SERIES_COLUMNS.map((name) => [name, Float64Array.from(values)]));
  const points = values.length + (from ?? 0);
  return { run, key: "k", points, mark, ...columns, ...(from === undefined ? {} : { from }) } as SentSeries;
};

test("of a line that grew only its end comes; what it was put together of is not drawn otherwise", () => {
  const first = renewed(undefined, runs("1", "1"), [sent("a", "2.x", [1, 2, 3]), sent("b", "0.x", [1])], []);
  const second = renewed(first, runs("2", "1"), [sent("a", "3.x", [4, 5], 2)], ["b"]);
  assert.deepEqual([...(second.answers[0]?.last ?? [])], [1, 2, 4, 5]);
  assert.equal(second.answers[1], first.answers[1]);
  const third = renewed(second, runs("3", "1"), [sent("a", "4.x", [6, 7], 3)], ["b"]);
  assert.deepEqual([...(third.answers[0]?.min ?? [])], [1, 2, 4, 6, 7]);
  assert.equal(third.answers[0]?.from, undefined);
  const same = renewed(third, runs("4", "1"), [sent("a", "4.x", [7], 4)], ["b"]);
  assert.equal(same.answers, third.answers);
  assert.throws(() => renewed(undefined, runs("1", "1"), [sent("a", "3.x", [4, 5], 2)], []), RangeError);
});

test("marks are those that all have who ask for a key; of what nobody asked for before there are none", () => {
  const asked = ["b", "a"];
  const first = renewed(
    undefined,
    runs("1", "1"),
    [sent("a", "2.x", [1, 2, 3]), sent("b", "2.y", [1, 2, 3])],
    [],
  );
  const later = renewed(first, runs("2", "1"), [sent("a", "3.x", [4, 5], 2)], ["b"]);
  const nothing = { versions: new Map(), answers: [] };
  const a = (mark: string) => [1, 0, mark];
  const b = [0, 0, "2.y"];
  assert.equal(commonMarks(asked, [[undefined], [undefined, undefined]]), undefined);
  assert.deepEqual(commonMarks(asked, [[nothing]]), []);
  assert.deepEqual(commonMarks(asked, [[first, first]]), [a("2.x"), b]);
  assert.deepEqual(commonMarks(asked, [[first, later]]), [b]);
  assert.deepEqual(commonMarks(asked, [[first, undefined], [later]]), [
    [1, 1, "3.x"],
    [0, 1, "2.y"],
  ]);
});
