import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MetricStore } from "../metric-store.ts";
import { console, history, type Open, question, steps } from "./opened-store.contract.ts";

/** Histories that are cut, inherited and deleted. */
export function testBranches(name: string, open: Open): void {
  test(`${name}: rewind cuts, fork inherits, deletion leaves the others`, async () => {
    const lines = steps(0, 5000, (i) => ({ a: i }));
    const { store, reopen } = await open();
    for (let at = 0; at < 5000; at += 1000) await store.append([history(lines.slice(at, at + 1000), at)]);
    await store.fork(1, 2, 2499);
    const sealed = await reopen();
    await sealed.fork(1, 3, 100);
    await sealed.fork(1, 3, 99);
    assert.deepEqual(await sealed.rows({ run: 2, stream: "history" }), lines.slice(0, 2500));
    assert.deepEqual(await sealed.rows({ run: 3, stream: "history" }), lines.slice(0, 100));
    assert.equal((await sealed.lineCounts(3)).history, 0);
    assert.equal(await sealed.lastStep(3), 99);
    const own = steps(100, 110, (i) => ({ a: -i }));
    await sealed.append([{ ...history(own), run: 3 }]);
    assert.deepEqual(await sealed.tail(3, "history", 11), [lines[99], ...own]);
    assert.equal((await sealed.series(question({ runs: [3], keys: ["a"] })))[0]?.points, 110);
    assert.equal(await sealed.rewind(1, 1234), 1235);
    assert.deepEqual(await sealed.rows({ run: 1, stream: "history" }), lines.slice(0, 1235));
    assert.equal(await sealed.lastStep(1), 1234);
    const [after] = await sealed.append([history(['{"_step":1235,"a":0}'], 1235)]);
    assert.equal(after?.lineCount, 1236);
    await sealed.append([console(["x"])]);
    await sealed.deleteRun(1);
    await sealed.deleteRun(1);
    assert.deepEqual(await sealed.rows({ run: 1, stream: "history" }), []);
    assert.deepEqual(await sealed.lineCounts(1), { history: 0, events: 0, console: 0 });
    assert.equal((await sealed.rows({ run: 2, stream: "history" })).length, 2500);
    assert.equal(await sealed.lastStep(1), -1);
    await sealed.close();
  });

  test(`${name}: a run deleted under the hands of those who write and read it is gone, and others are whole`, async () => {
    const { store } = await open();
    const rowOf = (line: number) => `{"_step":${line},"a":${line}}`;
    const linesFrom = (from: number) => Array.from({ length: 50 }, (_, i) => rowOf(from + i));
    const writing = { ended: false };
    async function write(run: number): Promise<void> {
      for (let at = 0; at < 3000; at += 50) await store.append([{ ...history(linesFrom(at), at), run }]);
    }
    async function read(): Promise<void> {
      while (!writing.ended) {
        const rows = await store.rows({ run: 1, stream: "history" });
        const from = rows[0] === undefined ? 0 : (JSON.parse(rows[0]) as { a: number }).a;
        assert.deepEqual(
          rows,
          rows.map((_, i) => rowOf(from + i)),
        );
        await store.series(question({ runs: [1, 2], keys: ["a"] }));
        await store.keys(1, "history");
      }
    }
    async function remove(): Promise<void> {
      while (!writing.ended) await store.deleteRun(1);
    }
    const written = Promise.all([write(1), write(2)]).finally(() => {
      writing.ended = true;
    });
    await Promise.all([written, read(), remove()]);
    await store.deleteRun(1);
    assert.deepEqual(await store.rows({ run: 1, stream: "history" }), []);
    assert.deepEqual(await store.keys(1, "history"), []);
    assert.equal((await store.rows({ run: 2, stream: "history" })).length, 3000);
    await store.deleteRun(2);
    const { journalRows, sealedChunks } = await store.stats();
    assert.equal(journalRows + sealedChunks, 0);
    await store.close();
  });

  test(`${name}: whatever is sent in whatever order, the rows are those of a plain table`, async () => {
    const { store: opened, reopen } = await open();
    let store = opened;
    let run = 100;
    const operation = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("append"),
          at: fc.nat(400),
          rows: fc.integer({ min: 1, max: 200 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("rewind"), at: fc.nat(500), rows: fc.constant(0) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fork"), at: fc.nat(500), rows: fc.constant(0) }) },
    );
    const checks: (() => Promise<void>)[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
        const own = ++run;
        const table = new Map<number, string>();
        for (const [salt, { do: what, at, rows }] of operations.entries()) {
          if (what === "append") {
            const lines = steps(at, at + rows, (step) => ({ a: step * salt, [`k${step % 3}`]: `${salt}` }));
            await store.append([{ ...history(lines, at), run: own }]);
            for (const [i, line] of lines.entries()) table.set(at + i, line);
          } else if (what === "rewind") {
            const left = await store.rewind(own, at);
            for (const line of table.keys()) if (line > at) table.delete(line);
            assert.equal(left, Math.max(-1, ...table.keys()) + 1);
          } else {
            const child = ++run;
            await store.fork(own, child, at);
            const expected = [...table].filter(([line]) => line <= at);
            checks.push(() => sameAs(store, child, new Map(expected)));
          }
        }
        await sameAs(store, own, table);
        checks.push(() => sameAs(store, own, table));
      }),
      {
        numRuns: 25,
        // Found once: a rewind to before rows that had all been replaced already.
        examples: [
          [
            [
              { do: "append", at: 0, rows: 2 },
              { do: "append", at: 1, rows: 1 },
              { do: "rewind", at: 0, rows: 0 },
            ],
          ],
        ],
      },
    );
    const again = await reopen();
    store = again;
    for (const check of checks) await check();
    await again.close();
  });
}

/** Lines of which number n holds step n. */
async function sameAs(store: MetricStore, run: number, table: ReadonlyMap<number, string>): Promise<void> {
  const lines = [...table].sort(([a], [b]) => a - b).map(([, line]) => line);
  assert.deepEqual(await store.rows({ run, stream: "history" }), lines);
  const [series] = await store.series(question({ runs: [run], keys: ["a"], buckets: 4000 }));
  assert.equal(series?.points ?? 0, lines.length);
  const info = (await store.keys(run, "history")).find(({ key }) => key === "a");
  assert.equal(info?.count ?? 0, lines.length);
  assert.equal(await store.lastStep(run), Math.max(-1, ...table.keys()));
  for (const n of [0, 1, 150])
    assert.deepEqual(await store.tail(run, "history", n), n ? lines.slice(-n) : []);
}
