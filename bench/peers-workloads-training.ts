/**
 * Trainings beside other trackers: many runs, several processes, a loop that must not slow down, a server that goes away.
 * Everything is read back. BENCH_SYSTEMS=Aim and BENCH_WORKLOADS=W7: only those so named; BENCH_FULL=1: ten times the sizes.
 */
import { manyRunsWorkload, parallelWorkload } from "./peers/workloads/many-runs.ts";
import { measureWorkloads } from "./peers/workloads/measure.ts";
import { outageWorkload, pacedWorkload } from "./peers/workloads/paced.ts";

await measureWorkloads(
  (sizes) => [manyRunsWorkload(sizes), parallelWorkload(sizes), pacedWorkload(sizes), outageWorkload(sizes)],
  [
    {
      id: "W7",
      value: "visible",
      name: "visible",
      title: "W7: a value can be read after (p50)",
      xLabel: "s, less is better",
    },
  ],
);
