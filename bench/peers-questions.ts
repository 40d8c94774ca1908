/**
 * What a chart page asks, beside other trackers: a screen of ten charts, a zoom, last values, everything, at growing lengths
 * of run; one chart of 1, 10 and 100 runs. Each system is asked by the call its own page makes, with what the answer holds
 * of a planted one-step spike. BENCH_SYSTEMS=Aim: only those so named.
 */
import { Answers } from "./peers/answers.ts";
import { failureOf, openBench, withSystem } from "./peers/opening.ts";
import { type PeerSystem, SYSTEMS } from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { makePool, type Pool, spikeOf } from "./peers/workload.ts";
import { short } from "./report/plot.ts";
import type { TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const { quick, systems, missing } = openBench(SYSTEMS.filter(({ asked }) => asked));
const KEYS = 10;
const RUNS = 10;
const LENGTHS = quick ? [1_000] : [1_000, 10_000, 100_000, 1_000_000];
const BUCKETS = 1000;
/** Of one chart. */
const CHART_RUNS = [1, 10, 100];
const MOST_RUNS = 100;
/** Of each of those; a system that takes too long to fill is given fewer, and the table says so. */
const CHART_LENGTHS = quick ? [100] : [10_000, 1_000, 100];
/** Of filling one system once; as soon as it shows that it would take longer, it is left. */
const FILL_SECONDS = quick ? 4 : 60;
/** Ours is asked at every size: what filling takes is told by peers-ingest. */
const OWN_FILL_SECONDS = quick ? 4 : 180;
const TIMES = quick ? 2 : 5;
const QUESTIONS = {
  screen: { measure: "a screen of ten charts", remedy: "an answer in fewer bytes, which most of it is" },
  zoom: {
    measure: "a zoom into 1 %",
    remedy: "buckets nearer to the window's edges read from the raw columns at once",
  },
  last: { measure: "last values", remedy: "an answer without the fields the table does not show" },
  scan: {
    measure: "everything",
    remedy: "reading the export in Parquet, which takes the server a third of what lines of JSON take",
  },
};

const byLength = new Answers(systems, LENGTHS, "steps");
const byRuns = new Answers(systems, CHART_RUNS, "runs");
/** System → steps of each of the hundred runs, and how long reading all of them took. */
const most = new Map<string, { steps: number; export: string }>();
for (const system of systems) {
  const began = performance.now();
  await askAtLengths(system);
  await askOfMostRuns(system);
  console.error(`   ${system.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
report();

async function askAtLengths(system: PeerSystem): Promise<void> {
  let reason = missing.get(system.name);
  for (const rows of LENGTHS) {
    reason ??= await filled(system, RUNS, rows, async (worker, runs, pool) => {
      const zoomAt = Math.floor(rows * 0.615);
      const given = {
        screen: { runs, keys: pool.keys, buckets: BUCKETS, times: TIMES },
        zoom: {
          runs,
          key: "metric_0",
          buckets: BUCKETS,
          begin: zoomAt,
          end: zoomAt + Math.ceil(rows / 100),
          times: TIMES,
        },
        last: { runs, times: TIMES },
        scan: { runs, times: 0 },
      };
      for (const [question, own] of Object.entries(given))
        await byLength.ask(worker, system.name, question, rows, own);
    });
    for (const question of Object.keys(QUESTIONS)) {
      if (reason && !byLength.get(system.name, question, rows))
        byLength.note(system.name, question, rows, reason);
    }
  }
}

async function askOfMostRuns(system: PeerSystem): Promise<void> {
  let reason = missing.get(system.name);
  const [longest = 0] = byLength.points(system.name, "screen").at(-1) ?? [];
  for (const rows of reason ? [] : CHART_LENGTHS) {
    // As many points as it had no time to be filled with.
    if (rows * MOST_RUNS > longest * RUNS && rows !== CHART_LENGTHS.at(-1)) continue;
    reason = await filled(system, MOST_RUNS, rows, async (worker, runs) => {
      for (const count of CHART_RUNS)
        await byRuns.ask(worker, system.name, "chart", count, {
          runs: runs.slice(0, count),
          key: "metric_0",
          buckets: BUCKETS,
          times: TIMES,
        });
      const [steps = rows, known = 0] = byLength.points(system.name, "scan").at(-1) ?? [];
      const expected = (known * MOST_RUNS * rows) / (RUNS * steps);
      await byRuns.ask(worker, system.name, "scan", MOST_RUNS, { runs, times: 0 }, expected);
      const [[, ms] = [0, Number.NaN]] = byRuns.points(system.name, "scan");
      const rate = (MOST_RUNS * rows * KEYS) / (ms / 1000);
      const failure = byRuns.get(system.name, "scan", MOST_RUNS);
      most.set(system.name, {
        steps: rows,
        export: typeof failure === "string" ? failure : `${short(ms)} ms, ${short(rate)} values/s`,
      });
    });
    if (!reason) return;
  }
  for (const count of CHART_RUNS) byRuns.note(system.name, "chart", count, reason ?? "–");
}

/** Fill a system and `ask`; answers why it could not be done. */
async function filled(
  system: PeerSystem,
  count: number,
  rows: number,
  ask: (worker: Worker, runs: string[], pool: Pool) => Promise<void>,
): Promise<string | undefined> {
  const runs = Array.from({ length: count }, (_, run) => `run-${String(run).padStart(3, "0")}`);
  const pool = makePool(KEYS, rows);
  const fillSeconds = system.name.startsWith("Steelyard") ? OWN_FILL_SECONDS : FILL_SECONDS;
  const began = performance.now();
  const say = (words: string) => console.error(`   ${system.name}, ${count} runs × ${rows} steps: ${words}`);
  try {
    await withSystem(system, async (worker) => {
      const started = performance.now();
      // Memory is not what is asked for, and looking at it is work on the same cores.
      worker.sampleEvery(60_000);
      await worker.call(
        "fill",
        { pool: pool.path, runs, rows, spike: spikeOf(rows), seconds: fillSeconds },
        fillSeconds * 2 + 60,
      );
      const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
      say(`filled in ${seconds(started)} s, ${seconds(began)} s with its start`);
      await worker.call("open_page", {}, 120);
      await ask(worker, runs, pool);
    });
    return undefined;
  } catch (error) {
    say((error as Error).message);
    return failureOf(error as Error);
  } finally {
    pool.remove();
  }
}

function report(): void {
  const lengths = LENGTHS.map(short).join(", ");
  writeReport([
    {
      kind: "text",
      text: `${RUNS} runs × ${KEYS} keys × ${lengths} steps in a fresh folder each; the median of ${TIMES} answers after a first one (fewer when they take seconds; “everything” is asked once), milliseconds from the question to the last byte of the answer. “Screen”: what the system's own page asks for ten charts of all runs, with that page's own number of points (ours: ${BUCKETS} buckets). Yardsticks (in italics) are stores that were asked the same buckets as SQL. Growth: the factor for ten times the size. A system whose filling would take longer than ${FILL_SECONDS} s (ours ${OWN_FILL_SECONDS} s), by the fastest way it has, is asked at smaller sizes.`,
    },
    byLength.table("screen", "A screen of ten charts: ms"),
    seenTable(),
    byLength.table("zoom", "A zoom into 1 % of one chart: ms"),
    byLength.table("last", "The table of runs with their last values: ms"),
    byLength.table("scan", "Everything, read by the system's own way: ms"),
    chartTable(),
    { kind: "text", text: byLength.losses(QUESTIONS) },
    byLength.plot("screen", "A screen of ten charts", `steps of each of ${RUNS} runs`, ["screen"]),
    byLength.plot("last", "Last values of all runs", `steps of each of ${RUNS} runs`, ["last"]),
    byRuns.plot("chart", "One chart of more and more runs", "runs", ["chart"]),
  ]);
}

/** What the answer to the screen holds. */
function seenTable(): TablePart {
  return byLength.tableOf(
    `What that answer holds: points a line / lines of ${RUNS} that show the planted one-step spike`,
    (system, length) => {
      const answer = byLength.get(system, "screen", length) ?? "–";
      if (typeof answer === "string") return "–";
      return `${short((answer.points ?? 0) / (RUNS * KEYS))} / ${answer.spikes ?? "?"}`;
    },
  );
}

function chartTable(): TablePart {
  const { head, rows, ...chart } = byRuns.table(
    "chart",
    `One chart (a key) of ${CHART_RUNS.join(", ")} of ${MOST_RUNS} runs × ${KEYS} keys: ms; and all of the ${MOST_RUNS} runs read into memory by the system's own way`,
  );
  return {
    ...chart,
    head: [...head, "steps a run", "all of it"],
    rows: rows.map((row, at) => {
      const own = most.get(systems[at]?.name ?? "");
      return [...row, own ? short(own.steps) : "–", own?.export ?? "–"];
    }),
  };
}
