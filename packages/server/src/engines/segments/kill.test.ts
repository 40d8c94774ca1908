import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-kill-"));
after(() => rmSync(root, { recursive: true, force: true }));

const RUNS = 3;
const BATCH = 100;

/**
 * The victim: appends to three runs at once as fast as it may, prints `run next-line` after each acknowledgement.
 * Lines are a function of their number, so the parent knows what every one must hold.
 */
const VICTIM = `
  import { writeSync } from "node:fs";
  const [url, path, ...starts] = process.argv.slice(1);
  const { openSegments } = await import(url);
  const store = await openSegments(path);
  const row = ${row.toString()};
  await Promise.all(starts.map(async (start, run) => {
    for (let at = Number(start); ; at += ${BATCH}) {
      const lines = Array.from({ length: ${BATCH} }, (_, i) => row(run, at + i));
      await store.append([{ run, stream: "history", writer: "", offset: at, lines }]);
      writeSync(1, run + " " + (at + ${BATCH}) + "\\n");
    }
  }));`;

function row(run: number, line: number): string {
  return `{"_step":${line},"run":${run},"noise":${Math.sin(line * 12.9898 + run)},"text":"${line % 7}"}`;
}

test("segments: killed at any instant, nothing acknowledged is lost and nothing is doubled", async () => {
  const path = join(root, "metrics.db");
  const acknowledged: number[] = new Array(RUNS).fill(0);
  for (const batches of [1, 40, 130, 75, 200]) {
    const victim = spawn(
      process.execPath,
      ["-e", VICTIM, new URL("./store.ts", import.meta.url).href, path, ...acknowledged.map(String)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const exited = once(victim, "exit");
    let heard = 0;
    for await (const line of createInterface({ input: victim.stdout })) {
      const [run = 0, next = 0] = line.split(" ").map(Number);
      acknowledged[run] = next;
      // What it prints after the signal was sent is acknowledged as well: read on until the pipe ends.
      if (++heard === batches) victim.kill("SIGKILL");
    }
    const [, signal] = await exited;
    assert.equal(signal, "SIGKILL");

    const store = await openSegments(path);
    for (let run = 0; run < RUNS; run++) {
      const rows = await store.rows({ run, stream: "history" });
      const least = acknowledged[run] ?? 0;
      assert.ok(rows.length >= least, `run ${run}: ${rows.length} rows of ${least} acknowledged`);
      assert.equal(rows.length % BATCH, 0, "a batch is there whole or not at all");
      for (const [line, text] of rows.entries())
        if (text !== row(run, line)) assert.equal(text, row(run, line));
      const [series] = await store.series({
        runs: [run],
        keys: ["noise"],
        stream: "history",
        x: { kind: "step" },
        buckets: 10,
      });
      assert.equal(series?.points ?? 0, rows.length);
    }
    await store.close();
  }
});
