import assert from "node:assert/strict";
import { test } from "node:test";
import { course, HistorySketch } from "./history-sketch.ts";

test("a course is drawn from the lowest value to the highest", () => {
  assert.equal(course([0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
  assert.equal(course([3, 3]), "▁▁");
  assert.equal(course([0, Number.NaN, 1, Number.POSITIVE_INFINITY]), "▁ █ ");
  assert.equal(course([Number.NaN]), "");
  assert.equal(course([-Number.MAX_VALUE, 0, Number.MAX_VALUE]), "▁▅█");
  const many = course(Array.from({ length: 1000 }, (_, n) => n));
  assert.deepEqual([many.length, many[0], many.at(-1)], [40, "▁", "█"]);
  assert.equal([...many].sort().join(""), many);
});

test("a long history keeps its course, in the order of its rows, whatever rows a key was in", () => {
  const sketch = new HistorySketch(3);
  const both = sketch.shape(["loss", "_hidden", "up"]);
  const alone = sketch.shape(["up"]);
  for (let n = 0; n < 50_000; n++) {
    both?.([1 / (n + 1), 0, n]);
    alone?.([n]);
  }
  sketch.value("up", "100000");
  for (let n = 0; n < 20; n++)
    for (const key of ["z", "y", "a", "text"]) sketch.value(key, key === "text" ? '"x"' : `${n}`);
  const { lines, more } = sketch.grid;
  assert.deepEqual([lines.map(([key]) => key), more], [["a", "loss", "up"], 2]);
  const up = lines[2]?.[1] ?? "";
  assert.equal([...up].sort().join(""), up);
  assert.equal(lines[0]?.[1].length, 20);
});

test("without anything to draw nothing is kept", () => {
  const sketch = new HistorySketch(0);
  assert.equal(sketch.shape(["a"]), undefined);
  sketch.value("a", "1");
  assert.deepEqual(sketch.grid, { lines: [], more: 0 });
});
