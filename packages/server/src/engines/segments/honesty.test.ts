import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type { Series } from "../../ports/metric-store.ts";
import { spansOf } from "./sealed.test-part.ts";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-honesty-"));
after(() => rmSync(root, { recursive: true, force: true }));

const ROWS = 1_000_000;
const SPIKE = 617_283;
const ZOOMS = 12;
const BUCKETS = 500;
const value = (step: number) => (step === SPIKE ? 1e6 : ((step * 7919) % 4099) / 64);

test("segments: a spike of one step in a million shows at every zoom, the ends are exact, and nothing flickers", async () => {
  const path = join(root, "long.db");
  const store = await openSegments(path);
  for (let at = 0; at < ROWS; at += 20_000) {
    let lines = "";
    for (let step = at; step < at + 20_000; step++) lines += `{"_step":${step},"v":${value(step)}}\n`;
    await store.append([
      { run: 1, stream: "history", writer: "", offset: at, lines: lines.trimEnd().split("\n") },
    ]);
  }
  for (let zoom = 0; zoom < ZOOMS; zoom++) {
    const width = Math.floor(ROWS / 2 ** zoom);
    // The spike is at another place of the window each time.
    const min = Math.max(0, Math.min(ROWS - width, SPIKE - Math.floor((width * (zoom % 5)) / 5)));
    const max = min + width - 1;
    const ask = async () => {
      const [series] = await store.series({
        runs: [1],
        keys: ["v"],
        stream: "history",
        x: { kind: "step" },
        min,
        max,
        buckets: BUCKETS,
      });
      return series as Series;
    };
    // What is sealed or joined to a span meanwhile may move the edges of buckets a little (decision 0014).
    let series: Series;
    let again: Series;
    let stored: object;
    do {
      stored = spansOf(path);
      series = await ask();
      again = await ask();
    } while (!isDeepStrictEqual(stored, spansOf(path)));
    const label = `${min} to ${max}`;
    const spike = series.max.indexOf(1e6);
    assert.ok(spike >= 0, `${label}: no spike`);
    assert.ok((series.xFirst[spike] as number) <= SPIKE && (series.xLast[spike] as number) >= SPIKE, label);
    assert.equal(series.max.filter((one) => one === 1e6).length, 1, `${label}: it is in one bucket`);
    assert.equal(series.points, width, label);
    assert.deepEqual(
      [series.xFirst[0], series.first[0], series.xLast.at(-1), series.last.at(-1)],
      [min, value(min), max, value(max)],
      label,
    );
    assert.equal(series.exact, width <= BUCKETS, label);
    for (const column of SERIES_COLUMNS)
      assert.deepEqual(again[column], series[column], `${label}: ${column}`);
  }
  await store.close();
});
