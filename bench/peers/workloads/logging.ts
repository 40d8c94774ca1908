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
  "read back",
];
const LOOP = HEAD.indexOf("loop s");

interface LoggingOptions {
  /** Bytes at rest are counted. */
  atRest?: true;
  /** Memory that comes with points is told. */
  slope?: true;
  /** Systems are as they come out of the box. */
  asItComes?: true;
  /** Id of the workload whose rows say whether one of these takes too long: then it has a fifth of the keys. */
  rowsOf?: string;
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
      ...(options.atRest ? ["disk MB"] : []),
      ...(options.slope ? ["MB more for a million points, client / server"] : []),
    ],
    atRest: options.atRest,
    asItComes: options.asItComes,
    cannot: ({ asItComes }) => (options.asItComes && !asItComes ? "no other than measured above" : undefined),
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
        measure: `${id}, peak memory`,
        value: "memory",
        remedy: "a runtime and a server cost what they cost; loading less of both at the start",
      },
      ...(options.atRest ? [diskContest(id)] : []),
    ],
    measure: (subject) => {
      const known = options.rowsOf === undefined ? undefined : subject.before(options.rowsOf);
      // As it grows with the keys.
      const fewer = ((known?.values.key ?? 0) / 1e6) * keys > seconds;
      return measure(subject, id, rows, fewer ? keys / FEWER : keys, seconds, options, keys);
    },
  };
}

function diskContest(id: string): Workload["contests"][number] {
  return {
    measure: `${id}, disk`,
    value: "disk",
    remedy:
      "giving the journal's room back to the file system; with few rows the empty databases are most of it",
  };
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
    const line = lineOf(logged, resources, rows, keys, words, options);
    const { cells } = keys < wantedKeys ? withFewerKeys(line, logged, rows, keys, wantedKeys) : line;
    // Shorter rows do not compete with whole ones.
    const values = keys < wantedKeys ? { cpu: line.values.cpu ?? Number.NaN } : line.values;
    return { ...line, values, cells: options.asItComes ? [system.asItComes ?? "", ...cells] : cells };
  } finally {
    pool.remove();
  }
}

/** Its loop as it would be with all keys. */
function withFewerKeys(line: Line, logged: Logged, rows: number, keys: number, wantedKeys: number): Line {
  const whole = (logged.loop * rows * wantedKeys) / (logged.rows * keys);
  const words = ` s for ${logged.rows} of ${rows} rows, of ${keys.toLocaleString("en")} keys)`;
  return { ...line, cells: line.cells.with(LOOP, ["≈ ", whole, " (", logged.loop, words]) };
}

function lineOf(
  logged: Logged,
  resources: Resources,
  rows: number,
  keys: number,
  readBack: string,
  { atRest, slope }: LoggingOptions,
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
      readBack,
      ...(atRest ? [diskBytes / 2 ** 20] : []),
      ...(slope ? ([[slopes[0] ?? Number.NaN, " / ", slopes[1] ?? Number.NaN]] satisfies Cell[]) : []),
    ],
    values: {
      call: logged.calls.p50,
      key: logged.calls.p50 / keys,
      rows: rate,
      cpu: (clientCpu + serverCpu) / points,
      memory: clientPeakMb + serverPeakMb,
      disk: diskBytes,
    },
  };
}
