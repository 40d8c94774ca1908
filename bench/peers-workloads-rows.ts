/**
 * Rows of a training, beside other trackers: a few values a step, a thousand, a million steps, rows of a hundred thousand keys;
 * and each system as it comes out of the box. Everything is read back. BENCH_SYSTEMS=Aim and BENCH_WORKLOADS=W1,W6: only those
 * so named; BENCH_FULL=1: ten times the sizes.
 */
import { importWorkload } from "./peers/workloads/import.ts";
import { loggingWorkload } from "./peers/workloads/logging.ts";
import { measureWorkloads } from "./peers/workloads/measure.ts";

await measureWorkloads(
  ({ small, wide, long, huge, cellSeconds }) => [
    importWorkload(),
    loggingWorkload("W1", "small", small, cellSeconds, { atRest: true }),
    loggingWorkload("W1d", "small, each as it comes out of the box", small, cellSeconds, {
      atRest: true,
      asItComes: true,
    }),
    loggingWorkload("W2", "wide", wide, cellSeconds),
    loggingWorkload("W3", "long", long, cellSeconds, { atRest: true, slope: true }),
    loggingWorkload("W6a", "huge rows", huge.many, cellSeconds, { rowsOf: "W2" }),
    loggingWorkload("W6b", "a huge row", huge.one, cellSeconds, { rowsOf: "W6a" }),
  ],
  [
    {
      id: "W1",
      value: "call",
      name: "calls",
      title: "W1: a call of log() with 5 values (p50)",
      xLabel: "µs, less is better",
    },
    {
      id: "W3",
      value: "rows",
      name: "rows",
      title: "W3: rows a second until they can be read",
      xLabel: "rows/s, more is better",
    },
  ],
);
