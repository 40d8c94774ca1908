import assert from "node:assert/strict";
import { test } from "node:test";
import { performanceDocument, pictures } from "./document.ts";
import type { BenchResult } from "./result.ts";

const RESULT: BenchResult = {
  name: "ingest",
  date: "2026-01-02",
  machine: "2 × test",
  load: 0.1,
  node: "v24",
  command: "npm run bench -- ingest",
  quick: false,
  seconds: 3,
  parts: [
    { kind: "table", title: "Rows", head: ["system", "rows/s"], rows: [["a|b", "10"]] },
    {
      kind: "lines",
      name: "rows",
      title: "Rows <by> size",
      xLabel: "runs",
      yLabel: "rows/s",
      series: [
        {
          name: "a",
          points: [
            [1, 10],
            [10, 200],
          ],
        },
      ],
    },
    { kind: "bars", name: "disk", title: "Disk", xLabel: "bytes", bars: [{ name: "a", value: 3 }] },
  ],
};

test("a benchmark measured again replaces its own section, where it stands, and no other", () => {
  const before = performanceDocument("# Performance\n", [RESULT, { ...RESULT, name: "later" }]);
  const after = performanceDocument(before, [{ ...RESULT, parts: [{ kind: "text", text: "new words" }] }]);
  assert.equal(after.match(/^## ingest$/gm)?.length, 1);
  assert.ok(after.includes("new words"));
  assert.ok(after.indexOf("## ingest") < after.indexOf("## later"));
  assert.equal(after.slice(after.indexOf("<!-- later -->")), before.slice(before.indexOf("<!-- later -->")));
  assert.equal(performanceDocument(after, []), after, "a section without a kept result stays");
});

test("a section names its date, machine, versions and command, and warns of a quick run and a loaded machine", () => {
  const calm = performanceDocument("", [RESULT]);
  assert.ok(calm.includes("2026-01-02, 2 × test, Node v24, 3 s, `npm run bench -- ingest`"));
  assert.ok(!calm.includes("**a quick run") && calm.includes("a\\|b"));
  const loaded = performanceDocument("", [{ ...RESULT, quick: true, load: 3 }]);
  assert.match(loaded, /\*\*a quick run.*others were at work/);
});

test("every plot is a picture that stands by itself and has colours for dark pages", () => {
  const made = pictures([RESULT]);
  assert.deepEqual([...made.keys()], ["ingest-rows.svg", "ingest-disk.svg"]);
  for (const svg of made.values()) {
    assert.match(svg, /^<svg xmlns.*<\/svg>\n$/s);
    assert.ok(svg.includes("prefers-color-scheme: dark") && !svg.includes("NaN"));
  }
  assert.ok(made.get("ingest-rows.svg")?.includes("Rows &lt;by>"));
  assert.ok(performanceDocument("", [RESULT]).includes("(images/performance/ingest-rows.svg)"));
});
