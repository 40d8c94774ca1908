import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import fc from "fast-check";
import { SteelyardError } from "../errors.ts";
import type { AppendBatch, MetricStore, Series, SeriesQuestion } from "./metric-store.ts";

export interface OpenedStore {
  store: MetricStore;
  /** Closes it (which seals what can be sealed) and opens it again on the same data. */
  reopen(): Promise<MetricStore>;
}

/** What every metric store must keep. Each case runs on fresh rows and again after reopening, sealed. */
export function testMetricStore(name: string, open: () => Promise<OpenedStore>): void {
  /** `ask` sees the store as written, then sealed and reopened: the answers must be the same. */
  async function twice(
    write: (store: MetricStore) => Promise<unknown>,
    ask: (store: MetricStore) => Promise<void>,
  ): Promise<void> {
    const { store, reopen } = await open();
    await write(store);
    await ask(store);
    const again = await reopen();
    await ask(again);
    await again.close();
  }

  test(`${name}: every kind of value comes back as logged, in its order of keys`, async () => {
    const lines = [
      '{"_step":0,"loss":0.1,"a":{"b":1,"c":{"d":"x"}},"z":-0,"n":NaN,"p":Infinity,"m":-Infinity}',
      '{"z":1,"_step":1,"s":"NaN \\"quoted\\" 한글 🚀","t":true,"u":null,"l":[1,NaN,{"k":[]}],"e":{},"E":[]}',
      '{"_step":2,"img":{"_type":"image-file","path":"media/a.png","size":123,"nested":{"x":1}}}',
      '{"_step":3,"big":9007199254740993,"small":5e-324,"huge":1.7976931348623157e308}',
      '{"_step":4,"list":[9007199254740993]}',
      '{"_step":5,"a.b":1,"a":{"b":2},"":3,"__proto__":4,"1":5,"with\\nline":6}',
      '{"_step":6}',
      '{"_step":7,"deep":{"a":{"b":{"c":{"d":{}}}}},"text":""}',
    ];
    await twice(
      (store) => store.append([history(lines)]),
      async (store) => {
        const read = await store.rows({ run: 1, stream: "history" });
        assert.equal(read.length, lines.length);
        for (const [i, line] of lines.entries()) assertSameRow(read[i], line);
        assert.equal(read[0], lines[0]);
        assert.deepEqual(await store.tail(1, "history", 2), read.slice(-2));
        assert.equal(await store.lastStep(1), 7);
      },
    );
  });

  test(`${name}: any rows come back exactly`, async () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.double(),
        fc.maxSafeInteger(),
        fc.string({ unit: "grapheme" }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("any")),
        fc.dictionary(fc.string(), tie("any"), { noNullPrototype: true }),
      ),
    })).any;
    const row = fc
      .dictionary(fc.oneof(fc.constantFrom("a", "b", "c"), fc.string()), value, { noNullPrototype: true })
      .filter((made) => !("_step" in made));
    const { store, reopen } = await open();
    let run = 1;
    const written = new Map<number, string[]>();
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const lines = rows.map((made, i) => stringifyExtendedJson({ _step: i, ...made }));
        written.set(++run, lines);
        await store.append([{ ...history(lines), run }]);
        const read = await store.rows({ run, stream: "history" });
        assert.equal(read.length, lines.length);
        for (const [i, line] of lines.entries()) assertSameRow(read[i], line);
      }),
      { numRuns: 60 },
    );
    const again = await reopen();
    for (const [of, lines] of written) {
      const read = await again.rows({ run: of, stream: "history" });
      assert.equal(read.length, lines.length);
      for (const [i, line] of lines.entries()) assertSameRow(read[i], line);
    }
    await again.close();
  });

  test(`${name}: a line that is no JSON object is refused by itself`, async () => {
    await twice(
      async (store) => {
        const lines = ['{"_step":0,"a":1}', "[1]", "{broken", "7", "null", '{"_step":1,"a":2}', ""];
        const [result] = await store.append([history(lines)]);
        assert.equal(result?.lineCount, 6);
        assert.deepEqual(
          result?.rejected.map(({ line }) => line),
          [1, 2, 3, 4, 6],
        );
        const [none] = await store.append([history(["nope"], 6)]);
        assert.equal(none?.lineCount, 6);
      },
      async (store) => assert.equal((await store.rows({ run: 1, stream: "history" })).length, 2),
    );
  });

  test(`${name}: a line sent again is stored once; other content replaces it, sealed or not`, async () => {
    const { store, reopen } = await open();
    const lines = steps(0, 300, (i) => ({ a: i }));
    const again = async (of: MetricStore, batch: string[], offset: number) =>
      (await of.append([history(batch, offset)]))[0]?.again;
    assert.equal(await again(store, lines, 0), 0);
    assert.equal(await again(store, lines, 0), 300);
    assert.equal(await again(store, lines.slice(100, 200), 100), 100);
    assert.deepEqual(await store.rows({ run: 1, stream: "history" }), lines);
    const sealed = await reopen();
    assert.equal(await again(sealed, lines.slice(290), 290), 10);
    assert.deepEqual(await sealed.rows({ run: 1, stream: "history" }), lines);
    const other = steps(150, 160, (i) => ({ b: -i }));
    const [result] = await sealed.append([history(other, 150)]);
    assert.equal(result?.lineCount, 300);
    const expected = lines.toSpliced(150, 10, ...other);
    assert.deepEqual(await sealed.rows({ run: 1, stream: "history" }), expected);
    const [a] = await sealed.series(question({ keys: ["a"] }));
    assert.equal(a?.points, 290);
    const info = (await sealed.keys(1, "history")).find(({ key }) => key === "a");
    assert.equal(info?.count, 290);
    await sealed.close();
  });

  test(`${name}: gaps in lines, rows without a step, steps that come twice or go back`, async () => {
    await twice(
      async (store) => {
        await store.append([history(['{"a":1}', '{"a":2}'])]);
        await store.append([history(['{"a":3,"_step":10}'], 5)]);
        await store.append([history(['{"a":4}', '{"a":5,"_step":10}', '{"a":6,"_step":3}'], 6)]);
        // A retry of lines that were numbered here keeps their numbers.
        await store.append([history(['{"a":2}'], 1), history(['{"a":4}'], 6)]);
      },
      async (store) => {
        assert.deepEqual(await store.rows({ run: 1, stream: "history" }), [
          '{"a":1,"_step":0}',
          '{"a":2,"_step":1}',
          '{"a":6,"_step":3}',
          '{"a":3,"_step":10}',
          '{"a":5,"_step":10}',
          '{"a":4,"_step":11}',
        ]);
        assert.deepEqual(await store.lineCounts(1), { history: 9, events: 0, console: 0 });
        assert.equal(await store.lastStep(1), 11);
        const [series] = await store.series(question({ keys: ["a"] }));
        assert.deepEqual([...(series?.xFirst ?? [])], [0, 1, 3, 10, 10, 11]);
        assert.deepEqual([...(series?.min ?? [])], [1, 2, 6, 3, 5, 4]);
      },
    );
  });

  test(`${name}: writers of one run number their lines apart and share the steps`, async () => {
    await twice(
      async (store) => {
        for (let i = 0; i < 10; i++) {
          await store.append([
            { ...history([`{"a":${i}}`], i), writer: "one" },
            { ...history([`{"b":${i}}`], i), writer: "two" },
          ]);
        }
        await store.append([{ ...history(['{"b":3}'], 3), writer: "two" }]);
      },
      async (store) => {
        const rows = await store.rows({ run: 1, stream: "history" });
        const expected = Array.from(
          { length: 20 },
          (_, i) => `{"${i % 2 ? "b" : "a"}":${i >> 1},"_step":${i}}`,
        );
        assert.deepEqual(rows, expected);
        assert.deepEqual((await store.lineCounts(1)).history, 10);
      },
    );
  });

  test(`${name}: rows by range, keys, samples and page`, async () => {
    const lines = steps(0, 1000, (i) => (i % 10 === 0 ? { a: i, g: { v: -i } } : { a: i }));
    await twice(
      (store) => store.append([history(lines.slice(0, 700)), history(lines.slice(700), 700)]),
      async (store) => {
        const rows = (more: object) => store.rows({ run: 1, stream: "history", ...more });
        assert.deepEqual(await rows({ minStep: 695, maxStep: 705 }), lines.slice(695, 705));
        assert.deepEqual(await rows({ minStep: 990, limit: 3 }), lines.slice(990, 993));
        assert.deepEqual(await rows({ keys: ["_step", "g.v"], maxStep: 30 }), [
          '{"_step":0,"g.v":-0}',
          '{"_step":10,"g.v":-10}',
          '{"_step":20,"g.v":-20}',
        ]);
        const sampled = await rows({ samples: 11 });
        assert.equal(sampled.length, 11);
        assert.equal(sampled[0], lines[0]);
        assert.equal(sampled[10], lines[999]);
        assert.deepEqual(await rows({ keys: ["absent"] }), []);
        assert.deepEqual(await store.rows({ run: 9, stream: "history" }), []);
      },
    );
  });

  test(`${name}: series: exact when few, buckets that never lie when many`, async () => {
    const count = 20_000;
    const value = (i: number) => (i % 500 === 7 ? Number.NaN : Math.sin(i / 300) + (i === 12_345 ? 50 : 0));
    const lines = steps(0, count, (i) => ({
      v: value(i),
      sparse: i % 97 === 0 ? i : undefined,
      _runtime: i * 0.25,
      _timestamp: 1_700_000_000 + i * 0.25,
      epoch: Math.floor(i / 100),
    }));
    await twice(
      async (store) => {
        for (let at = 0; at < count; at += 2500) {
          await store.append([history(lines.slice(at, at + 2500), at)]);
        }
      },
      async (store) => {
        for (const x of [
          { kind: "step", of: (i: number) => i },
          { kind: "relative", of: (i: number) => i * 0.25 },
          { kind: "wall", of: (i: number) => 1_700_000_000 + i * 0.25 },
        ] as const) {
          for (const [from, to, buckets] of [
            [0, count - 1, 100],
            [0, count - 1, 4000],
            [100, 15_001, 50],
            [12_340, 12_350, 100],
            [777, 777, 5],
          ] as const) {
            const [series] = await store.series(
              question({ keys: ["v"], x: { kind: x.kind }, min: x.of(from), max: x.of(to), buckets }),
            );
            assert.ok(series);
            const label = `${x.kind} ${from} to ${to} in ${buckets}`;
            assert.equal(series.points, to - from + 1, label);
            assert.equal(series.exact, to - from + 1 <= buckets, label);
            assert.ok(series.xFirst.length <= buckets, label);
            checkBuckets(series, value, (at) => Math.round((at - x.of(0)) / (x.of(1) - x.of(0))), label);
          }
        }
        const [whole] = await store.series(question({ keys: ["v"], buckets: 30 }));
        assert.ok(Math.max(...(whole?.max ?? [])) > 49, "the spike shows");
        const [sparse] = await store.series(question({ keys: ["sparse"], buckets: 500 }));
        assert.equal(sparse?.exact, true);
        assert.equal(sparse?.points, Math.ceil(count / 97));
        const [byKey] = await store.series(
          question({ keys: ["v"], x: { kind: "key", key: "epoch" }, buckets: 20 }),
        );
        assert.equal(byKey?.points, count);
        assert.equal(byKey?.xLast.at(-1), 199);
        assert.deepEqual(await store.series(question({ keys: ["absent"] })), []);
      },
    );
  });

  test(`${name}: all runs of a chart are counted into the same buckets: equal curves give equal lines`, async () => {
    const count = 12_000;
    const lines = (rows: number) =>
      steps(0, rows, (i) => ({ v: Math.sin(i / 50), late: i < 9000 ? undefined : i, _runtime: i / 4 }));
    await twice(
      async (store) => {
        for (const [run, rows] of [
          [1, count / 2],
          [2, count],
        ] as const)
          for (let at = 0; at < rows; at += 2000)
            await store.append([{ ...history(lines(rows).slice(at, Math.min(rows, at + 2000)), at), run }]);
      },
      async (store) => {
        for (const x of [{ kind: "step" }, { kind: "relative" }] as const) {
          const ask = async (buckets: number) =>
            (await store.series(question({ runs: [1, 2], keys: ["v"], x, buckets }))) as [Series, Series];
          const [half, whole] = await ask(1000);
          const shared = half.xLast.length - 1;
          assert.ok(Math.abs(shared - 500) < 3, `${shared} of 1000 buckets`);
          for (const column of ["xLast", "last", "min", "max"] as const)
            assert.deepEqual(half[column].slice(0, shared), whole[column].slice(0, shared), column);
          // Of many points an engine may keep groups; their edges may lie a little apart.
          const [few, all] = await ask(100);
          for (let at = 0; at < 49; at++) {
            const apart = (few.xLast[at] ?? 0) - (all.xLast[at] ?? Number.NaN);
            assert.ok(Math.abs(apart) < 64, `bucket ${at} is ${apart} apart`);
          }
        }
        // A key that came late has its buckets where it is.
        const [late] = await store.series(question({ runs: [2], keys: ["late"], buckets: 500 }));
        assert.ok((late?.xLast.length ?? 0) > 490, `${late?.xLast.length} buckets`);
      },
    );
  });

  test(`${name}: 41: an hour of pause is in the time since the start, and not in the time that processes ran`, async () => {
    const count = 12_000;
    const startS = 1_700_000_000;
    const runtime = (i: number) => 0.5 + i * 0.25;
    const since = (i: number) => runtime(i) + (i < count / 2 ? 0 : 3600);
    const lines = steps(0, count, (i) => ({
      v: i,
      // A first row without a clock does not hide the start.
      ...(i === 0 ? {} : { _runtime: runtime(i), _timestamp: startS + since(i) }),
    }));
    await twice(
      async (store) => {
        for (let at = 0; at < count; at += 3000)
          await store.append([history(lines.slice(at, at + 3000), at)]);
        await store.append([{ ...history(['{"_step":0,"v":1}']), run: 2 }]);
      },
      async (store) => {
        const ask = async (kind: "relative" | "relative-wall", more: Partial<SeriesQuestion>) =>
          (await store.series(question({ runs: [1, 2], keys: ["v"], x: { kind }, ...more }))) as [
            Series,
            Series?,
          ];
        for (const buckets of [50, 1000]) {
          const [process] = await ask("relative", { buckets });
          const [wall, none] = await ask("relative-wall", { buckets });
          assert.equal(none, undefined, "a run without a clock has no place on the axis");
          assert.equal(wall.points, count - 1);
          assert.ok(Math.abs((wall.xLast.at(-1) ?? 0) - (process.xLast.at(-1) ?? 0) - 3600) < 1e-3);
          assert.ok(Math.abs((wall.xFirst[0] ?? 0) - runtime(1)) < 1e-3, "it began before its first row");
        }
        const [zoomed] = await ask("relative-wall", {
          buckets: 100,
          min: since(7000),
          max: since(7009) + 0.1,
        });
        assert.deepEqual(
          [zoomed.exact, [...zoomed.last]],
          [true, Array.from({ length: 10 }, (_, i) => 7000 + i)],
        );
      },
    );
  });

  test(`${name}: the catalogue of keys`, async () => {
    const lines = [
      '{"_step":0,"up":1,"mix":1,"img":{"_type":"image-file","size":1},"g":{"a":NaN}}',
      '{"_step":1,"up":2,"mix":"x","down":5,"l":[1],"n":null,"t":true}',
      '{"_step":2,"up":2,"down":4,"e":{},"g":{"a":Infinity}}',
    ];
    await twice(
      (store) => store.append([history(lines)]),
      async (store) => {
        const keys = new Map((await store.keys(1, "history")).map((info) => [info.key, info]));
        assert.deepEqual(keys.get("up"), {
          key: "up",
          types: { number: 3 },
          count: 3,
          min: 1,
          max: 2,
          last: 2,
          lastStep: 2,
          monotonic: true,
        });
        assert.equal(keys.get("down")?.monotonic, false);
        assert.deepEqual(keys.get("mix")?.types, { number: 1, string: 1 });
        assert.equal(keys.get("mix")?.last, "x");
        assert.deepEqual(keys.get("img")?.types, { "image-file": 1 });
        assert.deepEqual(keys.get("l")?.types, { list: 1 });
        assert.deepEqual(keys.get("n")?.types, { null: 1 });
        assert.deepEqual(keys.get("t")?.types, { boolean: 1 });
        assert.deepEqual(keys.get("e")?.types, { map: 1 });
        assert.equal(keys.get("g.a")?.count, 2);
        assert.equal(keys.get("g.a")?.min, undefined);
        assert.equal(keys.get("g.a")?.last, Number.POSITIVE_INFINITY);
        assert.deepEqual(await store.keyNames([1, 2], "history"), ["_step", "down", "g.a", "mix", "up"]);
      },
    );
  });

  test(`${name}: a long console is searched to its end`, async () => {
    await twice(
      async (store) => {
        for (let at = 0; at < 130_000; at += 10_000) {
          await store.append([
            console(
              Array.from({ length: 10_000 }, (_, i) => `line ${at + i}`),
              at,
            ),
          ]);
        }
        await store.append([console(["line 120000 again"], 7)]);
      },
      async (store) => {
        assert.deepEqual(await store.searchConsole(1, "120000", 0, 10), [7, 120_000]);
        assert.deepEqual(await store.searchConsole(1, "120000", 8, 10), [120_000]);
        assert.equal((await store.searchConsole(1, "LINE", 0, 70_000)).length, 70_000);
        assert.deepEqual(await store.searchConsole(1, "line 129999", 129_999, 10), [129_999]);
        assert.deepEqual(await store.searchConsole(1, "line", 130_000, 10), []);
      },
    );
  });

  test(`${name}: console lines by number, rewritten, by page and by search`, async () => {
    await twice(
      async (store) => {
        await store.append([console(Array.from({ length: 5000 }, (_, i) => `line ${i}`))]);
        await store.append([console(["progress 1 %"], 5000)]);
        await store.append([console(["progress 2 %", "Done ✓ ERROR {not json"], 5000)]);
        await store.append([console(["rewritten"], 10)]);
      },
      async (store) => {
        assert.deepEqual(await store.consoleLines(1, 9, 3), [
          { number: 9, writer: "", text: "line 9" },
          { number: 10, writer: "", text: "rewritten" },
          { number: 11, writer: "", text: "line 11" },
        ]);
        const end = await store.consoleLines(1, 4999, 100);
        assert.deepEqual(
          end.map(({ text }) => text),
          ["line 4999", "progress 2 %", "Done ✓ ERROR {not json"],
        );
        assert.deepEqual(await store.searchConsole(1, "PROGRESS", 0, 10), [5000]);
        assert.deepEqual(await store.searchConsole(1, "line 49", 0, 3), [49, 490, 491]);
        assert.deepEqual(await store.tail(1, "console", 1), ["Done ✓ ERROR {not json"]);
        assert.equal((await store.lineCounts(1)).console, 5002);
      },
    );
  });

  test(`${name}: console lines of several writers, each with numbers of its own, by page`, async () => {
    await twice(
      async (store) => {
        await store.append([{ ...console(["a0", "a1", "a2"]), writer: "a" }]);
        await store.append([{ ...console(["b0", "b1"]), writer: "b" }]);
      },
      async (store) => {
        const texts = async (from: number, limit: number) =>
          (await store.consoleLines(1, from, limit)).map(({ text }) => text);
        assert.deepEqual(await texts(0, 1), ["a0", "b0"]);
        assert.deepEqual(await texts(1, 2), ["a1", "b1", "a2"]);
        assert.deepEqual(await texts(0, 3), ["a0", "b0", "a1", "b1", "a2"]);
        assert.deepEqual(await texts(0, 0), []);
      },
    );
  });

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

  test(`${name}: 10,000 keys in a row, 10 MB in a line, an empty row, system metrics`, async () => {
    const wide = JSON.stringify(
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i / 7])),
    );
    const long = JSON.stringify({ _step: 1, text: "é\n".repeat(3_300_000) });
    const events = ['{"_wandb":true,"_timestamp":1.5,"_runtime":0.5,"system.cpu":10}'];
    await twice(
      (store) =>
        store.append([
          history([wide, long, "{}", wide]),
          { run: 1, stream: "events", writer: "", offset: 0, lines: events },
        ]),
      async (store) => {
        const rows = await store.rows({ run: 1, stream: "history" });
        assert.deepEqual(JSON.parse(rows[0] ?? ""), { ...JSON.parse(wide), _step: 0 });
        assert.equal(rows[1], long);
        assert.equal(rows[2], '{"_step":2}');
        assert.equal((await store.series(question({ keys: ["k9999"] })))[0]?.points, 2);
        assert.deepEqual(await store.rows({ run: 1, stream: "events" }), events);
        const asked = {
          ...question({ keys: ["system.cpu"], x: { kind: "wall" } }),
          stream: "events" as const,
        };
        assert.deepEqual([...((await store.series(asked))[0]?.xFirst ?? [])], [1.5]);
      },
    );
  });

  test(`${name}: many appends at once all count`, async () => {
    await twice(
      async (store) => {
        const results = await Promise.all(
          Array.from({ length: 200 }, (_, i) =>
            store.append([
              { ...history(steps(0, 20, (step) => ({ a: step * i }))), run: (i % 50) + 1, writer: `${i}` },
            ]),
          ),
        );
        assert.ok(results.every(([result]) => result?.lineCount === 20));
      },
      async (store) => {
        const series = await store.series(
          question({ runs: Array.from({ length: 50 }, (_, i) => i + 1), keys: ["a"] }),
        );
        assert.equal(series.length, 50);
        assert.ok(series.every(({ points }) => points === 80));
      },
    );
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

  test(`${name}: an offset that is none is refused, a run cannot be forked from itself`, async () => {
    const { store } = await open();
    for (const offset of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(store.append([history(["{}"], offset)]), { code: "bad-request" });
    }
    await assert.rejects(
      store.fork(1, 1, 5),
      (cause: unknown) => cause instanceof SteelyardError && cause.code === "bad-request",
    );
    await store.close();
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

function history(lines: string[], offset = 0): AppendBatch {
  return { run: 1, stream: "history", writer: "", offset, lines };
}

function console(lines: string[], offset = 0): AppendBatch {
  return { run: 1, stream: "console", writer: "", offset, lines };
}

function steps(from: number, to: number, row: (step: number) => object): string[] {
  const lines: string[] = [];
  for (let step = from; step < to; step++) lines.push(stringifyExtendedJson({ _step: step, ...row(step) }));
  return lines;
}

function question(asked: Partial<SeriesQuestion>): SeriesQuestion {
  return { runs: [1], keys: [], stream: "history", x: { kind: "step" }, buckets: 1000, ...asked };
}

export function assertSameRow(read: string | undefined, written: string): void {
  // Not deepEqual of the parsed alone: integers beyond 2^53 must keep their digits.
  if (read !== written) assert.deepEqual(parseExtendedJson(read ?? ""), parseExtendedJson(written));
  assert.deepEqual(longIntegers(read ?? ""), longIntegers(written));
}

function longIntegers(text: string): string[] {
  return (text.match(/(?<![\d.])\d{16,}/g) ?? []).sort();
}

/** Each bucket says of the points between its first and last x exactly what they are. */
function checkBuckets(
  series: Series,
  value: (i: number) => number,
  indexOf: (x: number) => number,
  label: string,
): void {
  for (let at = 0; at < series.xFirst.length; at++) {
    const where = `${label}, bucket ${at}`;
    const from = indexOf(series.xFirst[at] ?? 0);
    const to = indexOf(series.xLast[at] ?? 0);
    const all = Array.from({ length: to - from + 1 }, (_, i) => value(from + i));
    const finite = all.filter(Number.isFinite);
    assert.equal(series.count[at], finite.length, where);
    assert.equal(series.nonFinite[at], all.length - finite.length, where);
    if (finite.length === 0) {
      assert.ok(Number.isNaN(series.mean[at]), where);
      continue;
    }
    assert.equal(series.min[at], Math.min(...finite), where);
    assert.equal(series.max[at], Math.max(...finite), where);
    assert.equal(series.first[at], finite[0], where);
    assert.equal(series.last[at], finite.at(-1), where);
    const mean = finite.reduce((sum, one) => sum + one, 0) / finite.length;
    assert.ok(Math.abs((series.mean[at] ?? 0) - mean) <= 1e-9 * (1 + Math.abs(mean)), where);
  }
}
