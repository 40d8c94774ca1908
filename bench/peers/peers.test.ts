import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { compareAll, inWords } from "./faithful.ts";
import { growthText, slopeOf } from "./growth.ts";
import { lossesText } from "./losses.ts";
import { openLossyProxy } from "./lossy-proxy.ts";
import { makePool, spikeOf, type Tally } from "./workload.ts";

test("the rows are the same each time, have the shares of kinds that are promised, and their file says what is expected", () => {
  const [one, two] = [makePool(10, 1000), makePool(10, 1000)];
  const text = readFileSync(one.path, "utf8");
  assert.equal(text, readFileSync(two.path, "utf8"));
  const rows = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line.replaceAll("NaN", "null")) as Record<string, number | null>);
  assert.equal(rows.length, 1000);
  const float32 = one.keys.filter((key) =>
    rows.every((row) => Math.fround(row[key] ?? 0) === (row[key] ?? 0)),
  );
  assert.deepEqual(
    float32,
    one.keys.filter((_, at) => at !== 7 && at !== 8),
  );
  const [count, sum, nans, , max, last] = one.expected(1000, spikeOf(1000)).get("metric_0") as Tally;
  const values = rows.map((row) => row.metric_0).filter((value) => value !== null && value !== undefined);
  assert.equal(count, 1000);
  assert.equal(nans, 1000 - values.length);
  assert.equal(max, 1000, "the spike is there");
  assert.equal(last, 999);
  const without = rows[spikeOf(1000)]?.metric_0 ?? 0;
  assert.ok(Math.abs(sum - (values.reduce((total, value) => total + value, 0) - without + 1000)) < 1e-9);
  one.remove();
  two.remove();
});

test("what was lost, doubled, changed or rounded is told apart", () => {
  const pool = makePool(2, 100);
  const whole = Object.fromEntries(pool.expected(100, 50));
  const read = (change: (tally: Tally) => Tally) => ({
    a: { ...whole, metric_1: change([...(whole.metric_1 as Tally)]) },
  });
  const words = (change: (tally: Tally) => Tally) =>
    inWords(compareAll(pool, ["a"], [100], 50, read(change)));
  assert.equal(
    words((tally) => tally),
    "all",
  );
  assert.equal(
    words(([count, ...rest]) => [count - 3, ...rest]),
    "**3 lost**",
  );
  assert.equal(
    words(([count, ...rest]) => [count + 1000, ...rest]),
    "**1,000 doubled**",
  );
  assert.equal(
    words(([count, sum, ...rest]) => [count, sum + 1, ...rest]),
    "**1 keys changed**",
  );
  assert.equal(
    words(([count, sum, nans, min, max, last]) => [count, sum, nans, min, max * (1 + 3e-8), last]),
    "all, as float32",
  );
  assert.equal(inWords(compareAll(pool, ["a", "b"], [100, 100], 50, { a: whole })), "**200 lost**");
  pool.remove();
});

test("growth is the exponent of size", () => {
  assert.ok(
    Math.abs(
      slopeOf([
        [1, 5],
        [10, 50],
        [100, 500],
      ]) - 1,
    ) < 1e-12,
  );
  assert.ok(
    Math.abs(
      slopeOf([
        [1, 5],
        [10, 5],
        [100, Number.NaN],
      ]),
    ) < 1e-12,
  );
  assert.equal(growthText(0), "× 1.0 at 10 × the size (slope 0.00)");
  assert.equal(growthText(slopeOf([[1, 5]])), "–");
});

test("where others are better is said, with by how much", () => {
  const values = new Map([
    ["Steelyard, wire", 10],
    ["Steelyard, SDK", 5],
    ["A", 2.5],
    ["B", 50],
  ]);
  const text = lossesText([{ measure: "ms", values, remedy: "less" }]);
  assert.ok(text.includes("- ms: better are A (2 ×). What would win it: less."));
  const rows = lossesText([{ measure: "rows/s", moreIsBetter: true, values, remedy: "more" }]);
  assert.ok(rows.includes("better are B (5 ×)") && !rows.includes("A ("));
  assert.match(lossesText([{ measure: "ms", values: new Map([["Steelyard", 1]]), remedy: "" }]), /^Nothing/);
});

test("the lossy network passes everything on, and loses every second answer to rows after the server gave it", async () => {
  const had: string[] = [];
  const server = createServer((asked, answer) => {
    had.push(asked.url ?? "");
    answer.end("taken");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await openLossyProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 2);
  const ask = (path: string) =>
    fetch(proxy.url + path, { method: "POST", body: "{}" }).then(
      (answer) => answer.text(),
      () => "lost",
    );
  assert.equal(await ask("/a/file_stream"), "taken");
  assert.equal(await ask("/graphql"), "taken");
  assert.equal(await ask("/b/file_stream"), "lost");
  assert.deepEqual(had, ["/a/file_stream", "/graphql", "/b/file_stream"]);
  assert.deepEqual(proxy.counts(), { requests: 2, lost: 1 });
  proxy.close();
  server.close();
});
