/**
 * What a chart page asks, beside other trackers: a screen of ten charts over all runs, a zoom, last values, everything. Each
 * system is asked by the call its own page makes, at three lengths of run, with what the answer holds of a planted one-step
 * spike. BENCH_SYSTEMS=Aim: only those so named.
 */
import { growthText, slopeOf } from "./peers/growth.ts";
import { lossesText } from "./peers/losses.ts";
import {
  failureOf,
  type PeerSystem,
  prepareSystems,
  SYSTEMS,
  startSystem,
  wantedSystems,
} from "./peers/systems.ts";
import { makePool, spikeOf } from "./peers/workload.ts";
import { short } from "./report/plot.ts";
import type { ReportPart, TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const KEYS = 10;
const RUNS = quick ? 10 : 100;
const LENGTHS = quick ? [100, 1_000, 10_000] : [10_000, 100_000, 1_000_000];
const BUCKETS = 1000;
/** Of filling one system with one length; the next length is not tried when ten times what this took is far over it. */
const FILL_SECONDS = quick ? 5 : 600;
const TIMES = quick ? 2 : 7;
/** Reading everything back row by row takes long: only up to so many values. */
const SCAN_UP_TO = quick ? 1_000_000 : 100_000_000;

interface Answer {
  ms: number[];
  points?: number;
  spikes?: number;
}

/** Question → system → one answer a length, or why there is none. */
const answers = new Map<string, Map<string, (Answer | string)[]>>();
const QUESTIONS = ["screen", "zoom", "last", "scan"] as const;
const systems = wantedSystems(SYSTEMS.filter(({ asked }) => asked));
const missing = prepareSystems(systems);
for (const question of QUESTIONS)
  answers.set(question, new Map(systems.map(({ name }): [string, (Answer | string)[]] => [name, []])));

const runs = Array.from({ length: RUNS }, (_, run) => `run-${String(run).padStart(3, "0")}`);
for (const system of systems) {
  let secondsNext = 0;
  for (const rows of LENGTHS) {
    const reason =
      missing.get(system.name) ??
      (secondsNext > FILL_SECONDS * 2
        ? `filling would take about ${short(secondsNext / 60)} min`
        : undefined);
    if (reason) {
      for (const question of QUESTIONS) note(question, system, reason);
      continue;
    }
    secondsNext = (await measure(system, rows).catch((error: Error) => failed(system, error))) * 10;
  }
}
report();

function note(question: string, system: PeerSystem, answer: Answer | string): void {
  answers.get(question)?.get(system.name)?.push(answer);
}

/** Fill a system with runs of that length and ask; answers the seconds that filling took. */
async function measure(system: PeerSystem, rows: number): Promise<number> {
  const pool = makePool(KEYS, rows);
  const worker = await startSystem(system);
  try {
    const filled = await worker.call<{ rows: number[]; seconds: number }>(
      "fill",
      { pool: pool.path, runs, rows, spike: spikeOf(rows), seconds: FILL_SECONDS },
      FILL_SECONDS * 2 + 60,
    );
    const loaded = Math.min(...filled.rows);
    console.error(`   ${system.name}, ${rows} steps: filled in ${filled.seconds.toFixed(1)} s`);
    if (loaded < rows) {
      const reason = `${FILL_SECONDS} s sufficed for ${short(loaded)} steps`;
      for (const question of QUESTIONS) note(question, system, reason);
      return Number.POSITIVE_INFINITY;
    }
    await worker.call("open_page", {}, 900);
    const zoomAt = Math.floor(rows * 0.615);
    const given = {
      screen: { runs, keys: pool.keys, buckets: BUCKETS },
      zoom: { runs, key: "metric_0", buckets: BUCKETS, begin: zoomAt, end: zoomAt + Math.ceil(rows / 100) },
      last: { runs },
      scan: { runs },
    };
    for (const question of QUESTIONS) {
      if (question === "scan" && rows * RUNS * KEYS > SCAN_UP_TO) {
        note(question, system, "left out: it takes minutes");
        continue;
      }
      const times = question === "scan" ? 1 : TIMES;
      const answer = await worker
        .call<Answer>("ask", { question, times, ...given[question] }, 900)
        .catch((error: Error) => failureOf(error));
      note(question, system, answer);
      if (typeof answer !== "string")
        console.error(`   ${system.name}, ${rows} steps, ${question}: ${short(median(answer.ms))} ms`);
    }
    return filled.seconds;
  } finally {
    await worker.stop();
    pool.remove();
  }
}

function failed(system: PeerSystem, error: Error): number {
  console.error(`   ${system.name}: ${error.message}`);
  for (const question of QUESTIONS) {
    const known = answers.get(question)?.get(system.name) ?? [];
    while (known.length < Math.max(1, answers.get(QUESTIONS[0])?.get(system.name)?.length ?? 1))
      known.push(failureOf(error));
  }
  return Number.POSITIVE_INFINITY;
}

function report(): void {
  const lengths = LENGTHS.map(short).join(", ");
  const parts: ReportPart[] = [
    {
      kind: "text",
      text: `${RUNS} runs × ${KEYS} keys × ${lengths} steps in a fresh folder each; the median of ${TIMES} answers after a first one, milliseconds from the question to the last byte of the answer. “Screen”: what the system's own page asks for ten charts of all runs, with that page's own number of points (ours: ${BUCKETS} buckets). Yardsticks (in italics) are stores that were asked the same buckets as SQL. Growth: the factor for ten times the steps.`,
    },
    tableOf("screen", "A screen of ten charts: ms"),
    seenTable(),
    tableOf("zoom", "A zoom into 1 % of one chart: ms"),
    tableOf("last", "The table of runs with their last values: ms"),
    tableOf("scan", "Everything, read by the system's own way: ms"),
    { kind: "text", text: losses() },
  ];
  for (const question of ["screen", "last"] as const) {
    parts.push({
      kind: "lines",
      name: question,
      title: question === "screen" ? "A screen of ten charts" : "Last values of all runs",
      xLabel: `steps of each of ${RUNS} runs`,
      yLabel: "ms",
      series: systems.flatMap(({ name }) => {
        const points = pointsOf(question, name);
        return points.length > 0 ? [{ name, points }] : [];
      }),
    });
  }
  writeReport(parts);
}

const REMEDIES = {
  screen: "an answer in fewer bytes, which most of it is",
  zoom: "buckets nearer to the window's edges read from the raw columns at once",
  last: "an answer without the fields the table does not show",
  scan: "an export in columns (Parquet, Arrow) in place of lines of JSON",
};

/** At the greatest length that ours was asked at. */
function losses(): string {
  return lossesText(
    QUESTIONS.flatMap((question) => {
      const ours = systems.find(({ name }) => name.startsWith("Steelyard"))?.name ?? "";
      const length = pointsOf(question, ours).at(-1)?.[0];
      if (length === undefined) return [];
      const values = systems.flatMap(({ name }) =>
        pointsOf(question, name)
          .filter(([size]) => size === length)
          .map(([, ms]) => [name, ms] as const),
      );
      const measure = `${question}, ${short(length)} steps`;
      return [{ measure, values: new Map(values), remedy: REMEDIES[question] }];
    }),
  );
}

function pointsOf(question: string, name: string): [number, number][] {
  return LENGTHS.flatMap((length, at): [number, number][] => {
    const answer = answers.get(question)?.get(name)?.[at];
    return answer && typeof answer !== "string" ? [[length, median(answer.ms)]] : [];
  });
}

function tableOf(question: string, title: string): TablePart {
  return {
    kind: "table",
    title,
    head: ["system", ...LENGTHS.map((length) => `${short(length)} steps`), "growth"],
    rows: systems.map(({ name, yardstick }) => [
      yardstick ? `*${name}*` : name,
      ...LENGTHS.map((_, at) => {
        const answer = answers.get(question)?.get(name)?.[at] ?? "–";
        return typeof answer === "string" ? answer : short(median(answer.ms));
      }),
      growthText(slopeOf(pointsOf(question, name))),
    ]),
  };
}

/** What the answer to the screen holds. */
function seenTable(): TablePart {
  return {
    kind: "table",
    title: `What that answer holds: points a line / lines of ${RUNS} that show the planted one-step spike`,
    head: ["system", ...LENGTHS.map((length) => `${short(length)} steps`)],
    rows: systems.map(({ name, yardstick }) => [
      yardstick ? `*${name}*` : name,
      ...LENGTHS.map((_, at) => {
        const answer = answers.get("screen")?.get(name)?.[at] ?? "–";
        if (typeof answer === "string") return "–";
        return `${short((answer.points ?? 0) / (RUNS * KEYS))} / ${answer.spikes ?? "?"}`;
      }),
    ]),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
