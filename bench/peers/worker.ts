import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 200;

/** A process that speaks for one system: the measured client, and as its children the system's servers. */
export class Worker {
  /** Everything the system keeps lies here. */
  readonly folder = mkdtempSync(join(tmpdir(), "steelyard-peer-"));
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  #sampler: NodeJS.Timeout;
  #words = "";
  /** Largest sum of resident memory over the whole tree, bytes. */
  peakResident = 0;
  /** Process ids of its servers: they and what is under them are told apart from the client. */
  servers: readonly number[] = [];
  /** Resident memory as it went, since `sampleEvery`. */
  samples: MemorySample[] = [];

  constructor(command: string, args: readonly string[], env: Record<string, string | undefined> = {}) {
    // A group of its own, so that whatever a system leaves behind ends with it.
    this.#child = spawn(command, args, {
      cwd: this.folder,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...process.env,
        HOME: this.folder,
        PYTHONUNBUFFERED: "1",
        NO_PROXY: "127.0.0.1,localhost",
        ...env,
      },
    });
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#words = (this.#words + text.toString()).slice(-4000);
    });
    this.#child.once("exit", (code) =>
      this.#fail(`its worker ended with ${code}: ${this.#words.slice(-600)}`),
    );
    this.#child.once("error", (error) => this.#fail(error.message));
    this.#child.stdin?.on("error", (error) => this.#fail(error.message));
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on("line", (line) => this.#answer(line));
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  /** Throws what the system threw, and when it takes longer than `seconds`. */
  async call<T>(op: string, given: object = {}, seconds = 900): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify({ op, ...given })}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`> ${seconds} s`)), seconds * 1000);
    });
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return (await Promise.race([answer, late]).finally(() => clearTimeout(timer))) as T;
  }

  /** Seconds of processor of the worker and of all under it, ended children included: [worker, others]. */
  cpuSeconds(): [number, number] {
    const [own = 0, ...others] = this.#tree().map(cpuOf);
    return [own, others.reduce((sum, one) => sum + one, 0)];
  }

  /** Seconds of processor of the client and of its servers. */
  cpuApart(): { client: number; server: number } {
    const server = sumOf(this.#serverTree(), cpuOf);
    return { client: sumOf(this.#tree(), cpuOf) - server, server };
  }

  /** Begin the samples anew. */
  sampleEvery(milliseconds: number): void {
    clearInterval(this.#sampler);
    this.samples = [];
    this.#sampler = setInterval(() => this.#sample(), milliseconds);
    this.#sample();
  }

  /** Of the client on one core, of its servers on another, and all they start from now on. */
  pin(client: number, server: number): void {
    for (const pid of this.#tree()) setAffinity(pid, client);
    for (const pid of this.#serverTree()) setAffinity(pid, server);
  }

  /** They may run everywhere again. */
  unpin(): void {
    for (const pid of this.#tree()) setAffinity(pid, `0-${cpus().length - 1}`);
  }

  /** Of the system's folder, but for those in it. */
  diskBytes(without: readonly string[] = []): number {
    return without.reduce((sum, name) => sum - bytesUnder(join(this.folder, name)), bytesUnder(this.folder));
  }

  async stop(): Promise<void> {
    clearInterval(this.#sampler);
    const pids = this.#tree();
    const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const ended = isOver || new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, 15_000);
    });
    await Promise.race([ended, late]);
    clearTimeout(timer);
    for (const pid of pids) kill(pid);
    if (this.#child.pid) kill(-this.#child.pid);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #tree(): number[] {
    return this.#child.pid ? processTree([this.#child.pid]) : [];
  }

  #serverTree(): number[] {
    return this.servers.length > 0 ? processTree(this.servers) : [];
  }

  #sample(): void {
    const servers = new Set(this.#serverTree());
    const sample: MemorySample = { atMs: Date.now(), client: 0, server: 0 };
    for (const pid of this.#tree()) sample[servers.has(pid) ? "server" : "client"] += residentOf(pid);
    this.samples.push(sample);
    this.peakResident = Math.max(this.peakResident, sample.client + sample.server);
  }

  #answer(line: string): void {
    const waiting = this.#waiting.shift();
    const { ok, error } = JSON.parse(line) as { ok?: unknown; error?: string };
    if (error === undefined) waiting?.resolve(ok);
    else waiting?.reject(new Error(error));
  }

  #fail(text: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(text));
  }
}

/** Resident memory at a time, bytes. */
export interface MemorySample {
  atMs: number;
  client: number;
  server: number;
}

function sumOf(pids: readonly number[], value: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + value(pid), 0);
}

/** Of every thread. */
function setAffinity(pid: number, cores: number | string): void {
  spawnSync("taskset", ["-acp", String(cores), String(pid)], { stdio: "ignore" });
}

/** They and all their descendants, themselves first. */
function processTree(roots: readonly number[]): number[] {
  const tree = [...roots];
  for (let at = 0; at < tree.length; at++) tree.push(...childrenOf(tree[at] ?? 0));
  return tree;
}

/** Each thread has those that it began. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // It has ended.
    return [];
  }
}

/** Of /proc/PID/stat, those after the name: state, parent, …; undefined when it is gone. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** User, system, and those of its children that ended. */
function cpuOf(pid: number): number {
  const fields = statFields(pid)?.slice(11, 15) ?? [];
  return fields.reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

function residentOf(pid: number): number {
  try {
    // Shared pages would count once for each process that has them; Pss shares them out, and costs more to ask.
    const kilobytes = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function bytesUnder(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.blocks * 512;
  return readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It had ended already.
  }
}
