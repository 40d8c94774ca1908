import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import fc from "fast-check";
import { SteelyardError } from "../../errors.ts";
import type { MetricStore } from "../metric-store.ts";
import { history, type Open, question, steps, twice } from "./opened-store.contract.ts";

/** What goes in: lines of rows, in whatever form and order, each kept once. */
export function testLines(name: string, open: Open): void {
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
      open,
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
      open,
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
      open,
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
      open,
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

  test(`${name}: 10,000 keys in a row, 10 MB in a line, an empty row, system metrics`, async () => {
    const wide = JSON.stringify(
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i / 7])),
    );
    const long = JSON.stringify({ _step: 1, text: "é\n".repeat(3_300_000) });
    const events = ['{"_wandb":true,"_timestamp":1.5,"_runtime":0.5,"system.cpu":10}'];
    await twice(
      open,
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

  test(`${name}: a key of 50,000 characters whose values change their type is kept as it came`, async () => {
    const key = "키".repeat(50_000);
    const values = [
      "1",
      '"text"',
      "[2]",
      "null",
      '{"deeper":3}',
      "true",
      "4",
      '{"_type":"image-file"}',
      "5.5",
    ];
    const lines = values.map((value, step) => `{"_step":${step},"${key}":${value}}`);
    await twice(
      open,
      async (store) => {
        for (const [line, text] of lines.entries()) await store.append([history([text], line)]);
      },
      async (store) => {
        assert.deepEqual(await store.rows({ run: 1, stream: "history" }), lines);
        const [series] = await store.series(question({ keys: [key] }));
        assert.deepEqual([...(series?.last ?? [])], [1, 4, 5.5]);
        const found = (await store.keys(1, "history")).filter((info) => info.key !== "_step");
        assert.deepEqual(Object.fromEntries(found.map((info) => [info.key, info.types])), {
          [key]: { number: 3, string: 1, list: 1, null: 1, boolean: 1, "image-file": 1 },
          [`${key}.deeper`]: { number: 1 },
        });
      },
    );
  });

  test(`${name}: many appends at once all count`, async () => {
    await twice(
      open,
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

function assertSameRow(read: string | undefined, written: string): void {
  // Not deepEqual of the parsed alone: integers beyond 2^53 must keep their digits.
  if (read !== written) assert.deepEqual(parseExtendedJson(read ?? ""), parseExtendedJson(written));
  assert.deepEqual(longIntegers(read ?? ""), longIntegers(written));
}

function longIntegers(text: string): string[] {
  return (text.match(/(?<![\d.])\d{16,}/g) ?? []).sort();
}
