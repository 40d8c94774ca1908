import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupAnswer } from "@steelyard/protocol/series";
import {
  configKeysOf,
  drawnGroups,
  groupRuns,
  lineOfGroup,
  readGrouping,
  statisticsOf,
  writeGrouping,
} from "./grouping.ts";

const run = (name: string, more: Partial<Parameters<typeof groupRuns>[0][number]> = {}) => ({
  name,
  defaultColorIndex: Number(name.slice(1)),
  state: "finished",
  tags: [],
  group: null,
  jobType: null,
  user: null,
  ...more,
});
const config = (values: Record<string, unknown>) =>
  JSON.stringify(Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }])));
const brief = (groups: ReturnType<typeof groupRuns>) =>
  groups.map(({ value, runs, colour }) => [value, runs.join(" "), colour]);

test("runs are grouped by a value of their config, numbers in their order, those without one last", () => {
  const runs = [
    run("r0", { config: config({ lr: 0.01 }) }),
    run("r1"),
    run("r2", { config: config({ lr: 1e-4 }) }),
    run("r3", { config: config({ lr: 0.01 }) }),
    run("r4", { config: config({ lr: 10 }) }),
  ];
  // Colours go by the first run of each: a group that comes later leaves those of the others alone.
  assert.deepEqual(brief(groupRuns(runs, "config.lr")), [
    ["0.0001", "r2", 2],
    ["0.01", "r0 r3", 0],
    ["10", "r4", 3],
    [undefined, "r1", 1],
  ]);
  const nested = [run("r0", { config: config({ optimizer: { name: "adam" } }) })];
  assert.deepEqual(brief(groupRuns(nested, "config.optimizer.name")), [["adam", "r0", 0]]);
  assert.deepEqual(configKeysOf("config.optimizer.name"), ["optimizer.name", "optimizer"]);
});

test("a run with several tags is in the group of each; an empty job type is none", () => {
  const runs = [run("r0", { tags: ["b", "a"] }), run("r1", { tags: ["a"] }), run("r2", { jobType: "" })];
  assert.deepEqual(brief(groupRuns(runs, "tags")), [
    ["a", "r0 r1", 0],
    ["b", "r0", 1],
    [undefined, "r2", 2],
  ]);
  assert.deepEqual(brief(groupRuns(runs, "jobType")), [[undefined, "r0 r1 r2", 0]]);
});

test("the address says the choice, and nothing that is so anyway", () => {
  const read = (text: string) => readGrouping((name) => new URLSearchParams(text).get(name) ?? "");
  assert.equal(read(""), undefined);
  assert.equal(read("group=nonsense"), undefined);
  const choice = { by: "config.lr", aggregate: "mean", spread: "minmax" } as const;
  assert.deepEqual(read("group=config.lr&agg=nonsense"), choice);
  assert.deepEqual(writeGrouping(choice), { group: "config.lr", agg: "", spread: "" });
  const other = { by: "state", aggregate: "median", spread: "none" } as const;
  assert.deepEqual(read(new URLSearchParams(writeGrouping(other)).toString()), other);
  assert.deepEqual(writeGrouping(undefined), { group: "", agg: "", spread: "" });
});

test("the question counts the runs in alphabetical order", () => {
  const groups = groupRuns([run("r2", { group: "x" }), run("r1", { group: "y" })], "group");
  const { question } = drawnGroups({ by: "group", aggregate: "min", spread: "tails" }, groups);
  assert.deepEqual(question, {
    groups: [
      { name: '"x"', runs: [1] },
      { name: '"y"', runs: [0] },
    ],
    statistics: ["min", "q0.05", "q0.95"],
  });
});

test("the band is what was asked for", () => {
  const column = (...values: number[]) => Float64Array.from(values);
  const answer: GroupAnswer = {
    group: "g",
    key: "loss",
    exact: true,
    points: 6,
    columns: {
      xFirst: column(0, 1),
      xLast: column(0, 1),
      runs: column(3, 2),
      mean: column(2, 4),
      median: column(1.5, 3),
      stddev: column(0.5, 1),
      min: column(1, 2),
      max: column(3, 6),
    },
  };
  const band = (spread: "minmax" | "stddev" | "none", aggregate: "mean" | "median" = "mean") => {
    const line = lineOfGroup(answer, statisticsOf({ by: "state", aggregate, spread }));
    return [line.last, line.min, line.max, line.count].map((values) => [...values]);
  };
  assert.deepEqual(band("minmax"), [
    [2, 4],
    [1, 2],
    [3, 6],
    [3, 2],
  ]);
  // A deviation is one from the mean, whatever the line is.
  assert.deepEqual(band("stddev", "median"), [
    [1.5, 3],
    [1.5, 3],
    [2.5, 5],
    [3, 2],
  ]);
  assert.deepEqual(band("none"), [
    [2, 4],
    [2, 4],
    [2, 4],
    [3, 2],
  ]);
  assert.equal(lineOfGroup(answer, ["mean"]).exact, true, "without a band none is drawn");
});
