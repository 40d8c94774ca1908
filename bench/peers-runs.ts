/**
 * The table of runs beside other trackers: its first page, sorted by a last value, filtered by two terms, at three numbers of
 * runs. Each system is asked by the call its own page makes. BENCH_SYSTEMS=Aim: only those so named.
 */
import { growthText, slopeOf } from "./peers/growth.ts";
import { lossesText } from "./peers/losses.ts";
import { failureOf, prepareSystems, SYSTEMS, startSystem, wantedSystems } from "./peers/systems.ts";
import { short } from "./report/plot.ts";
import type { ReportPart, TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const SIZES = quick ? [10, 100, 1_000] : [1_000, 100_000, 1_000_000];
/** Of filling one system; the next size is not tried when ten (or a hundred) times what this took is far over it. */
const FILL_SECONDS = quick ? 6 : 900;
const TIMES = quick ? 2 : 7;
const QUESTIONS = { table: "first page", sort: "sorted by a last value", filter: "two terms of a filter" };
type Question = keyof typeof QUESTIONS;

interface Answer {
  ms: number[];
  points?: number;
}

const systems = wantedSystems(SYSTEMS.filter(({ asked, yardstick }) => asked && !yardstick));
const missing = prepareSystems(systems);
const answers = new Map<string, (Answer | string)[]>();

for (const system of systems) {
  let stopped = missing.get(system.name);
  for (const [at, size] of SIZES.entries()) {
    if (!stopped) {
      try {
        const seconds = await measure(system.name, size);
        const next = (seconds * (SIZES[at + 1] ?? size)) / size;
        if (next > FILL_SECONDS * 2) stopped = `filling would take about ${short(next / 60)} min`;
        continue;
      } catch (error) {
        stopped = failureOf(error as Error);
        console.error(`   ${system.name}: ${(error as Error).message}`);
      }
    }
    for (const question of Object.keys(QUESTIONS)) note(system.name, question as Question, at, stopped);
  }
}
report();

/** Answers the seconds that filling took; throws when it cannot be filled. */
async function measure(name: string, size: number): Promise<number> {
  const system = systems.find((one) => one.name === name);
  if (!system) throw new Error(`there is no ${name}`);
  const worker = await startSystem(system);
  try {
    const began = performance.now();
    const made = await worker.call<number>(
      "fill_runs",
      { count: size, seconds: FILL_SECONDS },
      FILL_SECONDS * 2 + 60,
    );
    const seconds = (performance.now() - began) / 1000;
    if (made < size) throw new Error(`${FILL_SECONDS} s sufficed for ${short(made)} runs`);
    await worker.call("open_page", {}, 900);
    for (const question of Object.keys(QUESTIONS) as Question[]) {
      const answer = await worker
        .call<Answer>("ask", { question, times: TIMES }, 900)
        .catch((error: Error) => failureOf(error));
      note(name, question, SIZES.indexOf(size), answer);
      console.error(
        `   ${name}, ${size} runs, ${question}: ${typeof answer === "string" ? answer : `${short(median(answer.ms))} ms`}`,
      );
    }
    return seconds;
  } finally {
    await worker.stop();
  }
}

function note(name: string, question: Question, at: number, answer: Answer | string): void {
  const known = answers.get(`${name}/${question}`) ?? [];
  known[at] = answer;
  answers.set(`${name}/${question}`, known);
}

function report(): void {
  const parts: ReportPart[] = [
    {
      kind: "text",
      text: `${SIZES.map(short).join(", ")} runs with three settings and three last values each, in a fresh folder; the median of ${TIMES} answers after a first one, milliseconds from the question to the last byte of the answer. A page's length is the system's own: ours 50 runs, MLflow 100, Aim 45, OpenWandb 100; Trackio's page asks for all and sorts and filters by itself.`,
    },
  ];
  for (const [question, title] of Object.entries(QUESTIONS)) parts.push(tableOf(question as Question, title));
  parts.push({ kind: "text", text: losses() });
  parts.push({
    kind: "lines",
    name: "sort",
    title: "The first page of runs, sorted by a last value (Trackio, OpenWandb, Aim: as it comes)",
    xLabel: "runs",
    yLabel: "ms",
    series: systems.flatMap(({ name }) => {
      const sorted = pointsOf(name, "sort");
      const points = sorted.length > 0 ? sorted : pointsOf(name, "table");
      return points.length > 0 ? [{ name, points }] : [];
    }),
  });
  writeReport(parts);
}

function tableOf(question: Question, title: string): TablePart {
  return {
    kind: "table",
    title: `${title}: ms`,
    head: ["system", ...SIZES.map((size) => `${short(size)} runs`), "growth"],
    rows: systems.map(({ name }) => [
      name,
      ...SIZES.map((_, at) => {
        const answer = answers.get(`${name}/${question}`)?.[at] ?? "–";
        return typeof answer === "string" ? answer : short(median(answer.ms));
      }),
      growthText(slopeOf(pointsOf(name, question))),
    ]),
  };
}

/** At the greatest number of runs that ours was asked at. */
function losses(): string {
  return lossesText(
    Object.entries(QUESTIONS).flatMap(([question, title]) => {
      const ours = systems.find(({ name }) => name.startsWith("Steelyard"))?.name ?? "";
      const size = pointsOf(ours, question as Question).at(-1)?.[0];
      if (size === undefined) return [];
      const values = systems.flatMap(({ name }) =>
        pointsOf(name, question as Question)
          .filter(([runs]) => runs === size)
          .map(([, ms]) => [name, ms] as const),
      );
      return [
        {
          measure: `${title}, ${short(size)} runs`,
          values: new Map(values),
          remedy: "an answer of the shown columns alone, and a count that is kept in place of made",
        },
      ];
    }),
  );
}

function pointsOf(name: string, question: Question): [number, number][] {
  return SIZES.flatMap((size, at): [number, number][] => {
    const answer = answers.get(`${name}/${question}`)?.[at];
    return answer && typeof answer !== "string" ? [[size, median(answer.ms)]] : [];
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
