/** W4: what a run costs by itself, and many at a time; W5: several processes at once. */
import { short } from "../../report/plot.ts";
import { attachSystem, failureOf } from "../systems.ts";
import type { Worker } from "../worker.ts";
import { makePool } from "../workload.ts";
import type { Logged } from "./logging.ts";
import { readBack } from "./read-back.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import type { Line, Subject, Workload } from "./workload.ts";

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
        remedy: "one thread and one connection for all runs of a process in place of one each",
      },
    ],
    measure: (subject) => measureMany(subject, many, cellSeconds),
  };
}

async function measureMany(
  { system, worker }: Subject,
  { runs, rows, keys, atOnce }: Sizes["many"],
  seconds: number,
): Promise<Line> {
  const pool = makePool(keys, rows);
  try {
    const ask = (kind: string, at_once: number) =>
      worker.call<Ran>(
        "many_runs",
        { pool: pool.path, runs: names(kind, runs), rows, seconds, at_once },
        seconds + 150,
      );
    const read = new Map<string, string>();
    const check = async (kind: string, done: Ran) => {
      const made = names(kind, done.runs);
      read.set(
        kind,
        await readBack(
          system,
          worker,
          pool,
          made,
          made.map(() => rows),
        ),
      );
    };
    const [serial, resources] = await observed(
      worker,
      () => ask("w4s", 1),
      (done) => check("w4s", done),
      false,
    );
    const parallel = await ask("w4p", atOnce).catch((error: Error) => failureOf(error));
    if (typeof parallel !== "string") await check("w4p", parallel);
    const rate = (ran: Ran) =>
      `${short(ran.runs / ran.seconds)}${ran.runs < runs ? ` (> ${short(ran.seconds)} s, ${ran.runs} runs)` : ""}`;
    const { clientCpu, serverCpu, clientPeakMb, serverPeakMb } = resources;
    const millis = (cpu: number) => short((cpu / serial.runs) * 1000);
    return {
      cells: [
        rate(serial),
        `${short(serial.init * 1000)} / ${short(serial.finish * 1000)}`,
        typeof parallel === "string" ? parallel : rate(parallel),
        `${millis(clientCpu)} + ${millis(serverCpu)}`,
        `${short(clientPeakMb)} + ${short(serverPeakMb)}`,
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
  { system, worker }: Subject,
  { processes, rows, keys }: Sizes["parallel"],
  seconds: number,
): Promise<Line> {
  const pool = makePool(keys, rows);
  const connection = await worker.call<object>("connection");
  const clients: Worker[] = [];
  try {
    const runs = names("w5", processes);
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
            return client.call<Logged>("log_rows", { pool: pool.path, run, rows, seconds }, seconds + 120);
          }),
        );
        took = (performance.now() - began) / 1000;
        clientCpu = clients.reduce((sum, client) => sum + client.cpuApart().client, 0);
        return done;
      },
      async (done) => {
        words = await readBack(
          system,
          worker,
          pool,
          runs,
          done.map((one) => one.rows),
        );
      },
      false,
    );
    const middle = (value: (one: Logged) => number) =>
      short(logged.map(value).sort((a, b) => a - b)[logged.length >> 1] ?? Number.NaN);
    const given = logged.reduce((sum, one) => sum + one.rows, 0);
    return {
      cells: [
        given < rows * processes ? `> ${short(took)} s, ${given} rows` : short(took),
        `${middle((one) => one.init)} / ${middle((one) => one.loop)} / ${middle((one) => one.finish)}`,
        `${short(clientCpu)} + ${short(resources.serverCpu)}`,
        words,
      ],
      values: { seconds: took },
    };
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
    pool.remove();
  }
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${kind}-${String(at).padStart(4, "0")}`);
}
