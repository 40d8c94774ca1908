/** What `workloads.py` answers for the Python clients, for the TypeScript SDK: see there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseExtendedJson } from "@steelyard/protocol/history";
import type { InitOptions, Run } from "steelyard";
import type { RunningServer } from "../../../conformance/server.ts";
import { SDK_VARIABLE } from "./sdk-variable.ts";

const SDK = process.env[SDK_VARIABLE] ?? import.meta.resolve("steelyard");
const { init } = (await import(SDK)) as typeof import("steelyard");

export type Row = Record<string, number>;

export interface SdkConnection {
  dir: string;
  offline: boolean;
  baseUrl?: string;
  apiKey?: string;
  /** What others lack is on, as it comes out of the box. */
  plain?: boolean;
}

interface LogRows {
  pool: string;
  run: string;
  rows: number;
  seconds: number;
}

interface ManyRuns {
  pool: string;
  runs: string[];
  rows: number;
  seconds: number;
  at_once: number;
}

/** What of it has no option. */
const QUIET = { WANDB_DISABLE_GIT: "true", WANDB_X_DISABLE_META: "true", WANDB_X_DISABLE_STATS: "true" };
const POLL_MS = 20;
/** The same, of what watches while it is logged. */
const WATCH_MS = 50;
const LINE_BYTES = 120;
/** A call that takes longer holds the loop up. */
const BLOCKED_MS = 10;
const DURABLE_MS = 30_000;
/** A training loop awaits its batches. */
const ROWS_A_TURN = 100;

export function workloadOperations(connection: () => SdkConnection, server: () => RunningServer) {
  return {
    async log_rows({ pool, run: id, rows, seconds }: LogRows) {
      const given = readRows(pool);
      const began = performance.now();
      const run = await open(connection(), id);
      const ready = performance.now();
      const beganAt = Date.now();
      const calls = new Float64Array(rows);
      let done = 0;
      while (done < rows && (done === 0 || performance.now() - ready < seconds * 1000)) {
        for (const end = Math.min(rows, done + ROWS_A_TURN); done < end; done++) {
          const at = performance.now();
          run.log(given[done % given.length] as Row, { step: done });
          calls[done] = performance.now() - at;
        }
        await new Promise(setImmediate);
      }
      const logged = performance.now();
      const endedAt = Date.now();
      const { finish, durable } = await finishDurably(connection(), run, done - 1);
      return {
        rows: done,
        init: (ready - began) / 1000,
        loop: (logged - ready) / 1000,
        finish,
        durable,
        began_at: beganAt,
        ended_at: endedAt,
        calls: callTimes(calls.subarray(0, done)),
      };
    },

    async many_runs({ pool, runs, rows, seconds, at_once }: ManyRuns) {
      const given = readRows(pool);
      const inits: number[] = [];
      const finishes: number[] = [];
      const began = performance.now();
      let done = 0;
      while (done < runs.length && performance.now() - began < seconds * 1000) {
        const opened = await Promise.all(
          runs.slice(done, done + at_once).map((id) => timed(inits, () => open(connection(), id))),
        );
        for (let step = 0; step < rows; step++)
          for (const run of opened) run.log(given[step % given.length] as Row, { step });
        await Promise.all(opened.map((run) => timed(finishes, () => run.finish())));
        done += opened.length;
      }
      if (!connection().offline)
        await readable(connection(), runs[done - 1] ?? "", rows - 1, performance.now());
      const took = (performance.now() - began) / 1000;
      return { runs: done, seconds: took, init: median(inits), finish: median(finishes) };
    },

    async training({ pool, run: id, seconds }: LogRows) {
      const given = readRows(pool);
      const spins = Math.max(1, Math.floor(10 / kernelMs()));
      const before = await train(seconds / 8, spins);
      const run = await open(connection(), id);
      const trained = await train(seconds, spins, (step) =>
        run.log(given[step % given.length] as Row, { step }),
      );
      const at = performance.now();
      await run.finish();
      const finish = (performance.now() - at) / 1000;
      const after = await train(seconds / 8, spins);
      return {
        rows: trained.steps,
        without: [before.rate, after.rate],
        with: trained.rate,
        began_at: trained.beganAt,
        finish,
        calls: callTimes(Float64Array.from(trained.calls)),
      };
    },

    async watch({ run, seconds }: { run: string; seconds: number }) {
      if (connection().offline) throw new Error("NotThere: nothing reads it before it is sent");
      const seen: [atMs: number, step: number][] = [];
      let last = -1;
      const until = performance.now() + seconds * 1000;
      while (performance.now() < until) {
        const now = await lastStep(connection(), run, last + 1);
        if (now > last) {
          last = now;
          seen.push([Date.now(), last]);
        }
        await sleep(WATCH_MS);
      }
      return seen;
    },

    async outage({ pool, run: id, seconds, away }: LogRows & { away: number }) {
      const given = readRows(pool);
      const run = await open(connection(), id);
      const began = performance.now();
      let step = 0;
      let blocked = 0;
      let caughtUp: number | undefined;
      const strike = async () => {
        await sleep(seconds * 200);
        process.kill(server().pid(), "SIGKILL");
        await sleep(away * 1000);
        await server().crashAndRestart();
        const back = performance.now();
        const at = await readable(connection(), id, step - 1, back);
        if (at !== undefined) caughtUp = (at - back) / 1000;
      };
      const striking = strike();
      for (const rows = seconds * 100; step < rows; step++) {
        const ahead = began + step * 10 - performance.now();
        if (ahead > 0) await sleep(ahead);
        const at = performance.now();
        run.log(given[step % given.length] as Row, { step });
        const took = performance.now() - at;
        if (took > BLOCKED_MS) blocked += took / 1000;
      }
      const at = performance.now();
      await run.finish();
      const finish = (performance.now() - at) / 1000;
      await striking;
      await readable(connection(), id, step - 1, performance.now());
      return { rows: step, failed: 0, blocked, caught_up: caughtUp, finish };
    },

    async console({ run: id, lines, seconds }: { run: string; lines: number; seconds: number }) {
      const texts = Array.from(
        { length: lines },
        (_, number) => `${`line ${String(number).padStart(8, "0")} `.padEnd(LINE_BYTES - 1, ".")}\n`,
      );
      // What is printed goes nowhere: the answers go there.
      const kept = process.stdout.write;
      process.stdout.write = (() => true) as typeof process.stdout.write;
      try {
        const before = performance.now();
        await print(texts, seconds);
        const alone = (performance.now() - before) / 1000;
        const run = await open(connection(), id, { console: true });
        const began = performance.now();
        const given = await print(texts, seconds);
        const logged = performance.now();
        await run.finish();
        const finish = (performance.now() - logged) / 1000;
        return { given, alone, loop: (logged - began) / 1000, finish };
      } finally {
        process.stdout.write = kept;
      }
    },

    async read_console({ run }: { run: string }) {
      const answer = await server().fetch(`/api/v1/console/download?entity=admin&project=bench&run=${run}`);
      return [...(await answer.text()).matchAll(/line (\d{8}) /g)].map(([, number]) => Number(number));
    },

    async import_seconds() {
      const code = `const began = performance.now(); await import(${JSON.stringify(SDK)}); console.log((performance.now() - began) / 1000)`;
      const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
        encoding: "utf8",
      });
      return Number(stdout.trim());
    },

    async clock() {
      const taken = new Float64Array(20_000);
      for (let at = 0; at < taken.length; at++) {
        const began = performance.now();
        taken[at] = performance.now() - began;
      }
      return callTimes(taken).p50;
    },
  };
}

/** As `train` of workloads.py; a step lets the event loop turn, as one that awaits its batch does. */
async function train(seconds: number, spins: number, log?: (step: number) => void) {
  const calls: number[] = [];
  const beganAt: number[] = [];
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    for (let spin = 0; spin < spins; spin++) kernel();
    beganAt.push(Date.now());
    const at = performance.now();
    log?.(calls.length);
    calls.push(performance.now() - at);
    await new Promise(setImmediate);
  }
  return { rate: calls.length / ((performance.now() - began) / 1000), steps: calls.length, calls, beganAt };
}

/** A program that prints lets the event loop turn now and then; answers how many it printed until the time was over. */
async function print(texts: readonly string[], seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  for (const [at, text] of texts.entries()) {
    process.stdout.write(text);
    if (at % ROWS_A_TURN !== 0) continue;
    await new Promise(setImmediate);
    if (performance.now() > until) return at + 1;
  }
  return texts.length;
}

let total = 0;

/** Some ten microseconds of a training. */
function kernel(): void {
  for (let number = 0; number < 10_000; number++) total += number * 0.5;
  if (total > 1e12) total = 0;
}

/** Of the fastest thousand: whoever else is at work must not make the steps longer. */
function kernelMs(): number {
  const batches = Array.from({ length: 6 }, () => {
    const began = performance.now();
    for (let at = 0; at < 1000; at++) kernel();
    return (performance.now() - began) / 1000;
  });
  return Math.min(...batches);
}

async function timed<T>(taken: number[], call: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await call();
  taken.push((performance.now() - began) / 1000);
  return answer;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What the others lack is off; it says nothing in any case, where the answers go. */
export function open(
  { dir, offline, baseUrl, apiKey, plain }: SdkConnection,
  id: string,
  more: InitOptions = {},
): Promise<Run> {
  if (!plain) Object.assign(process.env, QUIET);
  return init({
    project: "bench",
    id,
    dir,
    ...(offline ? { mode: "offline" as const } : { baseUrl, apiKey }),
    silent: true,
    reinit: "create_new",
    ...(!plain && { console: false, saveCode: false }),
    ...more,
  });
}

/** Seconds of finish(), and from the last log() until the server answers the last row. */
async function finishDurably(
  connection: SdkConnection,
  run: Run,
  last: number,
): Promise<{ finish: number; durable: number | null }> {
  const logged = performance.now();
  const reached = connection.offline ? undefined : readable(connection, run.id, last, logged);
  await run.finish();
  const finished = performance.now();
  const at = reached ? await reached : finished;
  return { finish: (finished - logged) / 1000, durable: at === undefined ? null : (at - logged) / 1000 };
}

async function readable(
  connection: SdkConnection,
  run: string,
  last: number,
  since: number,
): Promise<number | undefined> {
  while (performance.now() - since < DURABLE_MS) {
    if ((await lastStep(connection, run, last)) >= last) return performance.now();
    await sleep(POLL_MS);
  }
  return undefined;
}

/** That the server answers, -1 when it has none from `atLeast` on. */
export async function lastStep(
  { baseUrl, apiKey }: SdkConnection,
  run: string,
  atLeast: number,
): Promise<number> {
  const answer = await fetch(
    `${baseUrl}/api/v1/export?entity=admin&project=bench&run=${run}&format=jsonl&minStep=${atLeast}`,
    { headers: { authorization: `Bearer ${apiKey}` } },
  ).catch(() => undefined);
  const text = answer?.ok ? (await answer.text()).trimEnd() : "";
  if (text === "") return -1;
  const row = parseExtendedJson(text.slice(text.lastIndexOf("\n") + 1)) as Row;
  return row._step ?? -1;
}

/** Microseconds; the first hundred calls, or the first tenth when there are few, left out. */
export function callTimes(milliseconds: Float64Array): { p50: number; p99: number; longest: number } {
  const skip = Math.min(100, Math.floor(milliseconds.length / 10));
  const sorted = milliseconds.slice(skip).sort();
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0) * 1000;
  return { p50: at(0.5), p99: at(0.99), longest: (sorted.at(-1) ?? 0) * 1000 };
}

export function readRows(pool: string): Row[] {
  const lines = readFileSync(pool, "utf8").trimEnd().split("\n");
  return lines.map((line) => parseExtendedJson(line) as Row);
}
