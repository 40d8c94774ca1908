/**
 * What users do with a tracker, beside other trackers: from a few values a step to a million keys, many runs, media, console
 * lines, artifacts, a training loop that must not slow down, a server that goes away. Every workload reads back what it gave.
 * BENCH_SYSTEMS=Aim and BENCH_WORKLOADS=W1,W7: only those so named; BENCH_FULL=1: ten times the sizes.
 */
import { lossesText } from "./peers/losses.ts";
import {
  failureOf,
  LOCAL_SYSTEMS,
  type PeerSystem,
  prepareSystems,
  SYSTEMS,
  startSystem,
  versionOf,
  wantedSystems,
  withPictures,
} from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { artifactWorkload, consoleWorkload, mediaWorkload } from "./peers/workloads/files.ts";
import { loggingWorkload } from "./peers/workloads/logging.ts";
import { manyRunsWorkload, parallelWorkload } from "./peers/workloads/many-runs.ts";
import { outageWorkload, pacedWorkload } from "./peers/workloads/paced.ts";
import { sizesOf } from "./peers/workloads/sizes.ts";
import type { Line, Workload } from "./peers/workloads/workload.ts";
import { short } from "./report/plot.ts";
import type { ReportPart, TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const sizes = sizesOf(quick, process.env.BENCH_FULL === "1");
const { cellSeconds } = sizes;
const clients = SYSTEMS.filter(({ wire, yardstick }) => !wire && !yardstick);
const systems = wantedSystems([...clients, ...LOCAL_SYSTEMS]).map(withPictures);
const workloads = wantedWorkloads([
  loggingWorkload("W1", "small", sizes.small, cellSeconds),
  loggingWorkload("W2", "wide", sizes.wide, cellSeconds),
  loggingWorkload("W3", "long", sizes.long, cellSeconds, true),
  manyRunsWorkload(sizes),
  parallelWorkload(sizes),
  ...sizes.huge.map((shape, at) => loggingWorkload(`W6${"ab"[at]}`, "huge rows", shape, cellSeconds)),
  pacedWorkload(sizes),
  mediaWorkload(sizes),
  consoleWorkload(sizes),
  artifactWorkload(sizes),
  outageWorkload(sizes),
]);

const missing = prepareSystems(systems);
/** By workload and system: a line, or why there is none. */
const lines = new Map<string, Line | string>();
/** Seconds of importing its library in a new process, microseconds of looking at the clock twice. */
const processes = new Map<string, { imported: number; clock: number }>();
const beganAt = performance.now();
// Those whose server takes longest to start come last: should the time be over, it is theirs.
for (const slow of [false, true]) {
  for (const system of systems) {
    if (system.worker.startsWith("mlflow") === slow) await measureSystem(system);
  }
}
report();

/** A quick run starts it once for all workloads; a whole one begins each on an empty folder. */
async function measureSystem(system: PeerSystem): Promise<void> {
  let worker: Worker | undefined;
  for (const workload of workloads) {
    const late = performance.now() - beganAt > sizes.minutes * 60_000;
    const reason =
      missing.get(system.name) ??
      workload.cannot?.(system) ??
      (late ? `left out: the bench's ${sizes.minutes} minutes were over` : undefined);
    const key = `${workload.id}/${system.name}`;
    if (reason) {
      lines.set(key, reason);
      continue;
    }
    const began = performance.now();
    try {
      worker ??= await startSystem(system);
      if (!processes.has(system.name)) {
        const [imported, clock] = [
          await worker.call<number>("import_seconds"),
          await worker.call<number>("clock"),
        ];
        processes.set(system.name, { imported, clock });
      }
      lines.set(key, await workload.measure({ system, worker, fresh: !quick }));
    } catch (error) {
      lines.set(key, failureOf(error as Error));
      await worker?.stop();
      worker = undefined;
    }
    const line = lines.get(key) ?? "";
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.error(`   ${key} (${seconds} s): ${typeof line === "string" ? line : line.cells.join(" | ")}`);
    if (!quick) {
      await worker?.stop();
      worker = undefined;
    }
  }
  await worker?.stop();
}

function report(): void {
  const ticks = [...processes.values()].map(({ clock }) => clock);
  const parts: ReportPart[] = [
    {
      kind: "text",
      text: `One measurement a cell, ${sizes.words}; a cell's loop ends after ${cellSeconds} s with what it has. Values: curves of a training, 70 % float32, 20 % doubles, 10 % integers, one NaN in ten thousand; rows are made before the clock runs. Client and server share the machine, on this disk, over loopback HTTP without TLS; every cell begins on an empty folder. Off: telemetry, system metrics, console, git, code, packages; where a workload is about one of these, it alone is on. A call's time has a pair of looks at the clock in it (${short(Math.min(...ticks))}–${short(Math.max(...ticks))} µs); its first hundred calls (of few: a tenth) are left out. “Written after the last call”: until the system's own reader answers the last row, looked at every 20 ms; for those that write files alone, until finish() is through. Rows a second: from the first call to that. The official client sends history every 15 s, and the rest at finish(): its finish has what its loop does not. Processor: all processes of a side; memory: the sum of their proportional shares at its greatest; disk: everything in the system's folder after a clean stop, empty databases and all.`,
    },
  ];
  for (const workload of workloads) parts.push(tableOf(workload));
  parts.push(conditions(), { kind: "text", text: losses() }, ...plots());
  writeReport(parts);
}

function tableOf({ id, title, head }: Workload): TablePart {
  return {
    kind: "table",
    title,
    head: ["system", ...head],
    rows: systems.map(({ name }) => {
      const line = lines.get(`${id}/${name}`) ?? "–";
      return [name, ...(typeof line === "string" ? [line, ...head.slice(1).map(() => "")] : line.cells)];
    }),
  };
}

function conditions(): TablePart {
  return {
    kind: "table",
    title: "Versions, and what “written” means",
    head: ["system", "version", "import in a new process, s", "written when"],
    rows: systems.map((system) => {
      const imported = processes.get(system.name)?.imported;
      return [system.name, versionOf(system), imported ? short(imported) : "–", system.durable];
    }),
  };
}

function losses(): string {
  return lossesText(
    workloads.flatMap(({ id, contests }) =>
      contests.map((contest) => ({ ...contest, values: valuesOf(id, contest.value) })),
    ),
  );
}

/** Of the systems that were measured; a yardstick does not compete. */
function valuesOf(id: string, value: string): Map<string, number> {
  return new Map(
    systems.flatMap(({ name, yardstick }) => {
      const line = lines.get(`${id}/${name}`);
      return !yardstick && line && typeof line !== "string" ? [[name, line.values[value] ?? Number.NaN]] : [];
    }),
  );
}

function plots(): ReportPart[] {
  const bars = (id: string, value: string, name: string, title: string, xLabel: string): ReportPart[] => {
    const found = [...valuesOf(id, value)].filter(([, number]) => number > 0);
    return found.length === 0
      ? []
      : [
          {
            kind: "bars",
            name,
            title,
            xLabel,
            bars: found.map(([system, number]) => ({ name: system, value: number })),
          },
        ];
  };
  return [
    ...bars("W1", "call", "calls", "W1: a call of log() with 5 values (p50)", "µs, less is better"),
    ...bars("W3", "rows", "rows", "W3: rows a second until they can be read", "rows/s, more is better"),
    ...bars("W7", "visible", "visible", "W7: a value can be read after (p50)", "s, less is better"),
  ];
}

function wantedWorkloads(all: readonly Workload[]): readonly Workload[] {
  const wanted = process.env.BENCH_WORKLOADS?.split(",");
  return wanted ? all.filter(({ id }) => wanted.some((one) => id.startsWith(one))) : all;
}
