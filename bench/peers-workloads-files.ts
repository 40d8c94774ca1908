/**
 * Files beside other trackers: pictures and tables, console lines, an artifact and its next version. Everything is read back.
 * BENCH_SYSTEMS=Aim and BENCH_WORKLOADS=W10: only those so named; BENCH_FULL=1: ten times the sizes.
 */
import { artifactWorkload } from "./peers/workloads/artifact.ts";
import { consoleWorkload, mediaWorkload } from "./peers/workloads/files.ts";
import { measureWorkloads } from "./peers/workloads/measure.ts";

await measureWorkloads(
  (sizes) => [mediaWorkload(sizes), consoleWorkload(sizes), artifactWorkload(sizes)],
  [],
);
