import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import type { MetricStore, Series, SeriesQuestion } from "../../ports/metric-store.ts";
import { sameKinds } from "../../ports/metric-store-contract/opened-store.contract.ts";
import { sealed, spansOf } from "./sealed.test-part.ts";
import { openSegments } from "./store.ts";

/** Long runs, whose pyramids lie in spans. */

const root = mkdtempSync(join(tmpdir(), "steelyard-spans-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Two spans and some blocks, in two streams: one of steps by a rule, one with a gap and steps that come twice. */
const ROWS = 150_000;
const SPIKE = 77_777;

/** A row of the plain table that the store is compared with. */
interface Row {
  step: number;
  v?: number;
  rare?: number;
  clock: number;
}

/** All kinds, and one of them alone for many rows. */
const odd = (i: number) => [Number.NaN, Infinity, -Infinity][i > 60_000 ? 0 : i % 3] as number;

function row(i: number): Row {
  return {
    step: i,
    clock: i / 4,
    v: i === SPIKE ? 1000 : i % 1009 === 5 ? odd(i) : ((i * 7919) % 1000) / 8,
    ...(i % 10 === 3 ? { rare: i } : undefined),
  };
}

/** Rows of odd runs have steps with a gap, twice each. */
const stepOf = (run: number, i: number) => (run % 2 === 0 ? i : Math.floor(i / 2) + (i > 40_000 ? 1000 : 0));
const tables = new Map<number, Row[]>();
const path = join(root, "long.db");

async function write(store: MetricStore, run: number, rows: readonly Row[], offset: number): Promise<void> {
  for (let at = 0; at < rows.length; at += 10_000) {
    const lines = rows
      .slice(at, at + 10_000)
      .map(
        ({ step, v, rare, clock }) =>
          `{"_step":${step},"_runtime":${clock},"v":${v}${rare === undefined ? "" : `,"rare":${rare}`}}`,
      );
    await store.append([{ run, stream: "history", writer: "", offset: offset + at, lines }]);
  }
}

const question = (asked: Partial<SeriesQuestion>): SeriesQuestion => ({
  runs: [2],
  keys: ["v"],
  stream: "history",
  x: { kind: "step" },
  buckets: 1000,
  ...asked,
});

/** Each bucket is exactly what the rows between its first and its last x are; each row is in one. */
function check(
  series: Series | undefined,
  rows: readonly Row[],
  key: "v" | "rare",
  asked: SeriesQuestion,
): void {
  const xOf = (at: Row) => (asked.x.kind === "relative" ? at.clock : at.step);
  const [min, max] = [asked.min ?? Number.NEGATIVE_INFINITY, asked.max ?? Number.POSITIVE_INFINITY];
  const points = rows.filter((one) => one[key] !== undefined && xOf(one) >= min && xOf(one) <= max);
  const label = JSON.stringify([asked, key]);
  assert.equal(series?.points ?? 0, points.length, label);
  if (!series) return;
  assert.ok(series.xFirst.length <= asked.buckets, label);
  let at = 0;
  for (let bucket = 0; bucket < series.xFirst.length; bucket++) {
    const where = `${label} bucket ${bucket}`;
    const count = (series.count[bucket] as number) + (series.nonFinite[bucket] as number);
    const own = points.slice(at, at + count);
    at += count;
    assert.equal(series.xFirst[bucket], xOf(own[0] as Row), where);
    assert.equal(series.xLast[bucket], xOf(own.at(-1) as Row), where);
    const all = own.map((one) => one[key] as number);
    sameKinds(series, bucket, all, where);
    const values = all.filter(Number.isFinite);
    assert.equal(series.count[bucket], values.length, where);
    if (values.length === 0) continue;
    assert.equal(series.min[bucket], Math.min(...values), where);
    assert.equal(series.max[bucket], Math.max(...values), where);
    assert.equal(series.first[bucket], values[0], where);
    assert.equal(series.last[bucket], values.at(-1), where);
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    assert.ok(Math.abs((series.mean[bucket] as number) - mean) < 1e-9 * (1 + Math.abs(mean)), where);
  }
  assert.equal(at, points.length, label);
}

async function checkAll(store: MetricStore, run: number): Promise<void> {
  const rows = tables.get(run) as Row[];
  const end = rows.at(-1)?.step ?? 0;
  for (const kind of ["step", "relative"] as const) {
    const scale = kind === "step" ? 1 : (rows.at(-1)?.clock ?? 0) / end;
    for (const [from, to, buckets] of [
      [undefined, undefined, 1000],
      [undefined, undefined, 60],
      [undefined, undefined, 7],
      [end * 0.3 + 0.5, end * 0.4, 1000],
      [end * 0.3 + 0.5, end * 0.9, 100],
      [end / 2, end / 2 + 600, 1000],
    ] as const) {
      for (const key of ["v", "rare"] as const) {
        const asked = question({
          runs: [run],
          keys: [key],
          x: { kind },
          buckets,
          ...(from === undefined ? {} : { min: from * scale, max: to * scale }),
        });
        const [series] = await store.series(asked);
        check(series, rows, key, asked);
      }
    }
  }
}

test("segments: long runs are answered from spans at every level as a plain table is", async () => {
  const store = await openSegments(path);
  for (const run of [1, 2]) {
    const rows = Array.from({ length: ROWS }, (_, i) => ({ ...row(i), step: stepOf(run, i) }));
    tables.set(run, rows);
    await write(store, run, rows, 0);
  }
  await store.close();
  await sealed(path, 4);
  const again = await openSegments(path);
  for (const run of [1, 2]) await checkAll(again, run);
  await again.close();
});

test("segments: of a damaged span the blocks are read, and it is named", async () => {
  const damaged = join(root, "damaged.db");
  copyFileSync(path, damaged);
  const file = new DatabaseSync(damaged);
  file.exec(
    `UPDATE pyramids SET body = zeroblob(length(body)) WHERE id IN (SELECT middle FROM span_columns WHERE key = 'v')`,
  );
  file.close();
  const told: string[] = [];
  const store = await openSegments(damaged, { onDamage: (line) => told.push(line) });
  const asked = question({ buckets: 60 });
  const [series] = await store.series(asked);
  check(series, tables.get(2) as Row[], "v", asked);
  assert.ok(told.length >= 2);
  assert.match(told[0] ?? "", /span \d+ \(key v\) of .*still read/);
  await store.close();
});

test("segments: a fork has copies of spans, and what is replaced or rewound leaves them", async () => {
  const store = await openSegments(path);
  const before = spansOf(path);
  await store.fork(2, 4, 100_000);
  tables.set(
    4,
    (tables.get(2) as Row[]).filter(({ step }) => step <= 100_000),
  );
  assert.equal(spansOf(path).spans, before.spans + 1);
  await checkAll(store, 4);
  // One line in the first span anew, at another step.
  const changed = { step: 5000, v: -5, clock: 1250 };
  await write(store, 2, [changed], 5000);
  tables.set(2, (tables.get(2) as Row[]).with(5000, changed));
  assert.equal(spansOf(path).spans, before.spans);
  await checkAll(store, 2);
  await store.rewind(1, 45_000);
  tables.set(
    1,
    (tables.get(1) as Row[]).filter(({ step }) => step <= 45_000),
  );
  await checkAll(store, 1);
  await checkAll(store, 4);
  await store.close();
  // Blocks of a span that is no more make another with those that come.
  await sealed(path, 4);
  const again = await openSegments(path);
  for (const run of [1, 2, 4]) await checkAll(again, run);
  for (const run of [1, 2, 4]) await again.deleteRun(run);
  await again.close();
  const file = new DatabaseSync(path, { readOnly: true });
  for (const table of ["blocks", "parts", "columns", "pyramids", "spans", "span_columns", "loose"]) {
    assert.equal(Object.values(file.prepare(`SELECT count(*) FROM ${table}`).get() ?? {})[0], 0, table);
  }
  file.close();
});

test("segments: a file of the first version is read and goes on", async () => {
  const old = join(root, "first.db");
  const store = await openSegments(old);
  const rows = Array.from({ length: 20_000 }, (_, i) => row(i));
  tables.set(2, rows);
  await write(store, 2, rows.slice(0, 15_000), 0);
  await store.close();
  const file = new DatabaseSync(old);
  file.exec("DROP TABLE spans; DROP TABLE span_columns; DROP TABLE loose; PRAGMA user_version = 1");
  file.close();
  const again = await openSegments(old);
  await write(again, 2, rows.slice(15_000), 15_000);
  await checkAll(again, 2);
  await again.close();
});
