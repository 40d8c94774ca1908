/** Steelyard by its TypeScript SDK: the same questions as the Python workers answer, for writing and reading back. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { type RunningServer, startServer } from "../../../conformance/server.ts";
import type { Tally } from "../workload.ts";
import {
  open,
  type Row,
  readRows,
  type SdkConnection,
  workloadOperations,
} from "./steelyard-sdk-workloads.ts";

interface Written {
  pool: string;
  runs: string[];
  rows: number;
  spike: number;
  seconds: number;
}

const offline = process.argv[2] === "offline";
let folder = "";
let plain = false;
let server: RunningServer | undefined;
/** Of the server that another process started. */
let attached: SdkConnection | undefined;
const say = process.stdout.write.bind(process.stdout);

const OPERATIONS: Record<string, (given: never) => Promise<unknown>> = {
  async as_it_comes() {
    plain = true;
  },
  async start(given: { folder: string }) {
    folder = given.folder;
    mkdirSync(join(folder, "client"));
    if (offline) return;
    mkdirSync(join(folder, "data"));
    server = await startServer({ dataDir: join(folder, "data"), flags: ["--log-level", "error"] });
  },
  async attach(given: SdkConnection) {
    attached = given;
  },
  connection: async () => connection(),
  servers: async () => (server ? [server.pid()] : []),
  ...workloadOperations(connection, () => running()),
  async write({ pool, runs, rows, spike, seconds }: Written) {
    const given = readRows(pool);
    const first = Object.keys(given[0] ?? {})[0] ?? "";
    const opened = await Promise.all(runs.map((id) => open(connection(), id)));
    const slice = Math.max(10, Math.floor(2000 / runs.length));
    const calls = new Float64Array(Math.min(2_000_000, rows * runs.length));
    let called = 0;
    let done = 0;
    const began = performance.now();
    while (done < rows && (done === 0 || performance.now() - began < seconds * 1000)) {
      const end = Math.min(rows, done + slice);
      for (const run of opened) {
        for (let step = done; step < end; step++) {
          const row = given[step % given.length] as Row;
          const logged = step === spike ? { ...row, [first]: 1000 } : row;
          const at = performance.now();
          run.log(logged, { step });
          if (called < calls.length) calls[called++] = performance.now() - at;
        }
      }
      done = end;
      // A training loop awaits its batches.
      await new Promise(setImmediate);
    }
    await Promise.all(opened.map((run) => run.finish()));
    const took = (performance.now() - began) / 1000;
    const sorted = calls.subarray(Math.min(100, called - 1), called).sort();
    const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0) * 1000;
    return { rows: runs.map(() => done), seconds: took, calls: { p50: at(0.5), p99: at(0.99) } };
  },
  async read_back({ runs }: { runs: string[] }) {
    const read: Record<string, Record<string, Tally>> = {};
    for (const run of runs) {
      const answer = await running().fetch(
        `/api/v1/export?entity=admin&project=bench&run=${run}&format=jsonl`,
      );
      const tallies: Record<string, Tally> = {};
      for (const line of (await answer.text()).split("\n")) {
        if (line !== "") tally(tallies, parseExtendedJson(line) as Row);
      }
      read[run] = tallies;
    }
    return read;
  },
  async settle() {
    if (offline) return;
    rmSync(join(folder, "client"), { recursive: true, force: true });
    // The background turns the journal into columns; a stop ends it, and checkpoints.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await server?.stop();
    server = undefined;
  },
};

function connection(): SdkConnection {
  if (attached) return attached;
  const dir = join(folder, "client");
  if (offline) return { dir, offline, plain };
  return { dir, offline, plain, baseUrl: running().url, apiKey: running().apiKey };
}

function running(): RunningServer {
  if (!server) throw new Error("start comes first");
  return server;
}

function tally(tallies: Record<string, Tally>, row: Row): void {
  for (const [key, value] of Object.entries(row)) {
    if (key.startsWith("_")) continue;
    tallies[key] ??= [0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
    const own = tallies[key];
    own[0]++;
    own[5] = Math.max(own[5], row._step ?? -1);
    if (Number.isNaN(value)) own[2]++;
    else {
      own[1] += value;
      own[3] = Math.min(own[3], value);
      own[4] = Math.max(own[4], value);
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...given } = JSON.parse(line) as { op: string };
  const answer = await (OPERATIONS[op]?.(given as never) ?? Promise.reject(new Error(`no ${op}`))).then(
    (ok) => ({ ok: ok ?? null }),
    (error: Error) => ({ error: error.message }),
  );
  say(`${JSON.stringify(answer)}\n`);
}
await server?.stop();
process.exit(0);
