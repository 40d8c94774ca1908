import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Settings } from "@steelyard/protocol/settings";
import type { InternalLog } from "../debug-log.ts";
import { devicesHere } from "./devices.ts";
import { diskOf } from "./host-metrics.ts";
import { kubernetesImage } from "./kubernetes.ts";

/** What settings say in place of what is found. */
export type HardwareOptions = Pick<
  Settings,
  | "docker"
  | "statsCpuCount"
  | "statsCpuLogicalCount"
  | "statsGpuCount"
  | "statsGpuType"
  | "statsGpuDeviceIds"
  | "slurmHidden"
>;

/**
 * The part of `wandb-metadata.json` that is about the machine, at the official client's names; numbers of bytes are texts,
 * as its 64-bit numbers are. What cannot be learned is left out and told in the run's story.
 */
export async function hardwareFacts(
  given: HardwareOptions,
  log: InternalLog,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const processors = cpus();
  const logical = given.statsCpuLogicalCount ?? processors.length;
  const count = given.statsCpuCount ?? coresOf(textOf("/proc/cpuinfo")) ?? logical;
  const model = processors[0]?.model.trim();
  const disk = diskOf("/");
  const slurm = slurmFacts(process.env, given.slurmHidden);
  const trying = async (name: string, learn: () => Promise<Record<string, unknown>>) => {
    try {
      return await learn();
    } catch (error) {
      log.write("WARNING", `${name} tells nothing`, { reason: (error as Error).message });
      return {};
    }
  };
  const [image, ...devices] = await Promise.all([
    given.docker === undefined
      ? trying("kubernetes", async () => ({ docker: await kubernetesImage(process.env, signal) }))
      : { docker: given.docker },
    ...devicesHere(given.statsGpuDeviceIds).map((one) => trying(one.name, () => one.hardware(signal))),
  ]);
  return {
    cpu_count: count,
    cpu_count_logical: logical,
    cpu: { count, countLogical: logical, ...(model ? { model } : {}) },
    memory: { total: String(totalmem()) },
    ...(disk ? { disk: { "/": { total: String(disk.total), used: String(disk.used) } } } : {}),
    ...Object.assign({}, ...devices),
    ...(given.statsGpuCount === undefined ? {} : { gpu_count: given.statsGpuCount }),
    ...(given.statsGpuType === undefined ? {} : { gpu: given.statsGpuType }),
    ...(Object.keys(slurm).length > 0 ? { slurm } : {}),
    ...(image?.docker === undefined ? {} : image),
  };
}

/** Cores in `/proc/cpuinfo`, where two logical processors may be one; undefined where it does not say. */
function coresOf(cpuinfo: string): number | undefined {
  const cores = new Set<string>();
  for (const processor of cpuinfo.split("\n\n")) {
    const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(processor)?.[1];
    const core = field("core id");
    if (core !== undefined) cores.add(`${field("physical id")} ${core}`);
  }
  return cores.size > 0 ? cores.size : undefined;
}

/** `SLURM_JOB_ID` as `job_id`; the whole team can read it, so that names of secrets stay out. */
export function slurmFacts(
  environment: NodeJS.ProcessEnv,
  hidden: readonly string[],
): Record<string, string> {
  const patterns = hidden.map(
    (glob) =>
      new RegExp(
        `^${glob
          .split("*")
          .map((part) => part.replace(/\W/g, "\\$&"))
          .join(".*")}$`,
        "i",
      ),
  );
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith("SLURM_") && value !== undefined && !patterns.some((pattern) => pattern.test(name))
        ? [[name.slice("SLURM_".length).toLowerCase(), value]]
        : [],
    ),
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
