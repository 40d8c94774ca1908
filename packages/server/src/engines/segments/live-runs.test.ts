import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-live-runs-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** All of them take two minutes; what grows with their number shows with fewer. */
const LIVE = process.env.STEELYARD_TEST_MINUTES ? 10_000 : 1000;
const AT_ONCE = 200;
const ROWS = 5;
const ROUNDS = 8;

test("segments: thousands of live runs, each sending a little, take bounded memory and are compacted", async () => {
  const store = await openSegments(join(root, "live.db"), { sealRows: ROWS * ROUNDS });
  const row = (run: number, line: number) => `{"_step":${line},"loss":${Math.sin(run + line)},"run":${run}}`;
  const lines = (run: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => row(run, from + i));
  async function round(number: number): Promise<void> {
    const offset = number * ROWS;
    for (let from = 0; from < LIVE; from += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => {
          const run = from + i;
          const batch = { run, stream: "history" as const, writer: "", offset };
          return store.append([{ ...batch, lines: lines(run, offset, offset + ROWS) }]);
        }),
      );
  }
  await round(0);
  const before = process.memoryUsage.rss();
  for (let number = 1; number < ROUNDS; number++) await round(number);
  // A journal row of each is on its way to its block, or is in it.
  for (;;) {
    const { journalRows, sealedChunks } = await store.stats();
    if (journalRows === 0 && sealedChunks === LIVE) break;
  }
  // Page caches of the threads and what a collection leaves; a stream has a few hundred bytes of it.
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grown < 300, `${Math.round(grown)} MB`);
  for (let run = 0; run < LIVE; run += LIVE / 10)
    assert.deepEqual(await store.rows({ run, stream: "history" }), lines(run, 0, ROWS * ROUNDS));
  await store.close();
});
