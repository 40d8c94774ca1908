import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readLoggedRun } from "steelyard/command-line";
import { runCommand } from "./command.ts";
import { exitOf, logsOf, readRun, rowsOf, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** kill -9 at any instant: what is in the log then, and what `steelyard sync` makes of it. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const KILLS = 50;
/** Children side by side: as many as make these processes wait for one another. */
const AT_ONCE = 3;
/** Of a child's life after `init`, milliseconds. */
const LONGEST_LIFE_MS = 300;
/** What is promised: rows are in the log so long after `log` at the latest. */
const FLUSH_MS = 50;

const seed = Number(process.env.STEELYARD_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Mulberry32: the same instants for the same seed. */
let state = seed;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-kill-"));
  // One that ends leaves its compiled sources to those that are killed.
  assert.equal(await exitOf(startScript(server, join(dir, "first"), "kill-first", "run.log({ x: 1 });")), 0);
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** How a child logs: never giving the event loop a turn, with turns between, and with values that are no numbers. */
const LOADS = {
  flood: "run.log({ row, half: row / 2 });",
  turns:
    "run.log({ row, half: row / 2 }); if (row % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));",
  mixed: `run.log(row % 7 === 0 ? { row, half: row / 2, text: "줄 " + row } : { row, half: row / 2 });
  if (row % 1000 === 0) {
    run.summary.at = row;
    run.config.at = row;
    console.log(row);
    await new Promise(setImmediate);
  }`,
};

/** The run's thread has started when it writes its own log; until then the program's writes the rows. */
const THREAD_STARTED = `const { existsSync } = await import("node:fs");
while (!existsSync(run.dir + "/../logs/debug-internal.log")) await new Promise((resolve) => setTimeout(resolve, 5));
`;

/** Of each row it is noted when it was logged, in a file: what is written there stays when the process is killed. */
function body(load: keyof typeof LOADS, notes: string, waits: boolean): string {
  return `const { openSync, writeSync } = await import("node:fs");
${waits ? THREAD_STARTED : ""}
const notes = openSync(${JSON.stringify(notes)}, "w");
const note = new Float64Array(2);
const bytes = new Uint8Array(note.buffer);
process.stdout.write("go\\n");
for (let row = 0; ; row++) {
  note[0] = Date.now();
  ${LOADS[load]}
  note[1] = Date.now();
  writeSync(notes, bytes);
}`;
}

interface Killed {
  id: string;
  strict: boolean;
  killedMs: number;
  /** When each row's `log` was called, and when it had returned. */
  calledMs: Float64Array;
  returnedMs: Float64Array;
}

async function kill(number: number): Promise<Killed> {
  const mode = number % 2 === 0 ? "online" : "offline";
  const load = (Object.keys(LOADS) as (keyof typeof LOADS)[])[number % 3] ?? "flood";
  const strict = number % 5 === 0;
  const lifeMs = random() * LONGEST_LIFE_MS;
  const id = `kill-${number}`;
  const notes = join(dir, `${id}.notes`);
  const child = startScript(server, dir, id, body(load, notes, number % 4 > 1), {
    init: `mode: "${mode}", strict: ${strict}, silent: true`,
  });
  const ended = exitOf(child);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  child.stdout?.resume();
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  const killedMs = Date.now();
  child.kill("SIGKILL");
  assert.equal(await ended, "SIGKILL");
  const bytes = readFileSync(notes);
  const pairs = new Float64Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 16) * 2);
  return {
    id,
    strict,
    killedMs,
    calledMs: pairs.filter((_, at) => at % 2 === 0),
    returnedMs: pairs.filter((_, at) => at % 2 === 1),
  };
}

test(`STEELYARD_FLUSH_INTERVAL_MS, WANDB_STRICT: ${KILLS} processes killed at random instants (seed ${seed}): the log has every row but those of the last ${FLUSH_MS} ms, in strict mode every row, and sync sends each once`, async (t) => {
  const killed: Killed[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < KILLS) killed.push(await kill(next++));
    }),
  );
  const kept = new Map<string, number>();
  const losses: number[] = [];
  const late: string[] = [];
  for (const { id, strict, killedMs, calledMs, returnedMs } of killed) {
    const { history } = readLoggedRun(new Uint8Array(readFileSync(logsOf(dir, id)[0] ?? "")));
    kept.set(id, history.length);
    // Of a row that is in the log the note may be missing, as of any other the last one.
    assert.ok(history.length <= returnedMs.length + 1, id);
    if (strict) {
      assert.ok(
        history.length >= returnedMs.length,
        `${id}: ${returnedMs.length - history.length} rows lost`,
      );
      continue;
    }
    const firstLost = returnedMs[history.length];
    if (firstLost === undefined) {
      losses.push(0);
      continue;
    }
    losses.push(killedMs - firstLost);
    // Whatever holds the run's thread up, the program's own writes what is late. Neither can when the machine lets neither run:
    // of the time after the last row nothing is promised where processes queue for the processor, as here.
    const lostMs = (calledMs.at(-1) ?? 0) - firstLost;
    if (lostMs > FLUSH_MS) late.push(`${id}: ${lostMs} ms are lost`);
    assert.ok(killedMs - firstLost < 10_000, `${id}: ${killedMs - firstLost} ms are lost`);
  }
  assert.deepEqual(late, []);
  losses.sort((a, b) => a - b);
  t.diagnostic(`lost: half at most ${losses[losses.length >> 1]} ms, at most ${losses.at(-1)} ms`);

  const sent = await runCommand(
    process.execPath,
    [MAIN, "sync", "--include-online", "--yes", join(dir, "wandb")],
    { cwd: dir, environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey } },
  );
  assert.equal(sent.status, 0, sent.err);
  for (const [id, rows] of kept) {
    const run = await readRun(server, id);
    assert.equal(run.state, "failed");
    const found = rowsOf(run);
    assert.equal(found.length, rows, id);
    for (const [at, row] of found.entries())
      assert.ok(row._step === at && row.row === at && row.half === at / 2, `${id} at ${at}: ${row.row}`);
  }
});
