import { type Devices, findTool, runTool } from "./tool.ts";

const GIB = 2 ** 30;

/**
 * Apple silicon, as far as it tells without root: the GPU's use, memory and swap. Frequencies, temperatures and power are
 * for root alone there.
 */
export class AppleSilicon implements Devices {
  readonly name = "ioreg and sysctl";

  async sample(signal: AbortSignal): Promise<Record<string, number>> {
    const [accelerator, pages, facts] = await Promise.all([
      tool("ioreg", ["-r", "-d", "1", "-w", "0", "-c", "IOAccelerator"], signal),
      tool("vm_stat", [], signal),
      sysctl(["hw.memsize", "vm.swapusage"], signal),
    ]);
    const values: Record<string, number> = {};
    const put = (name: string, value: number) => {
      if (Number.isFinite(value)) values[name] = value;
    };
    put("gpu.0.gpu", Number(/"Device Utilization %"=(\d+)/.exec(accelerator)?.[1]));
    const size = Number(/page size of (\d+) bytes/.exec(pages)?.[1]);
    const count = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(pages)?.[1]);
    const used =
      size * (count("Pages active") + count("Pages wired down") + count("Pages occupied by compressor"));
    put("memory.used", used);
    put("memory.used_percent", (100 * used) / Number(facts["hw.memsize"]));
    const megabytes = (name: string) =>
      Number(new RegExp(`${name} = ([\\d.]+)M`).exec(facts["vm.swapusage"] ?? "")?.[1]);
    put("swap.used", megabytes("used") * 2 ** 20);
    put(
      "swap.used_percent",
      megabytes("total") > 0 ? (100 * megabytes("used")) / megabytes("total") : Number.NaN,
    );
    return values;
  }

  async hardware(signal: AbortSignal): Promise<Record<string, unknown>> {
    const [facts, accelerator] = await Promise.all([
      sysctl(
        [
          "machdep.cpu.brand_string",
          "hw.perflevel0.physicalcpu",
          "hw.perflevel1.physicalcpu",
          "hw.memsize",
          "hw.model",
          "vm.swapusage",
        ],
        signal,
      ),
      tool("ioreg", ["-r", "-d", "1", "-w", "0", "-c", "IOAccelerator"], signal),
    ]);
    const name = facts["machdep.cpu.brand_string"] ?? "";
    const count = (text: string | undefined) => (text ? Number(text) : undefined);
    const memory = count(facts["hw.memsize"]);
    const cores = count(/"gpu-core-count"\s*=\s*(\d+)/.exec(accelerator)?.[1]);
    const swap = /total = ([\d.]+)M/.exec(facts["vm.swapusage"] ?? "")?.[1];
    const apple = {
      name,
      pcpuCores: count(facts["hw.perflevel0.physicalcpu"]),
      ecpuCores: count(facts["hw.perflevel1.physicalcpu"]),
      gpuCores: cores,
      memoryGb: memory === undefined ? undefined : Math.round(memory / GIB),
      swapTotalBytes: swap === undefined ? undefined : String(Math.round(Number(swap) * 2 ** 20)),
      ramTotalBytes: memory === undefined ? undefined : String(memory),
      macModel: facts["hw.model"],
    };
    return { gpu: name, gpu_count: 1, apple };
  }
}

async function tool(name: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const path = findTool(name);
  if (!path) throw new Error(`${name} is not in PATH`);
  return await runTool(path, args, signal);
}

/** A name that this machine does not know is left out. */
async function sysctl(names: readonly string[], signal: AbortSignal): Promise<Record<string, string>> {
  const text = await tool("sysctl", ["-i", ...names], signal);
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.includes(": "))
      .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2).trim()]),
  );
}
