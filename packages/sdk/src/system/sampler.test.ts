import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { InternalLog } from "../debug-log.ts";
import { SystemSampler } from "./sampler.ts";

test("what the machine does not tell is a line in the run's story: it is asked again, and nothing else ends", async (t) => {
  const { rss } = process.memoryUsage;
  let asked = 0;
  t.mock.method(process.memoryUsage, "rss", () => {
    if (++asked < 3) throw new Error("EMFILE: too many open files");
    return rss();
  });
  const story: string[] = [];
  const log = { write: (...line: unknown[]) => story.push(JSON.stringify(line)) } as unknown as InternalLog;
  const samples: Record<string, number>[] = [];
  const sampler = new SystemSampler({ intervalMs: 1, gpuIds: [] }, (values) => samples.push(values), log);
  sampler.begin();
  while (samples.length === 0) await sleep(1);
  sampler.end();
  const told = story.filter((line) => line.includes("EMFILE"));
  assert.deepEqual(
    told,
    [1, 2].map(() => '["WARNING","the machine tells nothing",{"reason":"EMFILE: too many open files"}]'),
  );
  assert.ok((samples[0]?.["proc.memory.rssMB"] ?? 0) > 0);
});
