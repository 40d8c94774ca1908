import { AmdgpuDriver, amdCards, RocmGpus } from "./amd.ts";
import { AppleSilicon } from "./apple.ts";
import { NvidiaGpus } from "./nvidia.ts";
import { type Devices, findTool } from "./tool.ts";

/** What this machine has beside processors, memory, disk and network. Starts nothing. */
export function devicesHere(gpuIds: readonly number[] | undefined): Devices[] {
  const found: Devices[] = [];
  const nvidia = findTool("nvidia-smi");
  if (nvidia) found.push(new NvidiaGpus(nvidia, gpuIds));
  const rocm = findTool("rocm-smi");
  if (rocm) found.push(new RocmGpus(rocm, gpuIds));
  else {
    const cards = amdCards();
    if (cards.length > 0) found.push(new AmdgpuDriver(cards, gpuIds));
  }
  if (process.platform === "darwin" && process.arch === "arm64") found.push(new AppleSilicon());
  return found;
}
