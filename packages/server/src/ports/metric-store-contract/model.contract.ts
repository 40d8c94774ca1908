import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { flattenKeys, parseExtendedJson } from "@steelyard/protocol/history";
import fc from "fast-check";
import type { MetricStore, SeriesQuestion, XAxis } from "../metric-store.ts";
import { type Open, question } from "./opened-store.contract.ts";
import { PlainStore } from "./plain-store.test-part.ts";

/** Minutes of random operations; without it as many as fit a few seconds. */
const MINUTES = Number(process.env.STEELYARD_TEST_MINUTES ?? 0);
const RUNS = [1, 2, 3];
const WRITERS = ["", "b", "a"];

const runs = fc.constantFrom(...RUNS);
const operation = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      run: runs,
      writer: fc.constantFrom("", "", "", ...WRITERS),
      // From the end of the stream: what comes next, what came before, what leaves a gap.
      from: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -40, max: 5 })),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("rewind" as const),
      run: runs,
      step: fc.integer({ min: -2, max: 60 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fork" as const),
      run: runs,
      child: runs,
      step: fc.integer({ min: -1, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), run: runs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Every answer against a store that keeps all rows in lists, after whatever was done to both. */
export function testModel(name: string, open: Open): void {
  test(`${name}: after appends, repeats, rewinds, forks, deletions and restarts every answer is that of plain lists`, async () => {
    const { store, reopen } = await open();
    let opened = store;
    let base = 0;
    const until = MINUTES > 0 ? performance.now() + MINUTES * 60_000 : undefined;
    do {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (operations) => {
          base += 10;
          const plain = new PlainStore();
          for (const [salt, done] of operations.entries()) {
            if (done.kind === "restart") opened = await reopen();
            else await doBoth(opened, plain, done, base, salt);
          }
          for (const run of RUNS) await sameAnswers(opened, plain, run, base);
        }),
        { numRuns: MINUTES > 0 ? 100 : 12 },
      );
    } while (until !== undefined && performance.now() < until);
    await opened.close();
  });
}

async function doBoth(
  store: MetricStore,
  plain: PlainStore,
  done: Exclude<Operation, { kind: "restart" }>,
  base: number,
  salt: number,
): Promise<void> {
  const run = base + done.run;
  if (done.kind === "append") {
    const { writer, count } = done;
    const offset = Math.max(0, plain.nextLine(done.run, writer) + done.from);
    const lines = Array.from({ length: count }, (_, i) => rowText(writer, offset + i, salt));
    const [result] = await store.append([{ run, stream: "history", writer, offset, lines }]);
    const expected = plain.append(done.run, writer, offset, lines);
    assert.deepEqual({ lineCount: result?.lineCount, again: result?.again }, expected);
  } else if (done.kind === "rewind") {
    assert.equal(await store.rewind(run, done.step), plain.rewind(done.run, done.step));
  } else if (done.kind === "delete") {
    await store.deleteRun(run);
    plain.delete(done.run);
  } else if (done.run === done.child) {
    await assert.rejects(store.fork(run, run, done.step), { code: "bad-request" });
  } else {
    await store.fork(run, base + done.child, done.step);
    plain.fork(done.run, done.child, done.step);
  }
}

/**
 * Row n of a writer. Its step and whether it has one follow from n, so that a row sent again stays where it was; steps
 * come twice, go back, are negative, and go up to 2^53. What else is in it also follows from when it was sent.
 */
function rowText(writer: string, line: number, salt: number): string {
  const draw = (line * 7919 + writer.length * 31) % 97;
  const step = draw === 7 ? -1.5 : draw === 8 ? 2 ** 53 : draw < 7 ? Math.max(0, line - 3) : line;
  const members = draw > 90 ? [] : [`"_step":${step}`];
  if (draw % 3 > 0) members.push(`"_runtime":${line / 4},"_timestamp":${1.7e9 + line / 4}`);
  const value = { 20: "NaN", 21: "-Infinity", 22: "Infinity" }[draw] ?? String((line * salt) / 7);
  members.push(`"a":${value}`);
  if (draw % 5 === 0) members.push(`"b":{"c":"${salt}","d":${line}}`);
  if (draw % 11 === 0) members.push(draw % 2 === 0 ? `"a2":${salt}` : `"a2":"text"`);
  return `{${members.join()}}`;
}

async function sameAnswers(
  store: MetricStore,
  plain: PlainStore,
  asked: number,
  base: number,
): Promise<void> {
  const run = base + asked;
  const rows = plain.rows(asked);
  const texts = rows.map(({ text }) => text);
  assert.deepEqual(await store.rows({ run, stream: "history" }), texts);
  assert.equal(await store.lastStep(run), Math.max(-1, ...rows.map(({ step }) => step)));
  assert.equal((await store.lineCounts(run)).history, plain.lineCount(asked));
  const page = await store.rows({ run, stream: "history", minStep: 5, maxStep: 30, limit: 7 });
  const inRange = rows.filter(({ step }) => step >= 5 && step < 30);
  assert.deepEqual(
    page,
    inRange.slice(0, 7).map(({ text }) => text),
  );
  const cut = await store.rows({ run, stream: "history", keys: ["b.c"] });
  const withKey = rows.filter(({ row }) => row.b !== undefined);
  assert.deepEqual(
    cut,
    withKey.map(({ row }) => `{"b.c":${JSON.stringify((row.b as { c: string }).c)}}`),
  );
  await sameColumns(store, rows, run);
  await sameColumns(store, rows, run, ["b.c", "a", "absent"]);
  assert.deepEqual(
    await store.tail(run, "history", 60),
    plain.tail(asked, 60).map(({ text }) => text),
  );
  const samples = Math.min(6, texts.length);
  assert.deepEqual(
    await store.rows({ run, stream: "history", samples: 6 }),
    Array.from(
      { length: samples },
      (_, i) => texts[Math.round((i * (texts.length - 1)) / (samples - 1 || 1))],
    ),
  );
  await sameKeys(store, rows, run);
  for (const [x, of] of AXES) {
    await sameSeries(
      store,
      { runs: [run], keys: ["a"], x },
      pointsOf(rows, of, ({ a }) => a),
    );
    const asked = { runs: [run], expressions: [SUM], x };
    await sameSeries(
      store,
      asked,
      pointsOf(rows, of, ({ a, b }) => b && (a as number) * 2 + b.d),
    );
  }
}

type Rows = ReturnType<PlainStore["rows"]>;
interface Row {
  a?: unknown;
  b?: { c: string; d: number };
  _runtime?: number;
  _timestamp?: number;
}

const SUM = "a * 2 + b.d";
const AXES: [x: XAxis, of: (row: Row, step: number) => number | undefined][] = [
  [{ kind: "step" }, (_, step) => step],
  [{ kind: "relative" }, (row) => row._runtime],
  [{ kind: "wall" }, (row) => row._timestamp],
  [{ kind: "key", key: "b.d" }, (row) => row.b?.d],
];

/** Of the rows that have both; ascending x. */
function pointsOf(rows: Rows, xOf: (typeof AXES)[number][1], yOf: (row: Row) => unknown): Point[] {
  const points: Point[] = [];
  for (const { row, step } of rows) {
    const [x, value] = [xOf(row, step), yOf(row)];
    if (x !== undefined && typeof value === "number") points.push([x, value]);
  }
  return points.sort(([a], [b]) => a - b);
}
type Point = [x: number, value: number];

/** By column and page by page, put together again; all keys or some. */
async function sameColumns(store: MetricStore, rows: Rows, run: number, keys?: string[]): Promise<void> {
  const told: { step: number; values: Map<string, unknown> }[] = [];
  for (let after: number | undefined; ; ) {
    const { steps, columns } = await store.columns({
      run,
      stream: "history",
      keys,
      maxStep: 2 ** 53,
      after,
      limit: 7,
    });
    if (steps.length === 0) break;
    for (const [row, step] of steps.entries()) {
      const values = new Map<string, unknown>();
      for (const column of columns) {
        if ("texts" in column) {
          const text = column.texts[row];
          if (text !== undefined) values.set(column.key, parseExtendedJson(text));
        } else if (column.has?.[row] !== 0) values.set(column.key, column.numbers[row]);
      }
      told.push({ step, values });
    }
    after = steps.at(-1);
  }
  const wanted = ([key]: [string, unknown]) => keys?.includes(key) !== false;
  assert.deepEqual(
    told,
    rows
      .filter(({ step }) => step < 2 ** 53)
      .map(({ step, row }) => {
        // Those that the store has numbered have the key too.
        const all: [string, unknown][] = [...flattenKeys(row), ["_step", step]];
        return { step, values: new Map(all.filter(wanted)) };
      }),
  );
}

async function sameKeys(store: MetricStore, rows: Rows, run: number): Promise<void> {
  let told = await store.keys(run, "history");
  // What is sealed meanwhile may tell otherwise whether numbers of rows out of order fell (`monotonic`).
  for (let again = false; !again; ) {
    const json = Buffer.concat(await store.keysJson(run, "history")).toString();
    const before = told;
    told = await store.keys(run, "history");
    again = isDeepStrictEqual(told, before);
    if (again) assert.deepEqual(parseExtendedJson(json), told);
  }
  const types: Record<string, Record<string, number>> = {};
  for (const { row } of rows) {
    const b = row.b as { c: string; d: number } | undefined;
    const leaves = { ...row, "b.c": b?.c, "b.d": b?.d, b: undefined };
    for (const [key, value] of Object.entries(leaves)) {
      if (value === undefined || key === "_step") continue;
      const counts = types[key] ?? {};
      counts[typeof value] = (counts[typeof value] ?? 0) + 1;
      types[key] = counts;
    }
  }
  const found = told.filter(({ key }) => key !== "_step").map((info) => [info.key, info.types]);
  assert.deepEqual(Object.fromEntries(found), types);
  const finite = rows.map(({ row }) => row.a as number).filter(Number.isFinite);
  const info = told.find(({ key }) => key === "a");
  assert.equal(info?.min, finite.length > 0 ? Math.min(...finite) : undefined);
  assert.equal(info?.max, finite.length > 0 ? Math.max(...finite) : undefined);
  assert.equal(info?.count, rows.length > 0 ? rows.length : undefined);
  const lastStep = rows.at(-1)?.step;
  assert.equal(info?.lastStep, lastStep);
  const lasts = rows.filter(({ step }) => step === lastStep).map(({ row }) => row.a);
  assert.ok(info === undefined || lasts.some((value) => Object.is(value, info.last)));
  const numeric = Object.keys(types).filter((key) => types[key]?.number !== undefined);
  if (rows.some(({ row }) => row._step !== undefined)) numeric.push("_step");
  assert.deepEqual(await store.keyNames([run], "history"), numeric.sort());
}

async function sameSeries(
  store: MetricStore,
  asked: Partial<SeriesQuestion>,
  points: readonly Point[],
): Promise<void> {
  const label = JSON.stringify(asked);
  const [exact] = await store.series(question({ ...asked, buckets: 10_000 }));
  const answered = [...(exact?.xFirst ?? [])].map((x, i): Point => [x, exact?.last[i] ?? 0]);
  assert.deepEqual(
    answered.map(([x]) => x),
    points.map(([x]) => x),
    label,
  );
  // Among points of one x the order is the store's.
  assert.deepEqual(byValue(answered), byValue(points), label);
  const min = Math.max(0, points[0]?.[0] ?? 0);
  const [summary] = await store.series(question({ ...asked, buckets: 5, min, max: min + 40 }));
  const inside = points.filter(([x]) => x >= min && x <= min + 40);
  const finite = inside.map(([, value]) => value).filter(Number.isFinite);
  assert.equal(summary?.xFirst[0], inside[0]?.[0], label);
  assert.equal(summary?.xLast.at(-1), inside.at(-1)?.[0], label);
  assert.equal(total(summary?.count), finite.length, label);
  assert.equal(total(summary?.nonFinite), inside.length - finite.length, label);
  assert.equal(total(summary?.infinite), inside.filter(([, value]) => value === Infinity).length, label);
  assert.equal(
    total(summary?.negativeInfinite),
    inside.filter(([, value]) => value === -Infinity).length,
    label,
  );
  if (finite.length === 0) return;
  const known = (values: Float64Array | undefined) => [...(values ?? [])].filter(Number.isFinite);
  assert.equal(Math.min(...known(summary?.min)), Math.min(...finite), label);
  assert.equal(Math.max(...known(summary?.max)), Math.max(...finite), label);
  const sums = known(summary?.mean?.map((mean, i) => mean * (summary.count[i] ?? 0)));
  assert.ok(Math.abs(total(sums) - total(finite)) < 1e-6 * (1 + total(finite.map(Math.abs))), label);
}

function byValue(points: readonly Point[]): string[] {
  return points.map(([x, value]) => `${x} ${value}`).sort();
}

function total(values: Iterable<number> | undefined): number {
  let sum = 0;
  for (const value of values ?? []) sum += value;
  return sum;
}
