import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import type { MetricStore } from "../../ports/metric-store.ts";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-kill-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Minutes of kills; without it a few. */
const MINUTES = Number(process.env.STEELYARD_TEST_MINUTES ?? 0);
/** Runs that are only appended to; the one after them is rewound as well. */
const RUNS = 3;
const REWOUND = RUNS;
const BATCH = 100;

/**
 * The victim: appends to all runs at once as fast as it may, rewinds one now and then, and asks for rows and charts
 * meanwhile. It prints `try run lines` before each change and `done run lines` when that is acknowledged; `wrong …` when
 * an answer is not what it wrote. Lines are a function of their number, so everybody knows what each one must hold.
 */
const VICTIM = `
  import { writeSync } from "node:fs";
  const [url, path, ...starts] = process.argv.slice(1);
  const { openSegments } = await import(url);
  const store = await openSegments(path, { sealRows: 500 });
  const row = ${row.toString()};
  const counts = starts.map(Number);
  const say = (...words) => writeSync(1, words.join(" ") + "\\n");
  async function change(run, lines, work) {
    say("try", run, lines);
    await work();
    counts[run] = lines;
    say("done", run, lines);
  }
  async function write(run) {
    for (let turn = 1; ; turn++) {
      const at = counts[run];
      if (run === ${REWOUND} && turn % 7 === 0 && at > 150)
        await change(run, at - 150, () => store.rewind(run, at - 151));
      else
        await change(run, at + ${BATCH}, () => {
          const lines = Array.from({ length: ${BATCH} }, (_, i) => row(run, at + i));
          return store.append([{ run, stream: "history", writer: "", offset: at, lines }]);
        });
    }
  }
  async function read(run) {
    for (;;) {
      const least = counts[run];
      const [from, to] = [Math.floor(least / 3), Math.floor(least / 2)];
      const rows = await store.rows({ run, stream: "history", minStep: from, maxStep: to });
      if (rows.length !== to - from || rows.some((text, i) => text !== row(run, from + i)))
        say("wrong", run, "rows", from, to, rows.length);
      const asked = { runs: [run], keys: ["noise"], stream: "history", x: { kind: "step" }, max: least - 1, buckets: 20 };
      const [series] = await store.series(asked);
      if ((series?.points ?? 0) !== least) say("wrong", run, "points", least, series?.points);
    }
  }
  await Promise.all([...starts.map((_, run) => write(run)), read(0), read(1)]);`;

function row(run: number, line: number): string {
  return `{"_step":${line},"run":${run},"noise":${Math.sin(line * 12.9898 + run)},"text":"${line % 7}"}`;
}

test("segments: killed at any instant, nothing acknowledged is lost and nothing is doubled", async () => {
  const path = join(root, "metrics.db");
  const acknowledged: number[] = new Array(RUNS + 1).fill(0);
  const until = performance.now() + MINUTES * 60_000;
  const kills = [1, 40, 130, 75, 200];
  for (let turn = 0; turn < kills.length || performance.now() < until; turn++) {
    const changes = kills[turn] ?? 1 + ((turn * 7919) % 400);
    const tried = await killedAfter(path, acknowledged, changes);
    const store = await openSegments(path);
    for (let run = 0; run <= RUNS; run++) {
      const count = await wholeRows(store, run);
      assert.ok(
        count === acknowledged[run] || count === tried[run],
        `run ${run} has ${count} rows: ${acknowledged[run]} were acknowledged, ${tried[run]} tried`,
      );
      acknowledged[run] = count;
    }
    await store.close();
  }
});

/** Runs the victim until it has done so many changes. Brings `acknowledged` up to date; returns what it tried last. */
async function killedAfter(path: string, acknowledged: number[], changes: number): Promise<number[]> {
  const url = new URL("./store.ts", import.meta.url).href;
  const victim = spawn(process.execPath, ["-e", VICTIM, url, path, ...acknowledged.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(victim, "exit");
  const tried = [...acknowledged];
  let heard = 0;
  for await (const line of createInterface({ input: victim.stdout })) {
    const [what, run, lines] = line.split(" ");
    assert.notEqual(what, "wrong", line);
    if (what === "try") tried[Number(run)] = Number(lines);
    else acknowledged[Number(run)] = Number(lines);
    // What it prints after the signal was sent is acknowledged as well: read on until the pipe ends.
    if (what === "done" && ++heard === changes) victim.kill("SIGKILL");
  }
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL");
  return tried;
}

/** How many rows the run has; each must be the one of its number, by every way of asking. */
async function wholeRows(store: MetricStore, run: number): Promise<number> {
  const rows = await store.rows({ run, stream: "history" });
  for (const [line, text] of rows.entries()) if (text !== row(run, line)) assert.equal(text, row(run, line));
  const asked = {
    runs: [run],
    keys: ["noise"],
    stream: "history",
    x: { kind: "step" },
    buckets: 10,
  } as const;
  const [series] = await store.series(asked);
  assert.equal(series?.points ?? 0, rows.length);
  assert.equal((await store.lineCounts(run)).history, rows.length);
  return rows.length;
}
