import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import type { Worker } from "node:worker_threads";
import type { MetricStore } from "../../ports/metric-store.ts";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-live-runs-"));
after(() => rmSync(root, { recursive: true, force: true }));

const AT_ONCE = 200;
const ROWS = 5;
const ROUNDS = 8;

const threads: Worker[] = [];
subscribe("worker_threads", (message) => threads.push((message as { worker: Worker }).worker));

/** What the threads of the store hold on to, after a collection; bytes. */
async function keptBytes(): Promise<number> {
  let bytes = 0;
  for (const thread of threads) {
    // The one way to have another thread collect its garbage.
    for await (const _ of await thread.getHeapSnapshot());
    const { used_heap_size, external_memory } = await thread.getHeapStatistics();
    bytes += used_heap_size + external_memory;
  }
  return bytes;
}

/** Of the process, without the heap of this thread: that has the rows that the test makes, thrown away or not. */
function residentMb(): number {
  return (process.memoryUsage.rss() - getHeapStatistics().total_physical_size) / 2 ** 20;
}

const row = (run: number, line: number) => `{"_step":${line},"loss":${Math.sin(run + line)},"run":${run}}`;
const lines = (run: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => row(run, from + i));

const open = (name: string) => openSegments(join(root, name), { sealRows: ROWS * ROUNDS });

/** The runs send in turns, until a journal row of each is on its way to its block, or is in it. */
async function live(store: MetricStore, first: number, end: number): Promise<void> {
  for (let offset = 0; offset < ROWS * ROUNDS; offset += ROWS)
    for (let from = first; from < end; from += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => {
          const batch = { run: from + i, stream: "history" as const, writer: "", offset };
          return store.append([{ ...batch, lines: lines(from + i, offset, offset + ROWS) }]);
        }),
      );
  for (;;) {
    const { journalRows, sealedChunks } = await store.stats();
    if (journalRows === 0 && sealedChunks === end) break;
    await setTimeout(50);
  }
}

test("segments: thousands of live runs, each sending a little, take bounded memory and are compacted", async () => {
  const runs = process.env.STEELYARD_TEST_MINUTES ? 10_000 : 1000;
  const store = await open("live.db");
  const before = residentMb();
  await live(store, 0, runs);
  const grown = residentMb() - before;
  // Two threads more, the caches of three databases, and what the threads have thrown away lately.
  assert.ok(grown < 200, `${Math.round(grown)} MB`);
  for (let run = 0; run < runs; run += runs / 10)
    assert.deepEqual(await store.rows({ run, stream: "history" }), lines(run, 0, ROWS * ROUNDS));
  await store.close();
});

test("segments: a live run costs some hundred bytes", async () => {
  threads.length = 0;
  const store = await open("each.db");
  const runs = 1000;
  // Every thread is started, and has the caches of its database.
  await live(store, 0, runs);
  const kept = await keptBytes();
  await live(store, runs, 2 * runs);
  const each = ((await keptBytes()) - kept) / runs;
  for (const { resourceLimits } of threads) assert.ok((resourceLimits?.maxYoungGenerationSizeMb ?? 0) <= 48);
  // A line number, a step and a few counts in the thread that writes, and nothing in the others.
  assert.ok(each < 1000, `${Math.round(each)} bytes`);
  await store.close();
});
