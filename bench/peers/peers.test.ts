import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Answers } from "./answers.ts";
import { compareAll, inWords } from "./faithful.ts";
import { growthText, slopeOf } from "./growth.ts";
import { lossesText } from "./losses.ts";
import { openLossyProxy } from "./lossy-proxy.ts";
import { failureOf } from "./opening.ts";
import { type PeerSystem, SYSTEMS } from "./systems.ts";
import { Worker } from "./worker.ts";
import { makePool, spikeOf, type Tally } from "./workload.ts";

const WORKERS = new URL("workers/", import.meta.url).pathname;
const python = spawnSync("python3", ["--version"]).status === 0;

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

test("a system is not asked what sizes before say takes too long, and its reasons stand in the table", async () => {
  const asked: object[] = [];
  const slow = {
    call: async (_: string, given: object) => {
      asked.push(given);
      return { ms: [9000] };
    },
  } as unknown as Worker;
  const answers = new Answers([{ name: "A" } as PeerSystem], [10, 100, 1000], "runs");
  answers.note("A", "sort", 10, failureOf(new Error("NotThere: it sorts by itself")));
  for (const size of [10, 100]) await answers.ask(slow, "A", "table", size, { times: 3 });
  assert.deepEqual(asked, [{ question: "table", times: 3 }], "ten times nine seconds is too long");
  answers.note("A", "table", 1000, failureOf(new Error("TooLong: filling would take about 7 min")));
  assert.deepEqual(answers.table("table", "").rows, [
    ["A", "9 k", "would take about 90 s", "filling would take about 7 min", "–"],
  ]);
  assert.equal(answers.get("A", "sort", 10), "none: it sorts by itself");
  assert.equal(failureOf(new Error("ValueError: no signal\nat line 3")), "fails: ValueError: no signal");
  assert.equal(failureOf(new Error("Fails: 0 of 3 files are kept")), "fails: 0 of 3 files are kept");
  await answers.ask(slow, "A", "screen", 10, {}, 61_000);
  assert.equal(answers.get("A", "screen", 10), "would take about 61 s", "as one who knows expects");
  const late = { call: () => Promise.reject(new Error("> 240 s")) } as unknown as Worker;
  await assert.rejects(answers.ask(late, "A", "filter", 10), /> 240 s/, "it is still at it");
});

test("filling is left as soon as its pace says that it would take too long, and not before", {
  skip: !python,
}, () => {
  const script = `
import worker
now = 0
worker.time.perf_counter = lambda: now
def slices(total, size, seconds, cost, first=0):
    global now
    now, done = 0, 0
    try:
        for begin, end in worker.filling(total, size, seconds):
            done, now = end, now + (cost if begin else cost + first)
    except worker.TooLong as error:
        return f"{done}: {error}"
    return done
print(slices(100, 30, 60, 1), slices(100, 10, 60, 6), slices(1000, 10, 60, 2), slices(10, 10, 60, 999), slices(1000, 10, 60, 0.5, 5), sep="; ")`;
  const { stdout, stderr } = spawnSync("python3", ["-c", script], {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: WORKERS, PYTHONDONTWRITEBYTECODE: "1" },
  });
  assert.equal(stdout.trim(), "100; 100; 20: filling would take about 3 min; 10; 1000", stderr);
});

test("our own server answers the questions as the bench asks and reads them", { skip: !python }, async () => {
  const system = SYSTEMS.find(({ name }) => name === "Steelyard, wire");
  const pool = makePool(3, 2000);
  const env = { PYTHONPATH: WORKERS, PYTHONDONTWRITEBYTECODE: "1" };
  const worker = new Worker("python3", [`${WORKERS}steelyard.py`], env);
  try {
    await worker.call("start", { folder: worker.folder, ...system?.options });
    const runs = ["run-0", "run-1"];
    const spike = spikeOf(2000);
    await worker.call("fill", { pool: pool.path, runs, rows: 2000, spike });
    const ask = (question: string, given: object) =>
      worker.call<object>("ask", { question, times: 0, ...given });
    const seen = async (question: string, given: object) => {
      const { ms: _, ...rest } = (await ask(question, given)) as { ms: number[] };
      return rest;
    };
    assert.deepEqual(await seen("screen", { runs, keys: pool.keys, buckets: 100 }), {
      points: 600,
      spikes: 2,
    });
    assert.deepEqual(await seen("chart", { runs: runs.slice(1), key: "metric_0", buckets: 100 }), {
      points: 100,
      spikes: 1,
    });
    const window = { begin: spike - 9, end: spike + 10 };
    assert.deepEqual(await seen("zoom", { runs, key: "metric_0", buckets: 100, ...window }), {
      points: 40,
      spikes: 2,
    });
    assert.deepEqual(await seen("last", { runs }), { points: 2 });
    await ask("scan", { runs });
    await worker.call("fill_runs", { count: 20, seconds: 60 });
    for (const question of ["table", "sort"])
      assert.deepEqual(await seen(question, {}), { points: 22 }, question);
    await ask("filter", {});
  } finally {
    await worker.stop();
    pool.remove();
  }
});
