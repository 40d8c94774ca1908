import type { BarsPart, ReportPart, TablePart } from "../../report/result.ts";
import { writeReport } from "../../report/write.ts";
import { versionOf } from "../environments.ts";
import { lossesText } from "../losses.ts";
import { failureOf, openBench, startSystem } from "../opening.ts";
import { LOCAL_SYSTEMS, type PeerSystem, SYSTEMS, withPictures } from "../systems.ts";
import type { Worker } from "../worker.ts";
import { rowOf, timesOf, valuesOf } from "./repeats.ts";
import { type Sizes, sizesOf } from "./sizes.ts";
import type { Line, Workload } from "./workload.ts";

/** A picture of one value of a workload. */
interface Bars extends Omit<BarsPart, "kind" | "bars"> {
  id: string;
  value: string;
}

/** What a system did of each workload, by its id: every time it was measured, or why there is none. */
type Results = Map<string, Line[] | string>;

/** Give every system that is a tracker's client every workload, and report. */
export async function measureWorkloads(make: (sizes: Sizes) => Workload[], plots: Bars[]): Promise<void> {
  const clients = SYSTEMS.filter(({ wire, yardstick }) => !wire && !yardstick);
  const { quick, systems, missing } = openBench([...clients, ...LOCAL_SYSTEMS].map(withPictures));
  const sizes = sizesOf(quick, process.env.BENCH_FULL === "1");
  const workloads = wantedWorkloads(make(sizes), quick);
  const all = new Map<string, Results>();
  for (const system of systems) {
    const reason = missing.get(system.name);
    const results: Results = new Map(reason ? workloads.map(({ id }) => [id, reason]) : []);
    all.set(system.name, results);
    if (!reason) await measureSystem(system, workloads, results, quick);
  }
  const values = (id: string, value: string) => comparedValues(systems, all, id, value);
  const contests = workloads.flatMap(({ id, contests: own }) =>
    own.map((contest) => ({ ...contest, values: values(id, contest.value) })),
  );
  const bars = plots.flatMap(({ id, value, ...plot }): ReportPart[] => {
    const found = [...values(id, value)].filter(([, number]) => number > 0);
    const drawn = found.map(([name, number]) => ({ name, value: number }));
    return drawn.length > 0 ? [{ kind: "bars", ...plot, bars: drawn }] : [];
  });
  writeReport([
    { kind: "text", text: wordsOf(sizes) },
    ...workloads.map((workload) => tableOf(workload, systems, all)),
    conditions(systems),
    { kind: "text", text: lossesText(contests) },
    ...bars,
  ]);
}

/**
 * First what counts bytes at rest, each on an empty folder; then all else, and what was short again, on one start. A quick
 * run takes one start for all.
 */
async function measureSystem(
  system: PeerSystem,
  workloads: readonly Workload[],
  results: Results,
  quick: boolean,
): Promise<void> {
  for (const workload of workloads) {
    const reason = workload.cannot?.(system);
    if (reason) results.set(workload.id, reason);
    else if (workload.asItComes || (workload.atRest && !quick)) {
      const start = async () => startSystem(system, workload.asItComes);
      const worker = await attempt(system, workload, results, true, start);
      await worker?.stop();
    }
  }
  let worker: Worker | undefined;
  for (const workload of workloads) {
    if (workload.asItComes || typeof results.get(workload.id) === "string") continue;
    for (let wanted = quick ? 1 : timesWanted(results, workload); timesDone(results, workload) < wanted; ) {
      const running = worker;
      worker = await attempt(system, workload, results, false, async () => running ?? startSystem(system));
      if (!worker) break;
      wanted = quick ? 1 : timesWanted(results, workload);
    }
  }
  await worker?.stop();
}

function timesDone(results: Results, { id }: Workload): number {
  return results.get(id)?.length ?? 0;
}

/** As its first time says; once before that. */
function timesWanted(results: Results, { id }: Workload): number {
  const first = results.get(id)?.[0];
  return typeof first === "object" ? timesOf(first.seconds) : 1;
}

/** Measure once more; answers the worker, unless it failed: then it is stopped. */
async function attempt(
  system: PeerSystem,
  workload: Workload,
  results: Results,
  fresh: boolean,
  start: () => Promise<Worker>,
): Promise<Worker | undefined> {
  const { id } = workload;
  const done = results.get(id) ?? [];
  const turn = typeof done === "string" ? 0 : done.length;
  const before = (other: string) => {
    const lines = results.get(other);
    return typeof lines === "string" ? undefined : lines?.[0];
  };
  const began = performance.now();
  const say = (words: string) =>
    console.error(`   ${id}/${system.name} (${((performance.now() - began) / 1000).toFixed(1)} s): ${words}`);
  let worker: Worker | undefined;
  try {
    worker = await start();
    const line = await workload.measure({ system, worker, fresh, turn, before });
    results.set(id, [...(typeof done === "string" ? [] : done), line]);
    say(rowOf([line]).join(" | "));
    return worker;
  } catch (error) {
    // What it did before stays.
    if (turn === 0) results.set(id, failureOf(error as Error));
    say((error as Error).message);
    await worker?.stop();
    return undefined;
  }
}

function tableOf(
  { id, title, head }: Workload,
  systems: readonly PeerSystem[],
  all: ReadonlyMap<string, Results>,
): TablePart {
  return {
    kind: "table",
    title,
    head: ["system", ...head, "times"],
    rows: systems.map(({ name }) => {
      const done = all.get(name)?.get(id) ?? "–";
      if (typeof done === "string") return [name, done, ...head.map(() => "")];
      return [name, ...rowOf(done), String(done.length)];
    }),
  };
}

function conditions(systems: readonly PeerSystem[]): TablePart {
  return {
    kind: "table",
    title: "Versions, and what “written” means",
    head: ["system", "version", "written when"],
    rows: systems.map((system) => [system.name, versionOf(system), system.durable]),
  };
}

/** Of the systems that were measured; a yardstick does not compete. */
function comparedValues(
  systems: readonly PeerSystem[],
  all: ReadonlyMap<string, Results>,
  id: string,
  value: string,
): Map<string, number> {
  return new Map(
    systems.flatMap(({ name, yardstick }) => {
      const done = all.get(name)?.get(id);
      return !yardstick && typeof done === "object" ? [[name, valuesOf(done)[value] ?? Number.NaN]] : [];
    }),
  );
}

function wordsOf({ words, cellSeconds }: Sizes): string {
  return `A cell: ${words}. A loop ends after ${cellSeconds} s: “≈” is what all of it would take at that pace. What takes less than 3 s is done three to seven times, as “times” says: the median, the range in brackets; all else once. Values: curves of a training, 70 % float32, 20 % doubles, 10 % integers, one NaN in ten thousand; rows are made before the clock runs. Client and server share the machine, on this disk, over loopback HTTP without TLS; what counts bytes at rest begins on an empty folder, all else on one start of the system. Off: telemetry, system metrics, console, git, code, packages; where a workload is about one of these, it alone is on. The first hundred calls (of few: a tenth) are left out. “Written after the last call”: until the system's own reader answers the last row, looked at every 20 ms; for those that write files alone, until finish() is through. Rows a second: from the first call to that. The official client sends history every 15 s, and the rest at finish(): its finish has what its loop does not. Processor: all processes of a side; memory: the sum of their proportional shares at its greatest; disk: everything in the system's folder after a clean stop, empty databases and all.`;
}

/** Those of BENCH_WORKLOADS (beginnings of ids, with commas); when it is not set, all, of a quick run those that share a start. */
function wantedWorkloads(all: readonly Workload[], quick: boolean): readonly Workload[] {
  const wanted = process.env.BENCH_WORKLOADS?.split(",");
  if (wanted) return all.filter(({ id }) => wanted.some((one) => id.startsWith(one)));
  return quick ? all.filter(({ asItComes }) => !asItComes) : all;
}
