import { hostname } from "node:os";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { resolveSettings, type Settings } from "@steelyard/protocol/settings";
import { configJson } from "./config.ts";
import { checkApiKey, keyFromNetrc } from "./credentials.ts";
import { DebugLog } from "./debug-log.ts";
import { DisabledRun } from "./disabled-run.ts";
import { gitFacts, metadataOf, packageList } from "./environment.ts";
import type { FromWorker, StartedRun, WorkerStart } from "./messages.ts";
import { createRing } from "./ring.ts";
import { type Printer, Run } from "./run.ts";
import { forgetUnfinished, makeRunFolder, noteUnfinished, type RunFolder } from "./run-folder.ts";
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
  const place = makeRunFolder(settings, startTimeMs);
  const { root, runId, logFile, filesDir } = place;
  const debug = new DebugLog(place.debugLog);
  tellSettings(debug, settings, config, place);

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
    logFile,
    filesDir,
    internalLog: place.internalLog,
    program,
    git,
    metadata: metadataOf(program, settings.host, git, startTimeMs),
    requirements: packageList(program),
    version: VERSION,
  };
  const print = printerOf(settings, debug);
  const timeoutMs = options.initTimeoutMs ?? INIT_TIMEOUT_MS;
  debug.write("INFO", "init", `starting the run's thread, ${timeoutMs / 1000} s at most`);
  const { worker, started } = await startWorker(start, print, timeoutMs).catch((error: Error) => {
    debug.write("ERROR", "init", error.message);
    throw error;
  });
  debug.write(
    "INFO",
    "init",
    `run ${[started.entity, started.project, runId].filter(Boolean).join("/")} ${started.resumed ? `resumed at step ${started.step}` : "started"}, returning control to the program`,
  );
  noteUnfinished(root, settings.resume, runId);
  const url =
    start.mode === "online"
      ? `${appUrl(baseUrl)}/${[started.entity, started.project].map(encodeURIComponent).join("/")}/runs/${encodeURIComponent(runId)}`
      : "";
  if (url) print.info(`View run ${started.displayName} at: ${url}`);
  else print.info(`This run is offline; its log is ${start.logFile}`);
  return new Run(start, started, worker, print, {
    url,
    captureConsole: settings.console !== "off",
    onFinish(run, exitCode) {
      if (exitCode === 0) forgetUnfinished(root, runId);
      onFinish(run);
    },
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

/** Everything that is printed is in `debug.log` too, silent or not. */
function printerOf(settings: Settings, debug: DebugLog): Printer {
  const print = (text: string) => {
    if (!settings.silent) process.stderr.write(`steelyard: ${text}\n`);
  };
  return {
    info(text) {
      debug.write("INFO", "print", text);
      print(text);
    },
    serious(text) {
      debug.write("WARNING", "print", text);
      print(text);
    },
    quietly: (level, text) => debug.write(level, "run", text),
  };
}

/** What the run was started with; of the key, only that there is one. */
function tellSettings(
  debug: DebugLog,
  settings: Settings,
  config: Record<string, string>,
  { debugLog, internalLog }: RunFolder,
): void {
  const tell = (text: string) => debug.write("INFO", "init", text);
  tell(`Current SDK version is ${VERSION} (steelyard), Node ${process.version}, pid ${process.pid}`);
  const variables = Object.keys(process.env).filter((name) => name.startsWith("WANDB_"));
  tell(`Variables that are set: ${variables.sort().join(", ") || "none"}`);
  const said = { ...settings, apiKey: settings.apiKey ? "(given)" : "(not given)" };
  tell(`Settings: ${JSON.stringify(said)}`);
  tell(`Logging user logs to ${debugLog}`);
  tell(`Logging internal logs to ${internalLog}`);
  tell(
    `init called with config: {${Object.entries(config)
      .map(([key, json]) => `${JSON.stringify(key)}: ${json}`)
      .join(", ")}}`,
  );
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
