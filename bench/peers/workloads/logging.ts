/** W1–W3 and W6: one run, logged as fast as log() takes it. */
import { makePool } from "../workload.ts";
import { readBack } from "./read-back.ts";
import { memorySlope, observed, type Resources } from "./resources.ts";
import { type Cell, GRACE_SECONDS, type Line, ofAll, type Subject, type Workload } from "./workload.ts";

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
const LOOP = HEAD.indexOf("loop s");

interface LoggingOptions {
  /** Memory that comes with points is told. */
  slope?: true;
  /** Systems are as they come out of the box. */
  asItComes?: true;
  /** The workload whose rows say whether one of these is too long: then it has a fifth of the keys. */
  rowsOf?: { id: string; keys: number };
}

const FEWER = 5;

/** Nothing given may be lost; those of a cell that ended early are fewer, not lost. */
export function loggingWorkload(
  id: string,
  name: string,
  [rows, keys]: readonly [number, number],
  seconds: number,
  options: LoggingOptions = {},
): Workload {
  return {
    id,
    title: `${id}, ${name}: 1 run, ${rows.toLocaleString("en")} step${rows > 1 ? "s" : ""} × ${keys.toLocaleString("en")} keys`,
    head: [
      ...(options.asItComes ? ["what is on"] : []),
      ...HEAD,
      ...(options.slope ? ["MB more for a million points, client / server"] : []),
    ],
    atRest: true,
    asItComes: options.asItComes,
    cannot: ({ asItComes }) =>
      options.asItComes && !asItComes ? "it comes as it is measured above" : undefined,
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
    measure: (subject) => {
      const fewer = options.rowsOf && rowSeconds(subject, options.rowsOf, keys) > seconds;
      return measure(subject, id, rows, fewer ? keys / FEWER : keys, seconds, options, keys);
    },
  };
}

/** What a row of so many keys takes, as it grows with them. */
function rowSeconds(subject: Subject, { id, keys }: { id: string; keys: number }, wanted: number): number {
  return (((subject.before(id)?.values.call ?? 0) / 1e6) * wanted) / keys;
}

async function measure(
  { system, worker, fresh, turn }: Subject,
  id: string,
  rows: number,
  keys: number,
  seconds: number,
  options: LoggingOptions,
  wantedKeys: number,
): Promise<Line> {
  const pool = makePool(keys, Math.min(rows, 10_000));
  const run = `${id.toLowerCase()}-run-${turn}`;
  try {
    let words = "";
    const [logged, resources] = await observed(
      worker,
      () => worker.call<Logged>("log_rows", { pool: pool.path, run, rows, seconds }, seconds + GRACE_SECONDS),
      async (done) => {
        words = await readBack(system, worker, pool, [run], [done.rows]);
      },
      fresh,
    );
    const { cells, ...line } = lineOf(logged, resources, rows, keys, words, options.slope);
    if (keys < wantedKeys)
      cells[LOOP] = ["≈ ", (logged.loop * wantedKeys) / keys, ` (from ${keys.toLocaleString("en")} keys)`];
    return { ...line, cells: options.asItComes ? [system.asItComes ?? "", ...cells] : cells };
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
  slope?: true,
): Line {
  const points = logged.rows * keys;
  const rate = logged.rows / (logged.loop + (logged.durable ?? logged.finish));
  const micros = (cpu: number) => (cpu / points) * 1e6;
  const { clientCpu, serverCpu, clientPeakMb, serverPeakMb, diskBytes, samples } = resources;
  const slopes = (["client", "server"] as const).map(
    (side) => memorySlope(samples, side, logged.began_at, logged.ended_at, points) / 2 ** 20,
  );
  return {
    seconds: logged.init + logged.loop + (logged.durable ?? logged.finish),
    cells: [
      [logged.calls.p50, " / ", logged.calls.p99],
      logged.init,
      ofAll(logged.loop, logged.rows, rows, "rows"),
      logged.finish,
      logged.durable === null ? "not in 30 s" : logged.durable,
      rate,
      rate * keys,
      [micros(clientCpu), " + ", micros(serverCpu)],
      [clientPeakMb, " + ", serverPeakMb],
      diskBytes / 2 ** 20,
      readBack,
      ...(slope ? ([[slopes[0] ?? Number.NaN, " / ", slopes[1] ?? Number.NaN]] satisfies Cell[]) : []),
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
