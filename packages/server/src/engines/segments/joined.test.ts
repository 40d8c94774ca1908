import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type { MetricStore, Series, SeriesQuestion } from "../../ports/metric-store.ts";
import { Buckets } from "./buckets.ts";
import { linesOf } from "./lines.ts";
import type { Pyramid } from "./pyramid.ts";
import { Room } from "./room.ts";
import { sealed } from "./sealed.test-part.ts";
import { answerSeries, gridsOf } from "./series.ts";
import { openSegments } from "./store.ts";
import { StoredBlocks } from "./stored.ts";

/** What a reader keeps of long lines, beside a reader that keeps nothing. */

const root = mkdtempSync(join(tmpdir(), "steelyard-joined-"));
after(() => rmSync(root, { recursive: true, force: true }));

const KEPT = { heads: 4 * 1024 * 1024, decoded: 32 * 1024 * 1024 };
const NOTHING = { heads: 0, decoded: 0 };
const KEYS = ["narrow", "wide", "rare", "ends"];

const odd = (i: number) => ["NaN", "Infinity", "-Infinity"][i % 3];

/** float32, float64, a value in few rows, and one that is not finite. */
function row(i: number): string {
  const narrow = ((i * 7919) % 1000) / 8;
  const rare = i % 10 === 3 ? `,"rare":${i}` : "";
  return `{"_step":${i},"narrow":${narrow},"wide":${narrow / 3}${rare},"ends":${i % 1009 === 5 ? odd(i) : -narrow}}`;
}

async function write(store: MetricStore, run: number, from: number, to: number, at = row): Promise<void> {
  for (let offset = from; offset < to; offset += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, to - offset) }, (_, i) => at(offset + i));
    await store.append([{ run, stream: "history", writer: "", offset, lines }]);
  }
}

function ask(stored: StoredBlocks, asked: Partial<SeriesQuestion> = {}): Series[] {
  const question: SeriesQuestion = {
    runs: [1],
    keys: KEYS,
    stream: "history",
    x: { kind: "step" },
    buckets: 1000,
    ...asked,
  };
  return stored.snapshot(() => {
    const damaged: string[] = [];
    const lines = linesOf(stored, question, damaged, () => {});
    const grids = gridsOf(stored, question, lines, damaged);
    const room = new Room(SERIES_COLUMNS);
    const answers = answerSeries(stored, question, lines, grids, room, damaged, () => {});
    assert.deepEqual(damaged, []);
    return answers;
  });
}

/** A digest of each column: a difference of thousands of numbers takes minutes to print. */
function bytesOf(series: Series): string[] {
  const columns = SERIES_COLUMNS.map((name) => createHash("sha256").update(series[name]).digest("hex"));
  return [series.key, String(series.points), ...columns];
}

test("segments: what a reader keeps of a run that grows, is changed, forked and rewound is what is stored", async () => {
  const path = join(root, "grows.db");
  let store = await openSegments(path);
  await write(store, 1, 0, 1);
  const kept = new StoredBlocks(path, KEPT);
  const same = (runs: number[]) => {
    const none = new StoredBlocks(path, NOTHING);
    let answer: Series[] = [];
    let expected: Series[] = [];
    for (const asked of [
      {},
      { buckets: 300 },
      { buckets: 7 },
      { min: 30_000.5, max: 90_000 },
      { min: 45_000, max: 90_000, buckets: 50 },
      { min: 30_000, buckets: 1 },
    ]) {
      // Sealing goes on meanwhile: both are to see the same.
      for (let version = Number.NaN; version !== kept.version(); ) {
        version = kept.version();
        answer = ask(kept, { runs, ...asked });
        expected = ask(none, { runs, ...asked });
      }
      if (asked.min === undefined) assert.equal(answer.length, runs.length * KEYS.length);
      assert.deepEqual(answer.map(bytesOf), expected.map(bytesOf), JSON.stringify(asked));
    }
    none.database.close();
  };
  // As the rows come: of these some are in the journal, some sealed, some in a span.
  for (let rows = 1; rows < 150_000; rows += 10_000) {
    await write(store, 1, rows, rows + 10_000);
    same([1]);
  }
  await store.close();
  await sealed(path, 2);
  same([1]);
  store = await openSegments(path);
  await store.fork(1, 2, 120_000);
  same([1, 2]);
  // In the first span, and at the end of the second.
  for (const changed of [5000, 131_000]) {
    const spike = row(changed).replace(/"narrow":[^,]*/, '"narrow":4321');
    await write(store, 1, changed, changed + 1, () => spike);
    same([1, 2]);
    assert.ok(ask(kept)[0]?.max.includes(4321));
  }
  await store.rewind(1, 80_000);
  same([1, 2]);
  // Steps that begin again before the end of what is there.
  await write(store, 1, 200_000, 220_000, (i) => row(i - 150_000));
  await store.close();
  await sealed(path, 0);
  same([1, 2]);
  store = await openSegments(path);
  await store.deleteRun(2);
  assert.equal(ask(kept, { runs: [2] }).length, 0);
  await store.close();
  kept.database.close();
});

test("segments: a chart asked again fetches no part, and a longer run's costs no more buckets than a shorter's", async () => {
  const path = join(root, "long.db");
  const store = await openSegments(path);
  await write(store, 1, 0, 200_000);
  await store.close();
  await sealed(path, 2);
  const stored = new StoredBlocks(path, KEPT);
  let fetched = 0;
  const { pyramid, spanPyramid } = stored;
  stored.pyramid = (...asked) => {
    fetched++;
    return pyramid.apply(stored, asked);
  };
  stored.spanPyramid = (...asked) => {
    fetched++;
    return spanPyramid.apply(stored, asked);
  };
  for (const asked of [{}, { buckets: 100 }, { min: 50_000, max: 199_999 }]) {
    const keys = ["narrow"];
    ask(stored, { keys, ...asked });
    fetched = 0;
    const [series] = ask(stored, { keys, ...asked });
    // Of the parts at either end, to know from where to where the chart goes; of those that an edge cuts.
    assert.ok(fetched <= 6, `${fetched} parts are fetched`);
    assert.ok((series?.count.length ?? 0) > (asked.buckets ?? 1000) * 0.9);
  }
  stored.database.close();
});

test("segments: groups of an earlier version, which count what is not finite together, are answered alike", async () => {
  const path = join(root, "together.db");
  const store = await openSegments(path);
  await write(store, 1, 0, 150_000);
  await store.close();
  await sealed(path, 2);
  const stored = new StoredBlocks(path, KEPT);
  const earlier = new StoredBlocks(path, KEPT);
  const { pyramid, spanPyramid } = earlier;
  const together = (found: Pyramid | undefined) => found && { ...found, kinds: undefined };
  earlier.pyramid = (...asked) => together(pyramid.apply(earlier, asked));
  earlier.spanPyramid = (...asked) => together(spanPyramid.apply(earlier, asked));
  for (const asked of [{}, { buckets: 7 }, { buckets: 300, min: 20_000.5 }, { min: 45_000, max: 90_000 }]) {
    const expected = ask(stored, asked);
    for (const _ of ["first", "kept"])
      assert.deepEqual(ask(earlier, asked).map(bytesOf), expected.map(bytesOf), JSON.stringify(asked));
    assert.ok(expected.at(-1)?.infinite.some((count) => count > 0));
  }
  stored.database.close();
  earlier.database.close();
});

test("segments: what goes into a chart's buckets is as much for a run ten times as long", async (t) => {
  const path = join(root, "flat.db");
  const store = await openSegments(path);
  const lengths = [70_000, 700_000];
  for (const [run, length] of lengths.entries())
    await write(store, run, 0, length, (i) => `{"_step":${i},"narrow":${((i * 7919) % 1000) / 8}}`);
  await store.close();
  await sealed(path, 11);
  const stored = new StoredBlocks(path, KEPT);
  let taken = 0;
  const { addGroups, addRows } = Buckets.prototype;
  t.mock.method(
    Buckets.prototype,
    "addGroups",
    function (this: Buckets, ...given: Parameters<typeof addGroups>) {
      taken += given[2] - given[1];
      return addGroups.apply(this, given);
    },
  );
  t.mock.method(Buckets.prototype, "addRows", function (this: Buckets, ...given: Parameters<typeof addRows>) {
    taken += given[0].length;
    return addRows.apply(this, given);
  });
  const cost = lengths.map((_, run) => {
    taken = 0;
    const [series] = ask(stored, { keys: ["narrow"], runs: [run] });
    assert.ok((series?.count.length ?? 0) > 900);
    return taken;
  });
  t.diagnostic(
    `groups and rows into 1,000 buckets, of ${lengths.join(" and ")} steps: ${cost.join(" and ")}`,
  );
  stored.database.close();
  // Up to two groups a bucket, and the rows at both ends.
  for (const each of cost) assert.ok(each < 2500, `${cost}`);
});
