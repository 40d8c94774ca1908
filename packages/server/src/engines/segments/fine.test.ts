import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type { Series, SeriesQuestion } from "../../ports/metric-store.ts";
import { linesOf } from "./lines.ts";
import { Room } from "./room.ts";
import { sealed } from "./sealed.test-part.ts";
import { answerSeries, gridsOf } from "./series.ts";
import { openSegments } from "./store.ts";
import { StoredBlocks } from "./stored.ts";

/** Charts of few rows a bucket, from groups that are made of rows and kept in memory. */

const root = mkdtempSync(join(tmpdir(), "steelyard-fine-"));
after(() => rmSync(root, { recursive: true, force: true }));

const KEYS = ["narrow", "wide", "rare", "ends"] as const;
type Key = (typeof KEYS)[number];

const narrow = (i: number) => ((i * 7919) % 1000) / 8;
const VALUES: Record<Key, (i: number) => number | undefined> = {
  narrow,
  wide: (i) => narrow(i) / 3,
  // Not in every group.
  rare: (i) => (i % 100 < 60 ? -1 - i : undefined),
  ends: (i) => (i % 101 === 5 ? [Number.NaN, Infinity, -Infinity][i % 3] : -1 - narrow(i)),
};
/** By a rule, and by none. */
const STEPS = [(i: number) => i, (i: number) => i + Math.floor(i / 7)];

async function write(path: string, run: number, rows: number, stepOf: (i: number) => number): Promise<void> {
  const store = await openSegments(path);
  for (let offset = 0; offset < rows; offset += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, rows - offset) }, (_, at) => {
      const i = offset + at;
      const values = KEYS.flatMap((key) => {
        const value = VALUES[key](i);
        return value === undefined ? [] : [`"${key}":${value}`];
      });
      return `{"_step":${stepOf(i)},${values}}`;
    });
    await store.append([{ run, stream: "history", writer: "", offset, lines }]);
  }
  await store.close();
}

function ask(stored: StoredBlocks, run: number, asked: Partial<SeriesQuestion>): Series[] {
  const question: SeriesQuestion = {
    runs: [run],
    keys: [...KEYS],
    stream: "history",
    x: { kind: "step" },
    buckets: 1000,
    ...asked,
  };
  return stored.snapshot(() => {
    const lines = linesOf(stored, question, [], () => {});
    const grids = gridsOf(stored, question, lines, []);
    const damaged: string[] = [];
    const answers = answerSeries(stored, question, lines, grids, new Room(SERIES_COLUMNS), damaged, () => {});
    assert.deepEqual(damaged, []);
    return answers;
  });
}

/** Each bucket is exactly the rows between its first and its last x, and no row is left out. */
function check(series: Series, rows: number, stepOf: (i: number) => number, min: number, max: number): void {
  const points = Array.from({ length: rows }, (_, i) => [stepOf(i), VALUES[series.key as Key](i)] as const)
    .filter((point): point is readonly [number, number] => point[1] !== undefined)
    .filter(([step]) => step >= min && step <= max);
  assert.equal(series.points, points.length, series.key);
  let at = 0;
  for (const [bucket, xFirst] of series.xFirst.entries()) {
    const of: (readonly [number, number])[] = [];
    while (at < points.length && (points[at]?.[0] as number) <= (series.xLast[bucket] as number))
      of.push(points[at++] as readonly [number, number]);
    const finite = of.map(([, value]) => value).filter(Number.isFinite);
    const count = (wanted: number) => of.filter(([, value]) => value === wanted).length;
    const told = SERIES_COLUMNS.filter((name) => name !== "mean").map((name) => series[name][bucket]);
    const none = finite.length === 0;
    const expected: Record<string, number | undefined> = {
      xFirst: of[0]?.[0],
      xLast: of.at(-1)?.[0],
      min: none ? Number.NaN : Math.min(...finite),
      max: none ? Number.NaN : Math.max(...finite),
      first: none ? Number.NaN : finite[0],
      last: none ? Number.NaN : finite.at(-1),
      count: finite.length,
      nonFinite: of.length - finite.length,
      infinite: count(Number.POSITIVE_INFINITY),
      negativeInfinite: count(Number.NEGATIVE_INFINITY),
    };
    const names = SERIES_COLUMNS.filter((name) => name !== "mean");
    assert.deepEqual(
      told,
      names.map((name) => expected[name]),
      `${series.key}, from ${xFirst}`,
    );
    const mean = finite.reduce((sum, one) => sum + one, 0) / finite.length;
    if (!none) assert.ok(Math.abs((series.mean[bucket] as number) - mean) < 1e-6, `mean from ${xFirst}`);
  }
  assert.equal(at, points.length);
}

test("segments: buckets of few rows are exact, the same when asked again, and then no row is looked at", async () => {
  const path = join(root, "few.db");
  const lengths = [20_000, 90_000];
  const runs = STEPS.flatMap((stepOf) => lengths.map((rows) => ({ stepOf, rows })));
  for (const [run, { rows, stepOf }] of runs.entries()) await write(path, run, rows, stepOf);
  await sealed(path, 2);
  const stored = new StoredBlocks(path, { heads: 2 ** 24, decoded: 2 ** 25 });
  let decoded = 0;
  const { numbers, groupNumbers } = stored;
  stored.numbers = (...given) => {
    decoded++;
    return numbers.apply(stored, given);
  };
  stored.groupNumbers = (...given) => {
    decoded++;
    return groupNumbers.apply(stored, given);
  };
  for (const [run, { rows, stepOf }] of runs.entries()) {
    for (const asked of [
      { min: 0, max: stepOf(rows - 1), buckets: rows / 20 },
      { min: 1003, max: 18_002, buckets: 500 },
      { min: 9_000.5, max: 19_000, buckets: 600 },
      { min: 5001, max: 15_000, buckets: 600 },
    ]) {
      const first = ask(stored, run, asked).filter(({ exact }) => !exact);
      decoded = 0;
      const again = ask(stored, run, { ...asked, keys: first.map(({ key }) => key) });
      // Of each key at most the group that either edge cuts.
      assert.ok(decoded <= KEYS.length * 2, `${JSON.stringify(asked)}: ${decoded} columns are looked at`);
      assert.deepEqual(again, first);
      assert.ok(first.length >= 3);
      for (const series of first) check(series, rows, stepOf, asked.min, asked.max);
    }
  }
  stored.database.close();
});
