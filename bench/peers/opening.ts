/** What every benchmark of peers begins with: which systems take part, how one is started, what is said of a failure. */
import { join } from "node:path";
import { installSdk } from "../sdk/published.ts";
import { folderOf, prepareSystems } from "./environments.ts";
import type { PeerSystem } from "./systems.ts";
import { Worker } from "./worker.ts";
import { SDK_VARIABLE } from "./workers/sdk-variable.ts";

/** A server of another kind may take a minute on a busy machine. */
const START_SECONDS = 400;
const WORKERS = new URL("workers/", import.meta.url).pathname;
/** Below the tree, whose `node_modules` has what the SDK needs. */
const BUILD = new URL("../../build/bench", import.meta.url).pathname;

/** A benchmark's part in common with the others. */
export interface Bench {
  quick: boolean;
  systems: readonly PeerSystem[];
  /** System → why it cannot be measured here. */
  missing: ReadonlyMap<string, string>;
}

/** Those of the candidates that take part; their environments are made on the way. */
export function openBench(candidates: readonly PeerSystem[]): Bench {
  const quick = process.argv.includes("--quick");
  const systems = wantedSystems(candidates, quick);
  if (systems.some(({ worker }) => worker === "steelyard-sdk.ts"))
    process.env[SDK_VARIABLE] = installSdk(BUILD);
  return { quick, systems, missing: prepareSystems(systems) };
}

/** Those of BENCH_SYSTEMS (beginnings of names, with commas); when it is not set, all, of a quick run the quick ones. */
function wantedSystems(systems: readonly PeerSystem[], quick: boolean): readonly PeerSystem[] {
  const wanted = process.env.BENCH_SYSTEMS?.split(",");
  if (wanted) return systems.filter(({ name }) => wanted.some((one) => name.startsWith(one)));
  return quick ? systems.filter(({ slow }) => !slow) : systems;
}

/** For a table's cell: a system's reason why there is no answer, or how it failed. */
export function failureOf({ message }: Error): string {
  const [, kind, words = ""] = /^(NotThere|TooLong|Fails): (.*)/.exec(message) ?? [];
  if (kind === "TooLong") return words;
  if (kind) return `${kind === "NotThere" ? "none" : "fails"}: ${words}`;
  const line = message.split("\n")[0]?.slice(0, 160) ?? "";
  // Time that ran out is no fault that it showed.
  return line.startsWith("> ") ? line : `fails: ${line}`;
}

/**
 * Start its worker and itself, empty; `asItComes`: with all that it does unless it is told otherwise. Throws, with its own
 * words, when it does not start.
 */
export async function startSystem(system: PeerSystem, asItComes = false): Promise<Worker> {
  const worker = launch(system);
  const start = async () => {
    if (asItComes) await worker.call("as_it_comes");
    await worker.call("start", { folder: worker.folder, ...system.options }, START_SECONDS);
  };
  return ready(worker, start());
}

/** Start it, do that, stop it. */
export async function withSystem<T>(system: PeerSystem, act: (worker: Worker) => Promise<T>): Promise<T> {
  const worker = await startSystem(system);
  try {
    return await act(worker);
  } finally {
    await worker.stop();
  }
}

/** Another process of a system that was started: `connection` is what that worker answers to the question of this name. */
export async function attachSystem(system: PeerSystem, connection: object): Promise<Worker> {
  const worker = launch(system);
  return ready(worker, worker.call("attach", connection, 120));
}

async function ready(worker: Worker, begun: Promise<unknown>): Promise<Worker> {
  try {
    await begun;
    return worker;
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

function launch({ worker: file, args = [], environment }: PeerSystem): Worker {
  const path = join(WORKERS, file);
  const python = environment ? join(folderOf(environment), environment, "bin", "python") : "";
  return environment
    ? new Worker(python, [path, ...args], {
        PATH: `${join(python, "..")}:${process.env.PATH}`,
        PYTHONPATH: WORKERS,
      })
    : new Worker(process.execPath, [path, ...args]);
}
