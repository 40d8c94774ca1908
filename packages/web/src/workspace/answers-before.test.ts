import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesAnswer } from "@steelyard/protocol/series";
import { AnswersBefore, commonVersions, renewed } from "./answers-before.ts";

const line = (run: string, points: number) => ({ run, key: "k", points }) as SeriesAnswer;
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
  assert.equal(before.of({ ...question, buckets: 299 }), answered);
  assert.equal(before.of({ ...question, buckets: 299, min: 0, max: 1 }), undefined);
});
