/** W7: a training that logs; W11: the same while its server is away. */
import { attachSystem, failureOf } from "../opening.ts";
import { makePool } from "../workload.ts";
import type { Logged } from "./logging.ts";
import { readBack } from "./read-back.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import { GRACE_SECONDS, type Line, type Subject, type Workload } from "./workload.ts";

/** The training's core, and that of its server and of who watches. */
const CLIENT_CORE = 0;
const SERVER_CORE = 1;

interface Paced {
  rows: number;
  /** Steps a second: without log() before and after, with it. */
  without: [number, number];
  with: number;
  /** When each call of log() began, milliseconds since 1970. */
  began_at: number[];
  finish: number;
  calls: Logged["calls"];
}

/** At each change: when, and the last step that could be read. */
type Seen = [atMs: number, step: number][];

export function pacedWorkload({ paced }: Sizes): Workload {
  const { seconds, filesSeconds, keys } = paced;
  return {
    id: "W7",
    title: `W7, a training of 100 steps a second × ${keys} keys, ${seconds} s (those without a server ${filesSeconds} s), on core ${CLIENT_CORE}; the server on core ${SERVER_CORE}`,
    head: [
      "steps with log() ÷ without",
      "steps/s without, before and after",
      "a call, µs p50 / p99 / longest",
      "a value can be read after, s p50 / p95",
      "CPU s, client + server",
      "finish s",
      "read back",
    ],
    contests: [
      {
        measure: "W7, share of the training's steps that is left",
        value: "share",
        moreIsBetter: true,
        remedy: "the run's thread shares the core with the training: fewer wake-ups a second, cheaper rows",
      },
      {
        measure: "W7, time until a value can be read (p50)",
        value: "visible",
        remedy: "a shorter wait before rows are sent",
      },
    ],
    measure: (subject) => measurePaced(subject, paced),
  };
}

async function measurePaced({ system, worker, turn }: Subject, paced: Sizes["paced"]): Promise<Line> {
  const seconds = system.serverless ? paced.filesSeconds : paced.seconds;
  const pool = makePool(paced.keys, 1_000);
  const watcher = await attachSystem(system, await worker.call<object>("connection"));
  try {
    worker.servers = await worker.call<number[]>("servers");
    worker.pin(CLIENT_CORE, SERVER_CORE);
    watcher.pin(SERVER_CORE, SERVER_CORE);
    const run = `w7-run-${turn}`;
    const seeing = watcher
      .call<Seen>("watch", { run, seconds: seconds * 1.3 + 1 })
      .catch((error: Error) => failureOf(error));
    let words = "";
    const [trained, { clientCpu, serverCpu }] = await observed(
      worker,
      () => worker.call<Paced>("training", { pool: pool.path, run, seconds }, seconds * 2 + GRACE_SECONDS),
      async (done) => {
        words = await readBack(system, worker, pool, [run], [done.rows]);
      },
      false,
    );
    const seen = await seeing;
    const waits = typeof seen === "string" ? [] : visibleAfter(trained.began_at, seen);
    const [before, after] = trained.without;
    const share = trained.with / ((before + after) / 2);
    const at = (part: number) => waits[Math.floor(waits.length * part)] ?? Number.POSITIVE_INFINITY;
    const told = (part: number) => (Number.isFinite(at(part)) ? at(part) / 1000 : "not before finish");
    const { p50, p99, longest } = trained.calls;
    return {
      seconds,
      cells: [
        `${(share * 100).toFixed(1)} %`,
        [before, ", ", after],
        [p50, " / ", p99, " / ", longest],
        typeof seen === "string" ? seen : [told(0.5), " / ", told(0.95)],
        [clientCpu, " + ", serverCpu],
        trained.finish,
        words,
      ],
      values: { share, visible: at(0.5) / 1000 },
    };
  } finally {
    worker.unpin();
    await watcher.stop();
    pool.remove();
  }
}

/** Milliseconds from each call to the first look that found its row or a later one, ascending; Infinity when none did. */
export function visibleAfter(began: readonly number[], seen: Readonly<Seen>): number[] {
  const waits: number[] = [];
  let look = 0;
  for (const [step, at] of began.entries()) {
    while (look < seen.length && (seen[look]?.[1] ?? 0) < step) look++;
    waits.push((seen[look]?.[0] ?? Number.POSITIVE_INFINITY) - at);
  }
  return waits.sort((a, b) => a - b);
}

interface Outage {
  rows: number;
  failed: number;
  error?: string;
  blocked: number;
  caught_up?: number;
  finish: number;
}

export function outageWorkload({ outage }: Sizes): Workload {
  const { seconds, awaySeconds, keys } = outage;
  return {
    id: "W11",
    title: `W11, outage: 100 rows a second × ${keys} keys for ${seconds} s; the server is killed with -9 and comes back after ${awaySeconds} s`,
    head: ["rows", "calls that failed", "loop held up, s", "caught up after, s", "finish s", "read back"],
    contests: [
      {
        measure: "W11, time the loop was held up",
        value: "blocked",
        remedy: "nothing waits for the server in log()",
      },
      {
        measure: "W11, time to catch up once the server is back",
        value: "caughtUp",
        remedy: "a shorter wait between tries to reach the server again",
      },
    ],
    cannot: ({ serverless }) => (serverless ? "no server takes its rows" : undefined),
    measure: (subject) => measureOutage(subject, outage),
  };
}

async function measureOutage(
  { system, worker, turn }: Subject,
  { seconds, awaySeconds, keys }: Sizes["outage"],
): Promise<Line> {
  const pool = makePool(keys, 1_000);
  try {
    const run = `w11-run-${turn}`;
    const told = await worker.call<Outage>(
      "outage",
      { pool: pool.path, run, seconds, away: awaySeconds },
      seconds * 4 + GRACE_SECONDS,
    );
    const words = await readBack(system, worker, pool, [run], [told.rows]);
    return {
      seconds,
      cells: [
        told.rows.toLocaleString("en"),
        told.failed > 0 ? `${told.failed}: ${told.error}` : "none",
        told.blocked,
        told.caught_up === undefined ? "not in 30 s" : told.caught_up,
        told.finish,
        words,
      ],
      values: { blocked: told.blocked, caughtUp: told.caught_up ?? Number.NaN },
    };
  } finally {
    pool.remove();
  }
}
