import { type ChildProcess, spawn } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { type RecordLogContent, readRecordLog } from "@steelyard/protocol/record-log";
import { type InitOptions, init, type Run } from "steelyard";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";
import { type RunningServer, startServer } from "./server.ts";

/** Project of every run of the SDK's tests. */
export const PROJECT = "sdk";

/** Of a process that leaves without `finish`: the five seconds it takes for that are little on a machine with much else to do. */
export const PATIENT = { WANDB_FINISH_TIMEOUT: "300" };

/** A server and a folder of one test file's own, and runs in them. */
export interface Ground {
  server: RunningServer;
  dir: string;
  start(options?: InitOptions): Promise<Run>;
  close(): Promise<void>;
}

/** `name` is in the folder's name; `usual` are options of each run. */
export async function openGround(name: string, usual: InitOptions = {}): Promise<Ground> {
  const server = await startServer();
  const dir = mkdtempSync(join(tmpdir(), `steelyard-${name}-`));
  const own = { baseUrl: server.url, apiKey: server.apiKey, dir, project: PROJECT, console: false, ...usual };
  return {
    server,
    dir,
    start: (options) => init({ ...own, ...options }),
    async close() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** In the repository, so that the package is found by its name; of this process alone: others run scripts of the same name. */
const SCRIPTS = join(import.meta.dirname, "..", "node_modules", ".sdk-test", String(process.pid));
process.on("exit", () => rmSync(SCRIPTS, { recursive: true, force: true }));

export interface ReadRun {
  id: string;
  state: string;
  historyLineCount: number;
  history: string[];
  config: string;
  summaryMetrics: string;
}

/** What the server holds of a run; undefined when there is none. */
export async function findRun(server: RunningServer, name: string): Promise<ReadRun | undefined> {
  const { project } = await server.query<{ project: { run: ReadRun | null } | null }>(
    `query Read($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      id state historyLineCount config summaryMetrics history(minStep: 0, maxStep: 1000000, samples: 1000000) } } }`,
    { name },
  );
  return project?.run ?? undefined;
}

export async function readRun(server: RunningServer, name: string): Promise<ReadRun> {
  const run = await findRun(server, name);
  if (!run) throw new Error(`there is no run ${name}`);
  return run;
}

/** Content of the run's files at the server, by name. */
export async function filesOf(server: RunningServer, name: string): Promise<Record<string, string>> {
  interface Files {
    edges: { node: { name: string; directUrl: string } }[];
  }
  const { project } = await server.query<{ project: { run: { files: Files } | null } | null }>(
    `query Files($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      files(first: 1000) { edges { node { name directUrl } } } } } }`,
    { name },
  );
  const files: Record<string, string> = {};
  for (const { node } of project?.run?.files.edges ?? [])
    files[node.name] = await (await fetch(node.directUrl)).text();
  return files;
}

/** Asks until it is so, a minute at most; `what` says what was waited for. */
export async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 60_000; Date.now() < endMs; ) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it was waited for in vain: ${what}`);
}

/** Asks until the run is so, a minute at most. */
export async function runWhen(
  server: RunningServer,
  name: string,
  is: (run: ReadRun) => boolean,
): Promise<ReadRun> {
  for (const endMs = Date.now() + 60_000; Date.now() < endMs; ) {
    const run = await findRun(server, name);
    if (run && is(run)) return run;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(
    `the run ${name} did not become what was waited for: ${JSON.stringify(await findRun(server, name))}`,
  );
}

export const rowsOf = (run: ReadRun) =>
  run.history.map((line) => parseExtendedJson(line) as Record<string, unknown> & { _step: number });

/** A row without what the SDK adds. */
export const valuesOf = (row: object) =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith("_")));

/** Logs of a run in that working folder, oldest first: each start of it has one. */
export function logsOf(dir: string, id: string): string[] {
  // A second start within a second has a number behind the id.
  const folders = globSync(join(dir, "wandb", `*-${id}{,-[0-9]}`)).sort();
  return folders.map((folder) => join(folder, `run-${id}.wandb`));
}

export function readLog(path: string | undefined): RecordLogContent {
  return readRecordLog(new Uint8Array(readFileSync(path ?? "")));
}

/**
 * A process of its own with `run` and `steelyard` at hand; `options` = further ones of `init`.
 * Its output is piped; the process runs in the Node of these tests.
 */
export function startScript(
  server: RunningServer,
  dir: string,
  id: string,
  body: string,
  options: {
    /** Before `init`. */
    before?: string;
    init?: string;
    name?: string;
    fileLimitKb?: number;
    descriptors?: number;
    environment?: Record<string, string>;
  } = {},
): ChildProcess {
  mkdirSync(SCRIPTS, { recursive: true });
  const script = join(SCRIPTS, `${options.name ?? id}.mjs`);
  writeFileSync(
    script,
    `import * as steelyard from "steelyard";
${options.before ?? ""}
const run = await steelyard.init({ id: ${JSON.stringify(id)}, project: ${JSON.stringify(PROJECT)}, ${options.init ?? ""} });
${body};\n`,
  );
  // A limit on the size of files stands for a disk that is full.
  const { fileLimitKb, descriptors } = options;
  const limit = fileLimitKb !== undefined ? `-f ${fileLimitKb}` : descriptors && `-n ${descriptors}`;
  const command = [
    ...(limit ? ["bash", "-c", `ulimit ${limit}; exec "$0" "$@"`] : []),
    process.execPath,
    script,
  ];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...COMPILE_CACHE,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_DIR: dir,
      ...options.environment,
    },
  });
  // Nobody may be reading: a full pipe must not stop it.
  child.stderr.resume();
  child.once("exit", () => rmSync(script, { force: true }));
  return child;
}

export function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? code)));
}
