import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { resolveSettings, type Settings } from "@steelyard/protocol/settings";
import { configJson } from "./config.ts";
import { checkApiKey, keyFromNetrc } from "./credentials.ts";
import { DisabledRun } from "./disabled-run.ts";
import { gitFacts, metadataOf, packageList } from "./environment.ts";
import type { FromWorker, StartedRun, WorkerStart } from "./messages.ts";
import { createRing } from "./ring.ts";
import { type Printer, Run } from "./run.ts";
import { VERSION } from "./version.ts";

/** Everything may be left out; what is not given comes from the WANDB_* variables. */
export interface InitOptions {
  project?: string;
  entity?: string;
  /** What the run was made with: any object that can be written as JSON. */
  config?: Record<string, unknown>;
  name?: string;
  notes?: string;
  tags?: readonly string[];
  group?: string;
  jobType?: string;
  /** Id of the run; made up when not given. At most 64 characters; every non-word character becomes a dash. */
  id?: string;
  resume?: "allow" | "must" | "never" | "auto" | boolean;
  /** Folder in which `wandb/` is made. */
  dir?: string;
  mode?: "online" | "offline" | "disabled";
  baseUrl?: string;
  apiKey?: string;
  /** Record standard output and error; default true. */
  console?: boolean;
  /** Print nothing. */
  silent?: boolean;
  /** How long to wait for the server, milliseconds; default 90 s. */
  initTimeoutMs?: number;
}

const INIT_TIMEOUT_MS = 90_000;
const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Start a run. Resolves when the server knows it (offline: when the log is open). `onFinish` is called when the run takes
 * no more.
 *
 * @throws Error when the key is missing or wrong, the server refuses the run, or does not answer within `initTimeoutMs`;
 *   SettingError when a variable or argument has a value that is not allowed.
 * @example
 * const run = await init({ project: "digits", config: { lr: 0.01 } });
 * run.log({ loss: 0.5 });
 * await run.finish();
 */
export async function init(options: InitOptions = {}, onFinish: (run: Run) => void = () => {}): Promise<Run> {
  const settings = resolveSettings(
    {
      project: options.project,
      entity: options.entity,
      name: options.name,
      notes: options.notes,
      tags: options.tags,
      group: options.group,
      jobType: options.jobType,
      runId: options.id,
      resume: options.resume === true ? "auto" : options.resume === false ? "" : options.resume,
      dir: options.dir,
      mode: options.mode,
      baseUrl: options.baseUrl,
      apiKey: options.apiKey,
      silent: options.silent,
      console: options.console === undefined ? undefined : options.console ? "wrap" : "off",
    },
    process.env,
  );
  const config = configJson(options.config);
  if (settings.mode === "disabled")
    return new DisabledRun(options.config ?? {}, onFinish as (run: unknown) => void) as unknown as Run;
  const baseUrl = settings.baseUrl.replace(/\/+$/, "");
  if (!URL.canParse(baseUrl))
    throw new Error(
      `WANDB_BASE_URL is "${settings.baseUrl}", which is no address; it should look like http://127.0.0.1:8080`,
    );
  const apiKey = settings.mode === "online" ? apiKeyOf(settings, baseUrl) : "";

  const startTimeMs = Date.now();
  const root = workingFolder(settings.dir);
  const runId = runIdOf(settings, root);
  const folder = ownFolder(root, settings.mode === "offline" ? "offline-run" : "run", startTimeMs, runId);
  const filesDir = join(folder, "files");
  mkdirSync(filesDir, { recursive: true });
  mkdirSync(join(folder, "logs"), { recursive: true });
  point(join(root, "latest-run"), folder);

  const program = process.argv[1] ? resolve(process.argv[1]) : "<interactive>";
  const git = settings.disableGit ? undefined : gitFacts(process.cwd());
  const start: WorkerStart = {
    ring: createRing(),
    done: new SharedArrayBuffer(4),
    mode: settings.mode === "offline" ? "offline" : "online",
    baseUrl,
    apiKey,
    runId,
    entity: settings.entity,
    project: settings.project,
    displayName: settings.name,
    notes: settings.notes,
    tags: settings.tags,
    group: settings.group,
    jobType: settings.jobType,
    host: settings.host || hostname(),
    sweepId: settings.sweepId,
    resume: settings.resume as WorkerStart["resume"],
    config,
    startTimeMs,
    logFile: join(folder, `run-${runId}.wandb`),
    filesDir,
    program,
    git,
    metadata: metadataOf(program, settings.host, git, startTimeMs),
    requirements: packageList(program),
    version: VERSION,
  };
  const print = printerOf(settings);
  const { worker, started } = await startWorker(start, print, options.initTimeoutMs ?? INIT_TIMEOUT_MS);
  if (settings.resume === "auto")
    writeFileSync(join(root, "wandb-resume.json"), JSON.stringify({ run_id: runId }));
  const url =
    start.mode === "online"
      ? `${appUrl(baseUrl)}/${[started.entity, started.project].map(encodeURIComponent).join("/")}/runs/${encodeURIComponent(runId)}`
      : "";
  if (url) print.info(`View run ${started.displayName} at: ${url}`);
  else print.info(`This run is offline; its log is ${start.logFile}`);
  return new Run(start, started, worker, print, {
    url,
    captureConsole: settings.console !== "off",
    onFinish,
  });
}

function apiKeyOf(settings: Settings, baseUrl: string): string {
  const key = settings.apiKey || keyFromNetrc(baseUrl, process.env);
  if (!key) {
    throw new Error(
      `no API key for ${baseUrl}: make one at ${appUrl(baseUrl)}/authorize and set WANDB_API_KEY, or set WANDB_MODE=offline`,
    );
  }
  checkApiKey(key);
  return key;
}

/** As the official client derives the page's address from the API's. */
function appUrl(baseUrl: string): string {
  if (process.env.WANDB_APP_URL) return process.env.WANDB_APP_URL.replace(/\/+$/, "");
  return baseUrl.includes("://api.wandb.")
    ? baseUrl.replace("://api.", "://")
    : baseUrl.replace("://api.", "://app.");
}

/** `DIR/wandb`, or a temporary folder when that cannot be written. */
function workingFolder(dir: string): string {
  const wanted = join(resolve(dir || "."), "wandb");
  try {
    mkdirSync(wanted, { recursive: true });
    return wanted;
  } catch (error) {
    const instead = join(process.env.TMPDIR ?? "/tmp", "wandb");
    process.stderr.write(
      `steelyard: cannot write to ${wanted} (${(error as NodeJS.ErrnoException).code}); using ${instead}\n`,
    );
    mkdirSync(instead, { recursive: true });
    return instead;
  }
}

function runIdOf(settings: Settings, root: string): string {
  if (settings.runId) {
    if (settings.runId.length > 64)
      throw new Error(`the run id has ${settings.runId.length} characters; at most 64 are allowed`);
    return settings.runId.replace(/\W/g, "-");
  }
  if (settings.resume === "auto") {
    try {
      const { run_id } = JSON.parse(readFileSync(join(root, "wandb-resume.json"), "utf8")) as {
        run_id?: string;
      };
      if (run_id) return run_id;
    } catch {
      // The first run here: there is nothing to go on with.
    }
  }
  let id = "";
  for (let at = 0; at < 8; at++) id += ID_LETTERS[randomInt(ID_LETTERS.length)];
  return id;
}

/** A run resumed within the second it began in has a folder of its own: the name says the next free second. */
function ownFolder(root: string, kind: string, startTimeMs: number, runId: string): string {
  for (let second = 0; ; second++) {
    const folder = join(root, `${kind}-${stamp(startTimeMs + second * 1000)}-${runId}`);
    // False where it was there already.
    if (mkdirSync(folder, { recursive: true }) !== undefined) return folder;
  }
}

function stamp(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 19).replaceAll("-", "").replaceAll(":", "").replace("T", "_");
}

function point(link: string, target: string): void {
  try {
    rmSync(link, { force: true });
    symlinkSync(target, link);
  } catch {
    // A convenience: Windows may not allow links.
  }
}

function printerOf(settings: Settings): Printer {
  const print = (text: string) => process.stderr.write(`steelyard: ${text}\n`);
  const nothing = () => {};
  if (settings.silent) return { info: nothing, serious: nothing };
  return { info: print, serious: print };
}

function startWorker(
  start: WorkerStart,
  print: Printer,
  timeoutMs: number,
): Promise<{ worker: Worker; started: StartedRun }> {
  // The tree runs from source, the package from what was compiled.
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: start,
    name: `steelyard ${start.runId}`,
    stdout: true,
    stderr: true,
  });
  return new Promise((resolvePromise, reject) => {
    let lastNotice = "";
    const fail = (message: string) => {
      clearTimeout(timer);
      void worker.terminate();
      reject(new Error(message));
    };
    const timer = setTimeout(
      () =>
        fail(
          `the server at ${start.baseUrl} did not answer within ${Math.round(timeoutMs / 1000)} s${lastNotice ? ` (${lastNotice})` : ""}; check WANDB_BASE_URL, or set WANDB_MODE=offline`,
        ),
      timeoutMs,
    );
    worker.once("error", (error) => fail(error.message));
    const hear = (message: FromWorker) => {
      if (message.kind === "notice") {
        lastNotice = message.text;
        print.serious(message.text);
      }
      if (message.kind === "refused") fail(message.message);
      if (message.kind === "started") {
        clearTimeout(timer);
        worker.off("message", hear);
        resolvePromise({ worker, started: message.run });
      }
    };
    worker.on("message", hear);
  });
}
