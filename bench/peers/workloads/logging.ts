/** W1–W3 and W6: one run, logged as fast as log() takes it. */
import { short } from "../../report/plot.ts";
import { makePool } from "../workload.ts";
import { readBack } from "./read-back.ts";
import { memorySlope, observed, type Resources } from "./resources.ts";
import type { Line, Subject, Workload } from "./workload.ts";

/** What a worker answers of one process that logged. */
export interface Logged {
  rows: number;
  /** Seconds, `durable` from the last log() on; null: it did not become so. */
  init: number;
  loop: number;
  finish: number;
  durable: number | null;
  /** Of the loop, milliseconds since 1970. */
  began_at: number;
  ended_at: number;
  calls: { p50: number; p99: number; longest: number };
}

const HEAD = [
  "a call, µs p50 / p99",
  "init s",
  "loop s",
  "finish s",
  "written after the last call, s",
  "rows/s",
  "points/s",
  "CPU µs a point, client + server",
  "peak MB, client + server",
  "disk MB",
  "read back",
];

/** Nothing given may be lost; those of a cell that ended early are fewer, not lost. */
export function loggingWorkload(
  id: string,
  name: string,
  [rows, keys]: readonly [number, number],
  seconds: number,
  slope = false,
): Workload {
  return {
    id,
    title: `${id}, ${name}: 1 run, ${rows.toLocaleString("en")} step${rows > 1 ? "s" : ""} × ${keys.toLocaleString("en")} keys`,
    head: slope ? [...HEAD, "MB more for a million points, client / server"] : HEAD,
    contests: [
      {
        measure: `${id}, a call (p50)`,
        value: "call",
        remedy:
          "the call only writes to memory; a call that is given more keys than a shape holds costs a look-up for each",
      },
      {
        measure: `${id}, rows a second until they can be read`,
        value: "rows",
        moreIsBetter: true,
        remedy:
          "a local log has no server to wait for; online, fewer bytes a row on the wire and one commit for more of them",
      },
      {
        measure: `${id}, processor a point`,
        value: "cpu",
        remedy:
          "columns in place of JSON rows on the wire, which neither side would have to write and parse row by row",
      },
      {
        measure: `${id}, disk`,
        value: "disk",
        remedy:
          "giving the journal's room back to the file system; with few rows the empty databases are most of it",
      },
      {
        measure: `${id}, peak memory`,
        value: "memory",
        remedy: "a runtime and a server cost what they cost; loading less of both at the start",
      },
    ],
    measure: (subject) => measure(subject, `${id.toLowerCase()}-run`, rows, keys, seconds, slope),
  };
}

async function measure(
  { system, worker, fresh }: Subject,
  run: string,
  rows: number,
  keys: number,
  seconds: number,
  slope: boolean,
): Promise<Line> {
  const pool = makePool(keys, Math.min(rows, 10_000));
  try {
    let words = "";
    const [logged, resources] = await observed(
      worker,
      () => worker.call<Logged>("log_rows", { pool: pool.path, run, rows, seconds }, seconds + 120),
      async (done) => {
        words = await readBack(system, worker, pool, [run], [done.rows]);
      },
      fresh,
    );
    return lineOf(logged, resources, rows, keys, words, slope);
  } finally {
    pool.remove();
  }
}

function lineOf(
  logged: Logged,
  resources: Resources,
  rows: number,
  keys: number,
  readBack: string,
  slope: boolean,
): Line {
  const points = logged.rows * keys;
  const rate = logged.rows / (logged.loop + (logged.durable ?? logged.finish));
  const micros = (cpu: number) => short((cpu / points) * 1e6);
  const { clientCpu, serverCpu, clientPeakMb, serverPeakMb, diskBytes, samples } = resources;
  const all = logged.rows === rows;
  const slopes = (["client", "server"] as const).map((side) => {
    const bytes = memorySlope(samples, side, logged.began_at, logged.ended_at, points);
    return Number.isFinite(bytes) ? short(bytes / 2 ** 20) : "–";
  });
  return {
    cells: [
      `${short(logged.calls.p50)} / ${short(logged.calls.p99)}`,
      short(logged.init),
      all ? short(logged.loop) : `> ${short(logged.loop)} s, ${logged.rows.toLocaleString("en")} rows`,
      short(logged.finish),
      logged.durable === null ? "not in 30 s" : short(logged.durable),
      short(rate),
      short(rate * keys),
      `${micros(clientCpu)} + ${micros(serverCpu)}`,
      `${short(clientPeakMb)} + ${short(serverPeakMb)}`,
      Number.isFinite(diskBytes) ? short(diskBytes / 2 ** 20) : "–",
      readBack,
      ...(slope ? [slopes.join(" / ")] : []),
    ],
    values: {
      call: logged.calls.p50,
      rows: rate,
      cpu: (clientCpu + serverCpu) / points,
      memory: clientPeakMb + serverPeakMb,
      disk: diskBytes,
    },
  };
}
