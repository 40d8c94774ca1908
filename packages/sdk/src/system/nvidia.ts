import { readFileSync } from "node:fs";
import { type Devices, runTool } from "./tool.ts";

const MIB = 2 ** 20;

/** Field of `nvidia-smi --query-gpu` → name of the official client. */
const FIELDS: readonly [field: string, name: string][] = [
  ["utilization.gpu", "gpu"],
  ["utilization.memory", "memory"],
  ["memory.used", "memoryAllocatedBytes"],
  ["temperature.gpu", "temp"],
  ["power.draw", "powerWatts"],
  ["enforced.power.limit", "enforcedPowerLimitWatts"],
  ["clocks.sm", "smClock"],
  ["clocks.mem", "memoryClock"],
  ["clocks.gr", "graphicsClock"],
  ["ecc.errors.corrected.aggregate.total", "correctedMemoryErrors"],
  ["ecc.errors.uncorrected.aggregate.total", "uncorrectedMemoryErrors"],
  ["fan.speed", "fanSpeed"],
  ["utilization.encoder", "encoderUtilization"],
  ["pcie.link.gen.current", "pcieLinkGen"],
  ["pcie.link.width.current", "pcieLinkWidth"],
  ["pcie.link.gen.max", "maxPcieLinkGen"],
  ["pcie.link.width.max", "maxPcieLinkWidth"],
];

/** Told again as `gpu.process.i.*` of the GPUs that this process uses. */
const OF_PROCESS = new Set([
  "gpu",
  "memory",
  "memoryAllocated",
  "memoryAllocatedBytes",
  "temp",
  "powerWatts",
  "powerPercent",
  "enforcedPowerLimitWatts",
]);

/** First figure of the compute capability, or all of it, → what NVIDIA calls the architecture. */
const ARCHITECTURES: Record<string, string> = {
  "3": "Kepler",
  "5": "Maxwell",
  "6": "Pascal",
  "7": "Volta",
  "7.5": "Turing",
  "8": "Ampere",
  "8.9": "Ada",
  "9": "Hopper",
  "10": "Blackwell",
  "12": "Blackwell",
};

/** GPUs as `nvidia-smi` tells of them. */
export class NvidiaGpus implements Devices {
  readonly name = "nvidia-smi";
  readonly #tool: string;
  readonly #chosen: readonly number[] | undefined;
  /** A driver does not know every field: those it refuses are left out from then on. */
  readonly #unknown = new Set<string>();

  /** `chosen` = indexes of those to measure; all when undefined. */
  constructor(tool: string, chosen: readonly number[] | undefined) {
    this.#tool = tool;
    this.#chosen = chosen;
  }

  async sample(signal: AbortSignal): Promise<Record<string, number>> {
    const [gpus, inUse] = await Promise.all([
      this.#query(["index", "uuid", "memory.total", ...FIELDS.map(([field]) => field)], signal),
      this.#inUse(signal),
    ]);
    const values: Record<string, number> = {};
    for (const gpu of gpus) {
      const own = measuresOf(gpu);
      for (const [name, value] of Object.entries(own)) {
        values[`gpu.${gpu.index}.${name}`] = value;
        if (OF_PROCESS.has(name) && inUse.has(gpu.uuid ?? ""))
          values[`gpu.process.${gpu.index}.${name}`] = value;
      }
    }
    return values;
  }

  async hardware(signal: AbortSignal): Promise<Record<string, unknown>> {
    const [gpus, banner] = await Promise.all([
      this.#query(["index", "name", "memory.total", "uuid", "compute_cap"], signal),
      runTool(this.#tool, [], signal).catch(() => ""),
    ]);
    const cudaVersion = /CUDA Version:\s*([\d.]+)/.exec(banner)?.[1];
    return {
      gpu: gpus[0]?.name,
      gpu_count: gpus.length,
      gpu_nvidia: gpus.map(({ name, uuid, compute_cap: capability = "", ...gpu }) => {
        const architecture = ARCHITECTURES[capability] ?? ARCHITECTURES[capability.split(".")[0] ?? ""];
        return {
          name,
          memoryTotal: String(Number(gpu["memory.total"]) * MIB),
          ...(architecture ? { architecture } : {}),
          uuid,
        };
      }),
      ...(cudaVersion ? { cudaVersion } : {}),
    };
  }

  /** A row for each GPU that is to be measured. */
  async #query(fields: readonly string[], signal: AbortSignal): Promise<Record<string, string>[]> {
    for (;;) {
      const asked = fields.filter((field) => !this.#unknown.has(field));
      try {
        const text = await runTool(
          this.#tool,
          [`--query-gpu=${asked.join(",")}`, "--format=csv,noheader,nounits"],
          signal,
        );
        return rowsOf(text, asked).filter(({ index }) => this.#chosen?.includes(Number(index)) ?? true);
      } catch (error) {
        const field = /Field "([^"]+)" is not a valid field/.exec((error as Error).message)?.[1];
        if (field === undefined || !asked.includes(field)) throw error;
        this.#unknown.add(field);
      }
    }
  }

  /** Uuids of the GPUs on which this process or a child of it computes. */
  async #inUse(signal: AbortSignal): Promise<Set<string>> {
    const query = ["--query-compute-apps=pid,gpu_uuid", "--format=csv,noheader,nounits"];
    const text = await runTool(this.#tool, query, signal).catch(() => "");
    return new Set(
      rowsOf(text, ["pid", "uuid"]).flatMap(({ pid, uuid }) => (uuid && isOurs(Number(pid)) ? [uuid] : [])),
    );
  }
}

function rowsOf(text: string, fields: readonly string[]): Record<string, string>[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const cells = line.split(",");
      return Object.fromEntries(fields.map((field, at) => [field, cells[at]?.trim() ?? ""]));
    });
}

/** What a GPU has not, `[N/A]` and the like, is left out. */
function measuresOf(gpu: Record<string, string>): Record<string, number> {
  const values: Record<string, number> = {};
  const put = (name: string, value: number) => {
    if (Number.isFinite(value)) values[name] = value;
  };
  const number = (field: string) => (gpu[field] ? Number(gpu[field]) : Number.NaN);
  for (const [field, name] of FIELDS) {
    if (name === "memoryAllocatedBytes") {
      put("memoryAllocated", (100 * number(field)) / number("memory.total"));
      put(name, number(field) * MIB);
    } else put(name, number(field));
  }
  put("powerPercent", (100 * number("power.draw")) / number("enforced.power.limit"));
  return values;
}

/** This process, or one that it started, itself or through others. */
function isOurs(pid: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === process.pid) return true;
    try {
      // Behind the name, which may hold anything but ends with a bracket: state, parent.
      const text = readFileSync(`/proc/${at}/stat`, "utf8");
      at = Number(
        text
          .slice(text.lastIndexOf(")") + 1)
          .trim()
          .split(" ")[1],
      );
    } catch {
      return false;
    }
  }
  return false;
}
