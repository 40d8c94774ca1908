/** W4: what a run costs by itself, and many at a time; W5: several processes at once. */

import { median } from "../growth.ts";
import { attachSystem, failureOf } from "../opening.ts";
import type { Worker } from "../worker.ts";
import { makePool } from "../workload.ts";
import type { Logged } from "./logging.ts";
import { readBack } from "./read-back.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import { type Cell, GRACE_SECONDS, type Line, ofAll, type Subject, type Workload } from "./workload.ts";

interface Ran {
  runs: number;
  seconds: number;
  init: number;
  finish: number;
}

export function manyRunsWorkload({ many, cellSeconds }: Sizes): Workload {
  const { runs, rows, keys, atOnce } = many;
  return {
    id: "W4",
    title: `W4, many runs: ${runs.toLocaleString("en")} runs × ${rows} steps × ${keys} keys, one after the other, then ${atOnce} at a time`,
    head: [
      "runs/s, one by one",
      "init / finish, ms (p50)",
      `runs/s, ${atOnce} at a time`,
      "CPU ms a run, client + server",
      "peak MB, client + server",
      "read back",
    ],
    contests: [
      {
        measure: "W4, runs a second, one by one",
        value: "serial",
        moreIsBetter: true,
        remedy:
          "a run is a log of its own, a thread and some questions to the server: asking them in one would save round trips",
      },
      {
        measure: `W4, runs a second, ${atOnce} at a time`,
        value: "parallel",
        moreIsBetter: true,
        remedy: "a run is a log and a file or two of its own, and some questions to the server",
      },
    ],
    measure: (subject) => measureMany(subject, many, cellSeconds),
  };
}

async function measureMany(
  { system, worker, turn }: Subject,
  { runs, rows, keys, atOnce }: Sizes["many"],
  seconds: number,
): Promise<Line> {
  const pool = makePool(keys, rows);
  try {
    const ask = (kind: string, at_once: number) =>
      worker.call<Ran>(
        "many_runs",
        { pool: pool.path, runs: names(kind, turn, runs), rows, seconds, at_once },
        seconds + GRACE_SECONDS,
      );
    const read = new Map<string, string>();
    const check = async (kind: string, done: Ran) => {
      const made = names(kind, turn, done.runs);
      const given = made.map(() => rows);
      read.set(kind, await readBack(system, worker, pool, made, given));
    };
    const [serial, resources] = await observed(
      worker,
      () => ask("w4s", 1),
      (done) => check("w4s", done),
      false,
    );
    // They end together: of a slow system, only as many as it does in the time.
    const together = Math.max(2, Math.min(atOnce, Math.floor((serial.runs / serial.seconds) * seconds)));
    const parallel = await ask("w4p", together).catch((error: Error) => failureOf(error));
    if (typeof parallel !== "string") await check("w4p", parallel);
    const { clientCpu, serverCpu, clientPeakMb, serverPeakMb } = resources;
    const millis = (cpu: number) => (cpu / serial.runs) * 1000;
    return {
      seconds: serial.seconds + (typeof parallel === "string" ? 0 : parallel.seconds),
      cells: [
        rateOf(serial, runs),
        [serial.init * 1000, " / ", serial.finish * 1000],
        typeof parallel === "string"
          ? parallel
          : rateOf(parallel, runs, together < atOnce ? `${together} at a time` : undefined),
        [millis(clientCpu), " + ", millis(serverCpu)],
        [clientPeakMb, " + ", serverPeakMb],
        [...new Set(read.values())].join("; "),
      ],
      values: {
        serial: serial.runs / serial.seconds,
        parallel: typeof parallel === "string" ? Number.NaN : parallel.runs / parallel.seconds,
      },
    };
  } finally {
    pool.remove();
  }
}

/** Runs a second, with how many when it was not all. */
function rateOf({ runs, seconds }: Ran, wanted: number, more?: string): Cell {
  const words = [...(more ? [more] : []), ...(runs < wanted ? [`${runs} of ${wanted} runs`] : [])];
  return words.length > 0 ? [runs / seconds, ` (${words.join(", ")})`] : runs / seconds;
}

export function parallelWorkload({ parallel, cellSeconds }: Sizes): Workload {
  const { processes, rows, keys } = parallel;
  return {
    id: "W5",
    title: `W5, parallel: ${processes} processes × ${rows} steps × ${keys} keys`,
    head: [
      "all of it, s",
      "of one process: init / loop / finish, s (p50)",
      "CPU s, client + server",
      "read back",
    ],
    contests: [
      {
        measure: `W5, ${processes} processes from their start to their end`,
        value: "seconds",
        remedy: "most of it is the start of a runtime and of a library: less code to load in each process",
      },
    ],
    measure: (subject) => measureParallel(subject, parallel, cellSeconds),
  };
}

async function measureParallel(
  { system, worker, turn }: Subject,
  { processes, rows, keys }: Sizes["parallel"],
  seconds: number,
): Promise<Line> {
  const pool = makePool(keys, rows);
  const connection = await worker.call<object>("connection");
  const clients: Worker[] = [];
  try {
    const runs = names("w5", turn, processes);
    let clientCpu = 0;
    const began = performance.now();
    let took = 0;
    let words = "";
    const [logged, resources] = await observed(
      worker,
      async () => {
        const done = await Promise.all(
          runs.map(async (run) => {
            const client = await attachSystem(system, connection);
            clients.push(client);
            const given = { pool: pool.path, run, rows, seconds };
            return client.call<Logged>("log_rows", given, seconds + GRACE_SECONDS);
          }),
        );
        took = (performance.now() - began) / 1000;
        clientCpu = clients.reduce((sum, client) => sum + client.cpuApart().client, 0);
        return done;
      },
      async (done) => {
        const given = done.map((one) => one.rows);
        words = await readBack(system, worker, pool, runs, given);
      },
      false,
    );
    const middle = (value: (one: Logged) => number) => median(logged.map(value));
    const given = logged.reduce((sum, one) => sum + one.rows, 0);
    return {
      seconds: took,
      cells: [
        ofAll(took, given, rows * processes, "rows"),
        [middle((one) => one.init), " / ", middle((one) => one.loop), " / ", middle((one) => one.finish)],
        [clientCpu, " + ", resources.serverCpu],
        words,
      ],
      values: { seconds: took },
    };
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
    pool.remove();
  }
}

function names(kind: string, turn: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${kind}-${turn}-${String(at).padStart(4, "0")}`);
}
