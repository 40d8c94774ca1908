import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Devices, runTool } from "./tool.ts";

const AMD_VENDOR = "0x1002";
type Card = Record<string, string>;

const POWER = ["Average Graphics Package Power (W)", "Current Socket Graphics Package Power (W)"];
const MAX_POWER = ["Max Graphics Package Power (W)"];

/** What `rocm-smi` calls it, its names changed over time → name of the official client. */
const MEASURES: readonly [name: string, ...fields: string[]][] = [
  ["gpu", "GPU use (%)"],
  ["memoryAllocated", "GPU Memory Allocated (VRAM%)", "GPU memory use (%)"],
  ["memoryReadWriteActivity", "GPU Memory Read/Write Activity (%)"],
  ["memoryOverDrive", "GPU Memory OverDrive value (%)"],
  [
    "temp",
    "Temperature (Sensor memory) (C)",
    "Temperature (Sensor edge) (C)",
    "Temperature (Sensor junction) (C)",
  ],
  ["powerWatts", ...POWER],
];
/** Key of `gpu_amd` in the metadata ← what `rocm-smi` calls it. */
const FACTS: readonly [key: string, ...fields: string[]][] = [
  ["uniqueId", "Unique ID"],
  ["vbiosVersion", "VBIOS version"],
  ["performanceLevel", "Performance Level"],
  ["gpuOverdrive", "GPU OverDrive value (%)"],
  ["gpuMemoryOverdrive", "GPU Memory OverDrive value (%)"],
  ["maxPower", ...MAX_POWER],
  ["series", "Card series", "Card Series"],
  ["model", "Card model", "Card Model"],
  ["vendor", "Card vendor", "Card Vendor"],
  ["sku", "Card SKU"],
  ["sclkRange", "Valid sclk range"],
  ["mclkRange", "Valid mclk range"],
];

/** GPUs as `rocm-smi` tells of them. */
export class RocmGpus implements Devices {
  readonly name = "rocm-smi";
  readonly #tool: string;
  readonly #chosen: readonly number[] | undefined;

  constructor(tool: string, chosen: readonly number[] | undefined) {
    this.#tool = tool;
    this.#chosen = chosen;
  }

  async sample(signal: AbortSignal): Promise<Record<string, number>> {
    const values: Record<string, number> = {};
    for (const [index, card] of await this.#cards(signal)) {
      const put = (name: string, value: number) => {
        if (Number.isFinite(value)) values[`gpu.${index}.${name}`] = value;
      };
      for (const [name, ...fields] of MEASURES) put(name, numberOf(card, fields));
      put("powerPercent", (100 * numberOf(card, POWER)) / numberOf(card, MAX_POWER));
    }
    return values;
  }

  async hardware(signal: AbortSignal): Promise<Record<string, unknown>> {
    const gpus = (await this.#cards(signal)).map(([index, card]) => ({
      id: String(index),
      ...Object.fromEntries(
        FACTS.flatMap(([key, ...fields]) => (found(card, fields) ? [[key, found(card, fields)]] : [])),
      ),
    })) as (Record<string, string> & { id: string })[];
    return { gpu: gpus[0]?.series ?? gpus[0]?.model ?? "AMD", gpu_count: gpus.length, gpu_amd: gpus };
  }

  async #cards(signal: AbortSignal): Promise<[index: number, Card][]> {
    const text = await runTool(this.#tool, ["-a", "--json"], signal);
    // Warnings may stand before it.
    const all = JSON.parse(text.slice(text.indexOf("{"))) as Record<string, Card>;
    return Object.entries(all).flatMap(([key, card]): [number, Card][] => {
      const index = Number(/^card(\d+)$/.exec(key)?.[1] ?? Number.NaN);
      return Number.isNaN(index) || this.#chosen?.includes(index) === false ? [] : [[index, card]];
    });
  }
}

function found(card: Card, fields: readonly string[]): string | undefined {
  return fields.map((field) => card[field]).find((text) => text !== undefined && text !== "N/A");
}

function numberOf(card: Card, fields: readonly string[]): number {
  const text = found(card, fields);
  return text ? Number(text) : Number.NaN;
}

/** GPUs as the kernel's driver tells of them, where ROCm's tools are not installed. */
export class AmdgpuDriver implements Devices {
  readonly name = "amdgpu";
  readonly #cards: readonly string[];
  readonly #chosen: readonly number[] | undefined;

  /** `cards` = folders of the cards in `/sys/class/drm`. */
  constructor(cards: readonly string[], chosen: readonly number[] | undefined) {
    this.#cards = cards;
    this.#chosen = chosen;
  }

  async sample(): Promise<Record<string, number>> {
    const values: Record<string, number> = {};
    for (const [index, card] of this.#cards.entries()) {
      if (this.#chosen?.includes(index) === false) continue;
      const read = (name: string) => Number(textOf(join(card, "device", name)) ?? Number.NaN);
      const sensors = sensorsOf(card);
      const sensor = (...names: string[]) =>
        names
          .map((name) => Number(textOf(join(sensors, name)) ?? Number.NaN))
          .find((value) => !Number.isNaN(value)) ?? Number.NaN;
      const watts = sensor("power1_average", "power1_input") / 1e6;
      for (const [name, value] of [
        ["gpu", read("gpu_busy_percent")],
        ["memoryAllocated", (100 * read("mem_info_vram_used")) / read("mem_info_vram_total")],
        ["memoryReadWriteActivity", read("mem_busy_percent")],
        ["temp", sensor("temp1_input") / 1000],
        ["powerWatts", watts],
        ["powerPercent", (100 * watts) / (sensor("power1_cap") / 1e6)],
      ] as const)
        if (Number.isFinite(value)) values[`gpu.${index}.${name}`] = value;
    }
    return values;
  }

  async hardware(): Promise<Record<string, unknown>> {
    return {
      gpu: "AMD",
      gpu_count: this.#cards.length,
      gpu_amd: this.#cards.map((card, index) => {
        const uniqueId = textOf(join(card, "device", "unique_id"));
        const vbiosVersion = textOf(join(card, "device", "vbios_version"));
        return {
          id: String(index),
          ...(uniqueId ? { uniqueId } : {}),
          ...(vbiosVersion ? { vbiosVersion } : {}),
          vendor: "AMD",
        };
      }),
    };
  }
}

/** Folders of AMD's cards, by their number. */
export function amdCards(root = "/sys/class/drm"): string[] {
  try {
    return readdirSync(root)
      .filter((name) => /^card\d+$/.test(name))
      .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
      .map((name) => join(root, name))
      .filter((card) => textOf(join(card, "device", "vendor")) === AMD_VENDOR);
  } catch {
    return [];
  }
}

function sensorsOf(card: string): string {
  const folder = join(card, "device", "hwmon");
  try {
    return join(folder, readdirSync(folder)[0] ?? "");
  } catch {
    return folder;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
