import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { init } from "steelyard";
import { createRing, eachRow, isBehind, PART_CELLS, RingReader, RingWriter } from "./ring.ts";

/** How long a call of `log` may hold the program up: in waits and in parts of the log, whatever the machine is busy with. */
const VALUES = 5;

/** A ring whose two threads take turns as the test says; `asleep` = what the reader does while the writer waits for it. */
function ring(t: TestContext, { asleep = () => false as boolean } = {}) {
  const memory = createRing();
  const reader = new RingReader(memory);
  const counts = { waits: 0, parts: 0, wakes: 0 };
  let logged = 0;
  const keeper = {
    get logged() {
      return logged;
    },
    attend: () => Number.POSITIVE_INFINITY,
    help(cells: Float64Array, written: number) {
      counts.parts++;
      if (isBehind(logged, written)) logged = eachRow(cells, logged, written, () => {}, PART_CELLS);
    },
  };
  const writer = new RingWriter(memory, keeper, () => {
    counts.wakes++;
  });
  t.mock.method(Atomics, "wait", () => {
    counts.waits++;
    return asleep() ? "ok" : "timed-out";
  });
  return {
    counts,
    /** Up to the writer, or so many cells. */
    drain(most = Number.POSITIVE_INFINITY) {
      const from = Atomics.load(new Int32Array(memory.head), 16);
      const to = eachRow(reader.cells, from, reader.written, () => {}, most);
      reader.drain(to, (_, end) => {
        if (isBehind(logged, end)) logged = end;
      });
    },
    rest: () => reader.rest(),
    row() {
      const before = { ...counts };
      writer.publish(writer.place(VALUES), 0, 0, 0, VALUES);
      return { waits: counts.waits - before.waits, parts: counts.parts - before.parts };
    },
  };
}

test("100,000 rows a second wait for nobody when the run's thread comes within 4 ms of being woken, and 20 ms by itself", (t) => {
  const { counts, drain, rest, row } = ring(t);
  drain();
  assert.ok(rest());
  let wakes = 0;
  let comesAt = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= 100_000; n++) {
    row();
    if (counts.wakes > wakes) comesAt = Math.min(comesAt, n + 400);
    wakes = counts.wakes;
    if (n < comesAt && n % 2000 > 0) continue;
    comesAt = Number.POSITIVE_INFINITY;
    drain();
    assert.ok(rest());
  }
  assert.deepEqual([counts.waits, counts.parts], [0, 0]);
  // Once each time: it costs a few microseconds.
  assert.ok(counts.wakes >= 100 && counts.wakes <= 250, `${counts.wakes} times woken`);
});

test("a thread that is at work is not woken, nor does it rest while much waits for it", (t) => {
  const { counts, drain, rest, row } = ring(t);
  for (let n = 0; n < 800; n++) row();
  assert.equal(counts.wakes, 0);
  assert.equal(rest(), false);
  for (let n = 0; n < 50; n++) row();
  assert.equal(counts.wakes, 0);
  drain();
  assert.equal(rest(), true);
});

test("a call waits once and writes one part at most, for a thread that does not come at all, until the ring is full", (t) => {
  const { counts, row } = ring(t);
  for (let n = 0; n < 29_000; n++) assert.ok(row().parts <= 1);
  // It is found out once.
  assert.equal(counts.waits, 1);
  for (let n = 29_000; n < 58_000; n++) {
    const { waits, parts } = row();
    assert.ok(waits <= 1 && parts <= 1, `row ${n}: ${waits} waits, ${parts} parts`);
  }
  // Far ahead it is waited for all the same, a millisecond with each part.
  assert.ok(counts.waits > 100 && counts.waits < 150, `${counts.waits} waits`);
});

test("a call waits once and writes one part at most, for a thread that has fallen behind and reads what the log has", (t) => {
  const { counts, drain, row } = ring(t, {
    asleep() {
      drain(1024);
      return true;
    },
  });
  // Written by the program alone while the thread was away.
  for (let n = 0; n < 20_000; n++) row();
  for (let n = 0; n < 200_000; n++) {
    const { waits, parts } = row();
    assert.ok(waits <= 1 && parts <= 1, `row ${n}: ${waits} waits, ${parts} parts`);
  }
  // It has caught up: from there on the program waits for it, and writes nothing.
  const before = { ...counts };
  for (let n = 0; n < 20_000; n++) row();
  assert.equal(counts.parts, before.parts);
  assert.ok(counts.waits > before.waits);
});

const dir = mkdtempSync(join(tmpdir(), "steelyard-ring-waits-"));
after(() => rmSync(dir, { recursive: true, force: true }));

test("the run's thread comes when 600 rows wait for it, before its clock says so", async (t) => {
  const run = await init({ project: "p", mode: "offline", dir, console: false, silent: true, id: "woken" });
  const log = join(run.dir, "..", "run-woken.wandb");
  while (run.step < 2000) {
    run.log({ n: run.step });
    await setTimeout(0);
  }
  const took: Record<"many" | "few", number[]> = { many: [], few: [] };
  for (let round = 0; round < 40; round++)
    for (const [which, rows] of [
      ["many", 600],
      ["few", 50],
    ] as const) {
      // Its clock stands anywhere then.
      await setTimeout(30 + ((round * 7) % 20));
      const { size } = statSync(log);
      const began = performance.now();
      for (let n = 0; n < rows; n++) run.log({ n, half: n / 2, third: n / 3, zero: 0, one: 1 });
      while (statSync(log).size === size) await setImmediate();
      took[which].push(performance.now() - began);
    }
  await run.finish();
  const [many = 0, few = 0] = [took.many, took.few].map((all) => all.sort((a, b) => a - b)[all.length >> 2]);
  t.diagnostic(`a quarter within ${many.toFixed(1)} ms, of 50 rows within ${few.toFixed(1)} ms`);
  // Where threads queue for the processor so long, neither says anything.
  if (few < 20) assert.ok(many < few, `${many} ms, and ${few} ms when it is not woken`);
});
