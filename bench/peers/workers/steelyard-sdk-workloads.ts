/** What `workloads.py` answers for the Python clients, for the TypeScript SDK: see there. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { type InitOptions, init, type Run } from "steelyard";
import type { RunningServer } from "../../../conformance/server.ts";

export type Row = Record<string, number>;

export interface SdkConnection {
  dir: string;
  offline: boolean;
  baseUrl?: string;
  apiKey?: string;
}

interface LogRows {
  pool: string;
  run: string;
  rows: number;
  seconds: number;
}

const POLL_MS = 20;
const DURABLE_MS = 30_000;
/** A training loop awaits its batches. */
const ROWS_A_TURN = 100;

export function workloadOperations(connection: () => SdkConnection, _server: () => RunningServer) {
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

/** What the others lack is off. */
export function open(
  { dir, offline, baseUrl, apiKey }: SdkConnection,
  id: string,
  more: InitOptions = {},
): Promise<Run> {
  return init({
    project: "bench",
    id,
    dir,
    ...(offline ? { mode: "offline" as const } : { baseUrl, apiKey }),
    console: false,
    silent: true,
    saveCode: false,
    reinit: "create_new",
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
