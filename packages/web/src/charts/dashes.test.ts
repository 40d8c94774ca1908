import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, runColour } from "../runs/colour.ts";
import { DASHES, dashesOf } from "./dashes.ts";

const colours = (indices: number[]) => indices.map((index) => runColour(index, "light"));

test("a line whose colour an earlier one has nearly is dashed", () => {
  assert.deepEqual(dashesOf(colours([0, 1, 2, 3]), false), [0, 0, 0, 0]);
  assert.deepEqual(dashesOf(colours([0, 1, COLOURS, 2 * COLOURS, COLOURS + 1]), false), [0, 0, 1, 2, 1]);
  assert.deepEqual(
    dashesOf(colours(Array.from({ length: 12 }, (_, at) => at)), false),
    Array.from({ length: 12 }, () => 0),
  );
});

test("on demand neighbours always differ; of very many lines none is dashed", () => {
  assert.deepEqual(dashesOf(colours([0, 1, 2, 3, 4]), true), [0, 1, 2, 3, 0]);
  const many = dashesOf(colours(Array.from({ length: 100 }, () => 0)), false);
  assert.deepEqual([many[1], many[3], many[50]], [1, DASHES.length - 1, 0]);
});
