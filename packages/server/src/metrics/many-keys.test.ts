import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { get } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapSnapshot, getHeapStatistics } from "node:v8";
import type { Worker } from "node:worker_threads";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { makeRun, openDoors } from "../http/doors.test-part.ts";

const KEYS = 100_000;
const KEYS_IN_ROW = 1000;

const threads: Worker[] = [];
subscribe("worker_threads", (message) => threads.push((message as { worker: Worker }).worker));

/** What the store's threads hold on to, after a collection; MB. */
async function keptMb(): Promise<number> {
  let bytes = 0;
  for (const thread of threads) {
    for await (const _ of await thread.getHeapSnapshot());
    const { used_heap_size, external_memory } = await thread.getHeapStatistics();
    bytes += used_heap_size + external_memory;
  }
  return bytes / 2 ** 20;
}

const heapMb = () => getHeapStatistics().total_physical_size / 2 ** 20;

test("the keys of a run of 100,000 take bounded memory, however often they are asked for", async (t) => {
  const doors = await openDoors();
  t.after(() => doors.close());
  await makeRun(doors, doors.admin, { project: "p", name: "r" });
  const { catalog, metrics } = doors.server.services;
  const { id } = await catalog.db.selectFrom("runs").select("id").executeTakeFirstOrThrow();
  for (let line = 0; line < KEYS / KEYS_IN_ROW; line++) {
    const members = Array.from({ length: KEYS_IN_ROW }, (_, key) => `"m/${line * KEYS_IN_ROW + key}":${key}`);
    const lines = [`{"_step":${line},${members.join()},"odd":${line % 2 ? "NaN" : "-Infinity"}}`];
    await metrics.append([{ run: id, stream: "history", writer: "", offset: line, lines }]);
  }

  // Who seals holds much for a while, and its block has a head to be kept.
  while ((await metrics.stats()).journalRows > 0) await sleep(50);

  const ask = () =>
    new Promise<Buffer>((resolve, reject) => {
      const headers = { authorization: `Bearer ${doors.admin}` };
      get(`${doors.server.url}/api/v1/run-keys?entity=admin&project=p&run=r`, { headers }, async (answer) => {
        const parts: Buffer[] = [];
        for await (const part of answer) parts.push(part as Buffer);
        resolve(Buffer.concat(parts));
      }).on("error", reject);
    });
  await ask();
  const kept = await keptMb();
  // Has this thread collect what it threw away while it wrote.
  for await (const _ of getHeapSnapshot());
  const before = heapMb();
  let highest = 0;
  for (let asked = 0; asked < 8; asked++) {
    await ask();
    highest = Math.max(highest, heapMb());
  }
  // Objects or text of them all are 100 MB and more each time.
  assert.ok(highest - before < 80, `${Math.round(highest - before)} MB`);
  const grown = (await keptMb()) - kept;
  // The answers are 120 MB.
  assert.ok(grown < 30, `${Math.round(grown)} MB`);

  const { keys } = parseExtendedJson((await ask()).toString()) as { keys: unknown[] };
  assert.deepEqual(keys, await metrics.keys(id, "history"));
  assert.equal(keys.length, KEYS + 2);
});
