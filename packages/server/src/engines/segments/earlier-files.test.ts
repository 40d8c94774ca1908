import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { parseExtendedJson } from "@steelyard/protocol/history";
import type { MetricStore, Series } from "../../ports/metric-store.ts";
import { sameKinds } from "../../ports/metric-store-contract/opened-store.contract.ts";
import { FORMAT_VERSION } from "./database.ts";
import {
  CONSOLE_LINES,
  consoleLine,
  EVENTS,
  eventRow,
  FORK_STEP,
  FORKED_ROWS,
  JOURNAL_ROWS,
  LONG_ROWS,
  longRow,
  REPLACED,
  REWOUND_TO,
  ROWS,
  replacedRow,
  row,
} from "./earlier-files/rows.test-part.ts";
import { openSegments } from "./store.ts";

/** Files made by the code of earlier versions (`make-earlier-file.test-part.ts`) are opened, read to the bit, and written on. */

const root = mkdtempSync(join(tmpdir(), "steelyard-earlier-"));
after(() => rmSync(root, { recursive: true, force: true }));

const rowsFrom = (from: number, to: number, of = row) =>
  Array.from({ length: to - from }, (_, i) => of(from + i));
const FIRST_RUN = rowsFrom(0, ROWS).with(REPLACED, replacedRow(REPLACED));
const FORK = [...FIRST_RUN.slice(0, FORK_STEP + 1), ...rowsFrom(FORK_STEP + 1, FORK_STEP + 1 + FORKED_ROWS)];

for (const version of [1, 2]) {
  test(`segments: a file of version ${version} is opened, read to the bit and written on`, async () => {
    const path = join(root, `version-${version}.sqlite`);
    const packed = new URL(`earlier-files/version-${version}.sqlite.gz`, import.meta.url);
    writeFileSync(path, gunzipSync(readFileSync(packed)));
    assert.deepEqual(await holds(path), {
      version,
      journal: true,
      replaced: true,
      spans: version > 1,
    });
    const store = await openSegments(path);
    await read(store);
    await writeOn(store);
    await store.close();
    assert.equal((await holds(path)).version, FORMAT_VERSION);
    const again = await openSegments(path);
    assert.deepEqual(await history(again, 4), rowsFrom(0, LONG_ROWS + 100, longRow));
    assert.deepEqual(await history(again, 2), FORK);
    await again.close();
  });
}

/** What there is in the file for the test to be worth anything. */
async function holds(path: string) {
  const database = new DatabaseSync(path, { readOnly: true });
  const one = (text: string) => Object.values(database.prepare(text).get() ?? {})[0];
  const found = {
    version: one("PRAGMA user_version"),
    journal: one("SELECT count(*) FROM blocks WHERE level = 0") !== 0,
    replaced: one("SELECT count(*) FROM blocks WHERE dead IS NOT NULL") !== 0,
    spans:
      one("SELECT count(*) FROM sqlite_schema WHERE name = 'spans'") === 1 &&
      one("SELECT count(*) FROM spans") !== 0,
  };
  database.close();
  return found;
}

async function read(store: MetricStore): Promise<void> {
  assert.deepEqual(await history(store, 1), FIRST_RUN);
  assert.deepEqual(await history(store, 2), FORK);
  assert.deepEqual(await history(store, 3), rowsFrom(0, REWOUND_TO + 1));
  assert.deepEqual(await history(store, 4), rowsFrom(0, LONG_ROWS, longRow));
  assert.deepEqual(await store.rows({ run: 1, stream: "events" }), rowsFrom(0, EVENTS, eventRow));
  assert.deepEqual(
    (await store.consoleLines(1, 0, CONSOLE_LINES)).map(({ text }) => text),
    rowsFrom(0, CONSOLE_LINES, consoleLine),
  );
  assert.deepEqual(await store.lineCounts(1), { history: ROWS, events: EVENTS, console: CONSOLE_LINES });
  assert.equal(await store.lastStep(3), REWOUND_TO);
  assert.deepEqual(await store.tail(1, "history", JOURNAL_ROWS + 5), FIRST_RUN.slice(-JOURNAL_ROWS - 5));
  assert.deepEqual(await store.searchConsole(1, "EPOCH 123 ", 0, 10), [123]);
  assert.deepEqual(await store.keyNames([1], "history"), ["_step", "eval.acc", "id", "loss", "rare"]);
  const keys = new Map((await store.keys(1, "history")).map((info) => [info.key, info]));
  assert.equal(keys.get("image")?.types["image-file"], ROWS / 500);
  assert.deepEqual([keys.get("eval.acc")?.min, keys.get("eval.acc")?.last], [-2, (ROWS - 1) / 4]);

  const losses = FIRST_RUN.map((text) => (parseExtendedJson(text) as { loss: number }).loss);
  const exact = await chart(store, 1, "loss", ROWS);
  assert.equal(exact.exact, true);
  assert.deepEqual([...exact.last], losses);
  summedUp(await chart(store, 1, "loss", 50), losses);
  const values = rowsFrom(0, LONG_ROWS, longRow).map((text) => (JSON.parse(text) as { v: number }).v);
  for (const buckets of [10, 100, 1000]) summedUp(await chart(store, 4, "v", buckets), values);
}

/** What follows the rows that are there: merged with them, cut off again, forked, removed. */
async function writeOn(store: MetricStore): Promise<void> {
  const lines = rowsFrom(LONG_ROWS, LONG_ROWS + 100, longRow);
  await store.append([{ run: 4, stream: "history", writer: "", offset: LONG_ROWS, lines }]);
  await store.fork(4, 5, 50_000);
  assert.deepEqual(await history(store, 5), rowsFrom(0, 50_001, longRow));
  await store.rewind(5, 1000);
  assert.deepEqual(await history(store, 5), rowsFrom(0, 1001, longRow));
  await store.deleteRun(1);
  assert.deepEqual(await history(store, 1), []);
}

function history(store: MetricStore, run: number): Promise<string[]> {
  return store.rows({ run, stream: "history" });
}

async function chart(store: MetricStore, run: number, key: string, buckets: number): Promise<Series> {
  const x = { kind: "step" } as const;
  const [series] = await store.series({ runs: [run], keys: [key], stream: "history", x, buckets });
  assert.ok(series);
  return series;
}

/** Value i has the step i: each bucket is what those of its steps are. */
function summedUp(series: Series, values: readonly number[]): void {
  let at = 0;
  for (const [bucket, count] of series.count.entries()) {
    const own = values.slice(at, at + count + (series.nonFinite[bucket] as number));
    const finite = own.filter(Number.isFinite);
    sameKinds(series, bucket, own, `bucket ${bucket}`);
    assert.deepEqual(
      [series.xFirst[bucket], series.xLast[bucket], count, series.min[bucket], series.max[bucket]],
      [at, at + own.length - 1, finite.length, Math.min(...finite), Math.max(...finite)],
    );
    assert.deepEqual([series.first[bucket], series.last[bucket]], [finite[0], finite.at(-1)]);
    at += own.length;
  }
  assert.equal(at, values.length);
}
