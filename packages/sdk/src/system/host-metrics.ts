import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { limitsOf } from "./limits.ts";

const SECTOR_BYTES = 512;
const MIB = 2 ** 20;
/** The disk that is measured, as by the official client. */
const DISK = "/";

/**
 * What this process uses and what its machine has, at the official client's names without the `system.` of the wire.
 * Percent, MB and bytes as there; what counts up begins with the run.
 */
export class HostMetrics {
  readonly #limits = limitsOf();
  #used = process.cpuUsage();
  #atMs = performance.now();
  #first = true;
  readonly #before = counters();

  sample(): Record<string, number> {
    const values: Record<string, number> = {};
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#used);
    const capacity = this.#limits.cpus ?? availableParallelism();
    // Of the capacity, not of one processor: 100 is all that the process may have.
    if (!this.#first) values.cpu = rounded((user + system) / 10 / Math.max(1, now - this.#atMs) / capacity);
    this.#first = false;
    this.#used = process.cpuUsage();
    this.#atMs = now;
    const threads = /^Threads:\s+(\d+)/m.exec(textOf("/proc/self/status"))?.[1];
    if (threads) values["proc.cpu.threads"] = Number(threads);

    const { total, available } = this.#memory();
    const rss = process.memoryUsage.rss();
    values.memory_percent = rounded(100 * (1 - available / total));
    values["proc.memory.rssMB"] = rounded(rss / MIB);
    values["proc.memory.percent"] = rounded((100 * rss) / total);
    values["proc.memory.availableMB"] = rounded(available / MIB);
    const disk = diskOf(DISK);
    if (disk) {
      values[`disk.${DISK}.usagePercent`] = rounded(disk.percent);
      values[`disk.${DISK}.usageGB`] = rounded(disk.used / 2 ** 30);
    }
    for (const [name, value] of Object.entries(counters())) {
      const since = value - (this.#before[name] ?? 0);
      values[name] = name.startsWith("disk.") ? rounded(since / MIB) : since;
    }
    return values;
  }

  #memory(): { total: number; available: number } {
    const { memory } = this.#limits;
    const total = totalmem();
    if (memory && memory.max < total)
      return { total: memory.max, available: Math.max(0, memory.max - memory.used()) };
    const line = /^MemAvailable:\s+(\d+) kB/m.exec(textOf("/proc/meminfo"))?.[1];
    return { total, available: line ? Number(line) * 1024 : freemem() };
  }
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** Undefined where there is no such file system (Windows). */
export function diskOf(path: string): { total: number; used: number; percent: number } | undefined {
  try {
    const { blocks, bfree, bavail, bsize } = statfsSync(path);
    const used = (blocks - bfree) * bsize;
    // Of what may be used: some is kept for the system.
    return { total: blocks * bsize, used, percent: (100 * used) / (used + bavail * bsize || 1) };
  } catch {
    return undefined;
  }
}

/** What the system counts since it started, in bytes and packets; on Linux. */
function counters(): Record<string, number> {
  const found: Record<string, number> = {};
  const interfaces = textOf("/proc/net/dev");
  if (interfaces) {
    found["network.recv"] = 0;
    found["network.sent"] = 0;
  }
  for (const line of interfaces.split("\n").slice(2)) {
    const [name = "", ...fields] = line.trim().split(/[:\s]+/);
    if (name === "" || name === "lo") continue;
    found["network.recv"] = (found["network.recv"] ?? 0) + Number(fields[0]);
    found["network.sent"] = (found["network.sent"] ?? 0) + Number(fields[8]);
  }
  const [names = "", numbers = ""] = textOf("/proc/net/snmp")
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"));
  const retransmits = Number(numbers.split(" ")[names.split(" ").indexOf("RetransSegs")]);
  if (retransmits >= 0) found["network.tcpRetransmits"] = retransmits;
  for (const { name, readSectors, writtenSectors } of devicesOf(DISK)) {
    found[`disk.${name}.in`] = readSectors * SECTOR_BYTES;
    found[`disk.${name}.out`] = writtenSectors * SECTOR_BYTES;
  }
  return found;
}

interface BlockDevice {
  name: string;
  readSectors: number;
  writtenSectors: number;
}

/** The block device below that folder; of a container, whose files lie on others, the disks of the machine. */
function devicesOf(path: string): BlockDevice[] {
  const lines = textOf("/proc/diskstats").split("\n");
  const all = lines.map((line) => {
    const [major, minor, name = "", , , read, , , , written] = line.trim().split(/\s+/);
    return { major, minor, name, readSectors: Number(read), writtenSectors: Number(written) };
  });
  try {
    const { dev } = statSync(path, { bigint: true });
    // As `gnu_dev_major` and `gnu_dev_minor` of glibc.
    const major = String(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn));
    const minor = String((dev & 0xffn) | ((dev >> 12n) & ~0xffn));
    const own = all.filter((device) => device.major === major && device.minor === minor);
    return own.length > 0 ? own : all.filter(({ name }) => name && existsSync(`/sys/block/${name}/device`));
  } catch {
    // Not a file system of this kind.
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not Linux, or a system that shows less.
    return "";
  }
}
