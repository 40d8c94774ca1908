/** What is kept of one benchmark in `bench/results/NAME.json`; docs/performance.md is made of these. */
export interface BenchResult {
  name: string;
  /** Day it was measured, ISO. */
  date: string;
  /** Processors, memory, kernel. */
  machine: string;
  /** One-minute load of the machine when it began; above 0.5, others were at work. Undefined = not noted. */
  load?: number;
  /** Version of Node. */
  node: string;
  /** What was typed. */
  command: string;
  /** Small sizes, few repeats. */
  quick: boolean;
  seconds: number;
  parts: ReportPart[];
}

/** A piece of a benchmark's section. */
export type ReportPart =
  | { kind: "printed"; text: string }
  | { kind: "text"; text: string }
  | TablePart
  | LinesPart
  | BarsPart;

export interface TablePart {
  kind: "table";
  title: string;
  head: string[];
  rows: string[][];
}

/** Curves over a size, both axes logarithmic. */
export interface LinesPart {
  kind: "lines";
  /** Of the picture's file. */
  name: string;
  title: string;
  xLabel: string;
  yLabel: string;
  series: { name: string; points: [number, number][] }[];
}

/** One bar a system, on a logarithmic axis. */
export interface BarsPart {
  kind: "bars";
  name: string;
  title: string;
  xLabel: string;
  bars: { name: string; value: number }[];
}
