import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a container may use, where that is less than the machine has (cgroup v2). */
export interface Limits {
  /** Processors, possibly a fraction. */
  cpus: number | undefined;
  /** Bytes. */
  memory: { max: number; used: () => number } | undefined;
}

/** The tightest limit of this process's control group and those above it. */
export function limitsOf(own = "/proc/self/cgroup", root = "/sys/fs/cgroup"): Limits {
  const limits: Limits = { cpus: undefined, memory: undefined };
  const path = /^0::(.*)$/m.exec(textOf(own) ?? "")?.[1];
  if (path === undefined) return limits;
  for (let folder = join(root, path); folder.startsWith(root); folder = dirname(folder)) {
    const [quota, period] = (textOf(join(folder, "cpu.max")) ?? "").trim().split(" ").map(Number);
    // `max` is no number: no limit.
    const cpus = (quota ?? Number.NaN) / (period ?? Number.NaN);
    if (cpus > 0 && cpus < (limits.cpus ?? Number.POSITIVE_INFINITY)) limits.cpus = cpus;
    const max = Number(textOf(join(folder, "memory.max"))?.trim() || Number.NaN);
    if (max > 0 && max < (limits.memory?.max ?? Number.POSITIVE_INFINITY))
      limits.memory = { max, used: () => usedIn(folder) };
  }
  return limits;
}

/** Without the file cache that gives way. */
function usedIn(folder: string): number {
  const current = Number(textOf(join(folder, "memory.current")) ?? Number.NaN);
  const cache = Number(/^inactive_file (\d+)$/m.exec(textOf(join(folder, "memory.stat")) ?? "")?.[1] ?? 0);
  return Math.max(0, current - cache);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
