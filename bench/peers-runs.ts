/**
 * The table of runs beside other trackers: its first page, sorted by a last value, filtered by two terms, at three numbers of
 * runs. Each system is asked by the call its own page makes. BENCH_SYSTEMS=Aim: only those so named.
 */
import { Answers } from "./peers/answers.ts";
import { failureOf, openBench, withSystem } from "./peers/opening.ts";
import { SYSTEMS } from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { short } from "./report/plot.ts";
import { writeReport } from "./report/write.ts";

const { quick, systems, missing } = openBench(SYSTEMS.filter(({ asked, yardstick }) => asked && !yardstick));
const SIZES = quick ? [100, 1_000] : [1_000, 10_000, 100_000];
/** Of filling one system once; as soon as it shows that it would take longer, it is left. */
const FILL_SECONDS = quick ? 3 : 60;
/** Ours is asked at every size; it is filled by the wire, a run at a time. */
const OWN_FILL_SECONDS = quick ? 3 : 240;
const TIMES = quick ? 2 : 7;
const QUESTIONS = { table: "first page", sort: "sorted by a last value", filter: "two terms of a filter" };
const REMEDY = "an answer of the shown columns alone, and a count that is kept in place of made";

const answers = new Answers(systems, SIZES, "runs");
for (const system of systems) {
  let reason = missing.get(system.name);
  for (const size of SIZES) {
    if (!reason) {
      const began = performance.now();
      reason = await withSystem(system, (worker) => measure(worker, system.name, size)).catch(
        (error: Error) => failureOf(error),
      );
      console.error(
        `   ${system.name}, ${size} runs: ${reason ?? "asked"} after ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    for (const question of Object.keys(QUESTIONS)) {
      if (reason && !answers.get(system.name, question, size))
        answers.note(system.name, question, size, reason);
    }
  }
}
writeReport([
  {
    kind: "text",
    text: `${SIZES.map(short).join(", ")} runs with three settings and three last values each, in a fresh folder; the median of ${TIMES} answers after a first one, milliseconds from the question to the last byte of the answer. A system whose filling would take longer than ${FILL_SECONDS} s (ours ${OWN_FILL_SECONDS} s) is asked at fewer runs. A page's length is the system's own: ours 50 runs, MLflow 100, Aim 45, OpenWandb 100; Trackio's page asks for all and sorts and filters by itself. A million runs of ours: see runs-table.`,
  },
  ...Object.entries(QUESTIONS).map(([question, title]) => answers.table(question, `${title}: ms`)),
  {
    kind: "text",
    text: answers.losses(
      Object.fromEntries(
        Object.entries(QUESTIONS).map(([question, measure]) => [question, { measure, remedy: REMEDY }]),
      ),
    ),
  },
  answers.plot(
    "sort",
    "The first page of runs, sorted by a last value (Trackio, OpenWandb, Aim: as it comes)",
    "runs",
    ["sort", "table"],
  ),
]);

/** Answers why no more runs are tried, if so. */
async function measure(worker: Worker, system: string, size: number): Promise<string | undefined> {
  // Memory is not what is asked for, and looking at it is work on the same cores.
  worker.sampleEvery(60_000);
  const seconds = system.startsWith("Steelyard") ? OWN_FILL_SECONDS : FILL_SECONDS;
  await worker.call("fill_runs", { count: size, seconds }, seconds * 2 + 60);
  await worker.call("open_page", {}, 120);
  for (const question of Object.keys(QUESTIONS))
    await answers.ask(worker, system, question, size, { times: TIMES });
  return undefined;
}
