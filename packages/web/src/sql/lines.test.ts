import assert from "node:assert/strict";
import { test } from "node:test";
import { firstChoice, numberOf, resultLines } from "./lines.ts";

const columns = [
  { name: "run", type: "VARCHAR" },
  { name: "_step", type: "DOUBLE" },
  { name: "loss", type: "DOUBLE" },
];

test("an answer is a line for each run, in order of x, with gaps where there is no number", () => {
  const rows = [
    ["a", 1, 0.5],
    ["b", 0, "NaN"],
    ["a", 0, 1],
    ["a", null, 9],
    ["a", 2, null],
  ];
  assert.deepEqual(firstChoice({ columns }), { x: 1, y: 2, by: 0 });
  assert.deepEqual(
    resultLines({ columns, rows }, 1, 2, 0).map(({ label, x, y }) => [label, [...x], [...y]]),
    [
      ["a", [0, 1, 2], [1, 0.5, Number.NaN]],
      ["b", [0], [Number.NaN]],
    ],
  );
  assert.deepEqual(
    resultLines({ columns, rows }, undefined, 2, undefined).map(({ label, x }) => [label, [...x]]),
    [["loss", [0, 1, 2, 3, 4]]],
  );
});

test("integers beyond 2^31 and decimals come as texts, times are UTC", () => {
  assert.equal(numberOf("9007199254740993", "BIGINT"), 9007199254740992);
  assert.equal(numberOf("1.50", "DECIMAL(10,2)"), 1.5);
  for (const [text, type] of [
    ["2026-08-01 10:00:00.5", "TIMESTAMP"],
    ["2026-08-01 12:00:00.5+02", "TIMESTAMP WITH TIME ZONE"],
    ["2026-08-01 12:00:00.5+02:00", "TIMESTAMP WITH TIME ZONE"],
  ] as const)
    assert.equal(numberOf(text, type), Date.parse("2026-08-01T10:00:00.5Z") / 1000, text);
  assert.equal(numberOf("2026-08-01", "DATE"), Date.parse("2026-08-01") / 1000);
});

test("without a number there is no chart, with one alone the rows are counted", () => {
  assert.deepEqual(firstChoice({ columns: [{ name: "t", type: "VARCHAR" }] }).y, undefined);
  assert.deepEqual(firstChoice({ columns: [{ name: "n", type: "BIGINT" }] }), {
    x: undefined,
    y: 0,
    by: undefined,
  });
});
