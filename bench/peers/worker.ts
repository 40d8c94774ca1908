import { type ChildProcess, spawn } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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
  readonly #sampler: NodeJS.Timeout;
  #words = "";
  /** Largest sum of resident memory over the whole tree, bytes. */
  peakResident = 0;

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

  diskBytes(): number {
    return bytesUnder(this.folder);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sampler);
    const pids = this.#tree();
    const ended =
      this.#child.exitCode !== null || new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 15_000).unref())]);
    for (const pid of pids) kill(pid);
    if (this.#child.pid) kill(-this.#child.pid);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #tree(): number[] {
    return this.#child.pid ? processTree(this.#child.pid) : [];
  }

  #sample(): void {
    const resident = this.#tree().reduce((sum, pid) => sum + residentOf(pid), 0);
    this.peakResident = Math.max(this.peakResident, resident);
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

/** It and all its descendants, itself first. */
function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statFields(pid)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get(tree[at] ?? 0) ?? []));
  return tree;
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
