import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import performanceHooks from "node:perf_hooks";
import { afterEach, test } from "node:test";
import { ThreadMetrics, type WatchedThread, watchThread } from "./thread-metrics.ts";

const { monitorEventLoopDelay } = performanceHooks;

function measuresDelayBy(measure: () => unknown): void {
  performanceHooks.monitorEventLoopDelay = measure as typeof monitorEventLoopDelay;
  syncBuiltinESMExports();
}
afterEach(() => measuresDelayBy(monitorEventLoopDelay));

/** Names of what the run's thread sees, which gets a clone. */
async function seen(): Promise<string[]> {
  const { watched, stop } = watchThread(1000);
  const metrics = new ThreadMetrics(structuredClone(watched) as WatchedThread);
  const names = new Set<string>();
  // A busy machine comes round late.
  for (let turn = 0; turn < 1000 && names.size < 6; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const name of Object.keys(metrics.sample())) names.add(name);
    if (!watched.delay) break;
  }
  stop();
  return [...names].sort().map((name) => name.replace("proc.node.", ""));
}

const HEAP = ["externalMB", "heapTotalMB", "heapUsedMB"];

test("the delay of the event loop and the heap", async () => {
  assert.deepEqual(await seen(), [
    "eventLoopDelayMaxMs",
    "eventLoopDelayMeanMs",
    "eventLoopDelayP99Ms",
    ...HEAP,
  ]);
});

test("where threads cannot share the delay, as in Bun, the heap alone", async () => {
  const delay = { enable() {}, disable() {}, percentile: () => 0 };
  measuresDelayBy(() => delay);
  assert.deepEqual(await seen(), HEAP);
  // A clone that has lost what it can do.
  measuresDelayBy(() => Object.create(delay));
  assert.deepEqual(await seen(), HEAP);
  measuresDelayBy(() => {
    throw new Error("not implemented");
  });
  assert.deepEqual(await seen(), HEAP);
});

test("a program that is not told of its memory, as without a descriptor left, goes on and is asked again", async (t) => {
  const { memoryUsage } = process;
  let asked = 0;
  const told = () => {
    if (++asked < 3) throw new Error("EMFILE: too many open files");
    return memoryUsage();
  };
  t.mock.method(process, "memoryUsage", Object.assign(told, { rss: memoryUsage.rss }));
  const { watched, stop } = watchThread(1);
  const metrics = new ThreadMetrics(watched);
  while (metrics.sample()["proc.node.heapUsedMB"] === undefined)
    await new Promise((resolve) => setTimeout(resolve, 1));
  stop();
  assert.ok(asked >= 3);
});
