import { readFileSync, statfsSync } from "node:fs";
import { cpus, freemem, totalmem } from "node:os";

/** At the official client's names, without the `system.` of the wire. Percent, MB and bytes as there. */
export class SystemMetrics {
  #cpu = cpuTimes();
  #process = process.cpuUsage();
  #atMs = performance.now();
  readonly #network = networkBytes();

  sample(): Record<string, number> {
    const now = performance.now();
    const elapsedMs = Math.max(1, now - this.#atMs);
    const cpu = cpuTimes();
    const used = process.cpuUsage(this.#process);
    const values: Record<string, number> = {};
    const busy = cpu.busy - this.#cpu.busy;
    const all = cpu.all - this.#cpu.all;
    if (all > 0) values.cpu = round((100 * busy) / all);
    // Percent of one core, as the client says it: over 100 with several.
    values["proc.cpu.percent"] = round((used.user + used.system) / 10 / elapsedMs);
    values.memory_percent = round(100 * (1 - freemem() / totalmem()));
    values["proc.memory.rssMB"] = round(process.memoryUsage.rss() / 2 ** 20);
    values["proc.memory.availableMB"] = round(availableMb());
    values["proc.memory.percent"] = round((100 * process.memoryUsage.rss()) / totalmem());
    try {
      const disk = statfsSync("/");
      values["disk./.usagePercent"] = round(100 * (1 - disk.bavail / disk.blocks));
      values["disk./.usageGB"] = round(((disk.blocks - disk.bavail) * disk.bsize) / 2 ** 30);
    } catch {
      // No such file system here (Windows): nothing to say.
    }
    const network = networkBytes();
    if (network && this.#network) {
      values["network.recv"] = network.received - this.#network.received;
      values["network.sent"] = network.sent - this.#network.sent;
    }
    this.#cpu = cpu;
    this.#process = process.cpuUsage();
    this.#atMs = now;
    return values;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function cpuTimes(): { busy: number; all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}

function availableMb(): number {
  try {
    const line = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"));
    if (line) return Number(line[1]) / 1024;
  } catch {
    // Not Linux.
  }
  return freemem() / 2 ** 20;
}

function networkBytes(): { received: number; sent: number } | undefined {
  try {
    let received = 0;
    let sent = 0;
    for (const line of readFileSync("/proc/net/dev", "utf8").split("\n").slice(2)) {
      const [name = "", ...fields] = line.trim().split(/[:\s]+/);
      if (name === "" || name === "lo") continue;
      received += Number(fields[0]);
      sent += Number(fields[8]);
    }
    return { received, sent };
  } catch {
    return undefined;
  }
}
