/**
 * Logging beside other trackers: 1, 10 and 100 runs of 10 keys, counted when durable, everything read back and compared.
 * One process logs; where a system has a server it runs beside it on the same cores, and in a second series on a core of its
 * own. A system that needs longer than the time of a cell keeps what it got that far. BENCH_SYSTEMS=Aim: only those so named.
 */
import { cpus } from "node:os";
import { versionOf } from "./peers/environments.ts";
import { compareAll, inWords } from "./peers/faithful.ts";
import { growthText, median, slopeOf } from "./peers/growth.ts";
import { lossesText } from "./peers/losses.ts";
import { failureOf, openBench, withSystem } from "./peers/opening.ts";
import { SYSTEMS } from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { makePool, spikeOf } from "./peers/workload.ts";
import { short } from "./report/plot.ts";
import type { ReportPart, TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const { quick, systems, missing } = openBench(SYSTEMS);
const KEYS = 10;
const RUNS = quick ? [10] : [1, 10, 100];
/** Of all runs of a cell together. */
const ROWS = quick ? 2_000 : 50_000;
const CELL_SECONDS = quick ? 2 : 5;
/** What a system may take for the rows of a cell, and for giving them back: beyond that it is said and left. */
const MOST_SECONDS = 150;
const REPEATS = quick ? 1 : 3;
/** What takes longer to write is measured once; and so are the other numbers of runs, which show how it grows. */
const SHORT_SECONDS = 3;
const REPEATED_RUNS = 10;
/** Of the series with the client on one core and the server on another. */
const PINNED_RUNS = quick || cpus().length < 2 ? [] : [10];
const CELLS = [
  ...RUNS.map((runs) => ({ runs, pinned: false })),
  ...PINNED_RUNS.map((runs) => ({ runs, pinned: true })),
];

/** What a worker answers that was told to write. */
interface Written {
  /** Of each run. */
  rows: number[];
  seconds: number;
  calls?: { p50: number; p99: number };
}

/** One system with so many runs, once. */
interface Cell {
  seconds: number;
  rowsPerSecond: number;
  rows: number;
  cpuMicrosAPoint: number;
  peakMb: number;
  bytesAPoint: number;
  readBack: string;
  hasServers: boolean;
  callMicros?: { p50: number; p99: number };
}

const pool = makePool(KEYS, ROWS);
const measured = new Map<string, Cell[]>();
const failed = new Map<string, string>(missing);
try {
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const system of shuffled(systems, repeat)) {
      for (const { runs, pinned } of CELLS) {
        if (failed.has(system.name)) continue;
        if (pinned && !cellsOf(system.name, runs)[0]?.hasServers) continue;
        const [first] = cellsOf(system.name, runs, pinned);
        if (first && (first.seconds >= SHORT_SECONDS || runs !== REPEATED_RUNS || pinned)) continue;
        const key = keyOf(system.name, runs, pinned);
        const began = performance.now();
        try {
          const cell = await withSystem(system, (worker) => measure(worker, runs, pinned));
          measured.set(key, [...(measured.get(key) ?? []), cell]);
          const seconds = (performance.now() - began) / 1000;
          console.error(
            `   ${key}: ${short(cell.rowsPerSecond)} rows/s, read back: ${cell.readBack}; ${seconds.toFixed(1)} s`,
          );
        } catch (error) {
          failed.set(system.name, failureOf(error as Error));
          console.error(`   ${key}: ${(error as Error).message}`);
        }
      }
    }
  }
  report();
} finally {
  pool.remove();
}

function keyOf(name: string, runs: number, pinned = false): string {
  return `${name}/${runs}${pinned ? ", pinned" : ""}`;
}

function cellsOf(name: string, runs: number, pinned = false): readonly Cell[] {
  return measured.get(keyOf(name, runs, pinned)) ?? [];
}

async function measure(worker: Worker, runs: number, pinned: boolean): Promise<Cell> {
  const names = Array.from({ length: runs }, (_, run) => `run-${String(run).padStart(3, "0")}`);
  const rows = Math.ceil(ROWS / runs);
  const spike = spikeOf(rows);
  worker.servers = await worker.call<number[]>("servers");
  if (pinned) worker.pin(0, 1);
  const before = worker.cpuSeconds();
  const {
    rows: written,
    seconds,
    calls,
  } = await worker.call<Written>(
    "write",
    { pool: pool.path, runs: names, rows, spike, seconds: CELL_SECONDS },
    MOST_SECONDS,
  );
  const after = worker.cpuSeconds();
  const peak = worker.peakResident;
  const read = await worker.call<Parameters<typeof compareAll>[4]>(
    "read_back",
    { runs: names },
    MOST_SECONDS,
  );
  await worker.call("settle");
  const total = written.reduce((sum, one) => sum + one, 0);
  const cpu = after[0] + after[1] - before[0] - before[1];
  return {
    rows: total,
    seconds,
    rowsPerSecond: total / seconds,
    cpuMicrosAPoint: (cpu / (total * KEYS)) * 1e6,
    peakMb: peak / 2 ** 20,
    bytesAPoint: worker.diskBytes() / (total * KEYS),
    readBack: inWords(compareAll(pool, names, written, spike, read)),
    hasServers: worker.servers.length > 0,
    callMicros: calls,
  };
}

function report(): void {
  const parts: ReportPart[] = [
    {
      kind: "text",
      text: `Every cell: ${ROWS.toLocaleString("en")} rows of ${KEYS} keys over all runs together, once${REPEATS > 1 ? `; with ${REPEATED_RUNS} runs ${REPEATS} times where writing takes less than ${SHORT_SECONDS} s: the median, and in brackets the range` : ""}; a cell ends after ${CELL_SECONDS} s with what it has. A row counts when the system says it is written (last column of the second table). Processor and memory: the whole tree of processes, client and server. Disk: allocated bytes after a clean stop, over everything in the system's folder.`,
    },
  ];
  for (const { runs, pinned } of CELLS) parts.push(tableOf(runs, pinned));
  parts.push(conditionsTable(), { kind: "text", text: losses() });
  parts.push(
    {
      kind: "bars",
      name: "rows",
      title: "10 runs × 10 keys: rows a second, written",
      xLabel: "rows/s, more is better",
      bars: systems.flatMap(({ name }) => barOf(name, 10, (cell) => cell.rowsPerSecond)),
    },
    {
      kind: "bars",
      name: "disk",
      title: "10 runs × 10 keys: bytes a point at rest",
      xLabel: "bytes a point, less is better",
      bars: systems.flatMap(({ name }) => barOf(name, 10, (cell) => cell.bytesAPoint)),
    },
  );
  writeReport(parts);
}

function tableOf(runs: number, pinned: boolean): TablePart {
  const shown = pinned ? systems.filter(({ name }) => cellsOf(name, runs, true).length > 0) : systems;
  const rows = shown.map(({ name, yardstick }) => {
    const cells = cellsOf(name, runs, pinned);
    const label = yardstick ? `*${name}*` : name;
    if (cells.length === 0)
      return [label, `not measured: ${failed.get(name) ?? "?"}`, "", "", "", "", "", ""];
    const first = cells[0] as Cell;
    const all = first.rows === Math.ceil(ROWS / runs) * runs;
    return [
      label,
      spanOf(cells.map((cell) => cell.rowsPerSecond)),
      spanOf(cells.map((cell) => cell.rowsPerSecond * KEYS)),
      first.callMicros ? `${short(first.callMicros.p50)} / ${short(first.callMicros.p99)}` : "–",
      short(median(cells.map((cell) => cell.cpuMicrosAPoint))),
      short(median(cells.map((cell) => cell.peakMb))),
      short(median(cells.map((cell) => cell.bytesAPoint))),
      all ? first.readBack : `${first.readBack} of ${first.rows.toLocaleString("en")} rows`,
    ];
  });
  return {
    kind: "table",
    title: `${runs} run${runs > 1 ? "s" : ""} × ${KEYS} keys${pinned ? ", the client on one core, its server on the other" : ""}`,
    head: [
      "system",
      "rows/s",
      "points/s",
      "a call, µs p50 / p99",
      "CPU µs a point",
      "peak MB",
      "bytes a point",
      "read back",
    ],
    rows,
  };
}

function losses(): string {
  const at = RUNS.includes(10) ? 10 : (RUNS[0] ?? 1);
  const valuesOf = (value: (cell: Cell) => number) =>
    new Map(
      systems.flatMap(({ name }) => barOf(name, at, value).map((bar) => [bar.name, bar.value] as const)),
    );
  return lossesText([
    {
      measure: `rows a second, ${at} runs`,
      moreIsBetter: true,
      values: valuesOf((cell) => cell.rowsPerSecond),
      remedy:
        "rows sent as columns, so that neither side writes and reads JSON; a store in the program's own process also has no other process to wait for",
    },
    {
      measure: `processor a point, ${at} runs`,
      values: valuesOf((cell) => cell.cpuMicrosAPoint),
      remedy:
        "the same: columns on the wire; most of it is JSON, made by the client and parsed by the server",
    },
    {
      measure: `peak memory, ${at} runs`,
      values: valuesOf((cell) => cell.peakMb),
      remedy:
        "a server of one process with a heap of its own costs what it costs; loading less of it at the start",
    },
    {
      measure: `bytes a point, ${at} runs`,
      values: valuesOf((cell) => cell.bytesAPoint),
      remedy:
        "giving the journal's room back to the file system; with few rows the empty databases are most of it",
    },
  ]);
}

function conditionsTable(): TablePart {
  const span = `from ${RUNS[0]} to ${RUNS.at(-1)} runs`;
  const growthOf = (name: string, value: (cell: Cell) => number) =>
    growthText(slopeOf(RUNS.map((runs): [number, number] => [runs, median(cellsOf(name, runs).map(value))])));
  return {
    kind: "table",
    title: "Growth with the number of runs, versions, and what “written” means",
    head: ["system", "version", `rows/s ${span}`, `CPU a point ${span}`, "written when"],
    rows: systems.map((system) => [
      system.name,
      versionOf(system),
      growthOf(system.name, (cell) => cell.rowsPerSecond),
      growthOf(system.name, (cell) => cell.cpuMicrosAPoint),
      system.durable,
    ]),
  };
}

function barOf(name: string, runs: number, value: (cell: Cell) => number): { name: string; value: number }[] {
  const cells = cellsOf(name, runs);
  return cells.length > 0 ? [{ name, value: median(cells.map(value)) }] : [];
}

function spanOf(values: readonly number[]): string {
  const middle = short(median(values));
  return values.length > 1
    ? `${middle} (${short(Math.min(...values))}–${short(Math.max(...values))})`
    : middle;
}

/** Another order each time, the same in every run of the bench: what ran before a system must not decide its figure. */
function shuffled<T>(items: readonly T[], turn: number): T[] {
  const turned = [...items.slice(turn % items.length), ...items.slice(0, turn % items.length)];
  return turn % 2 === 1 ? turned.reverse() : turned;
}
