import type { AlertOptions } from "./alert.ts";
import type { Config } from "./config.ts";
import { Histogram } from "./histogram.ts";
import { init as initRun } from "./init.ts";
import type { InitOptions } from "./init-options.ts";
import { type LiveView, liveView } from "./live-view.ts";
import type { DefineMetricOptions } from "./metric-definitions.ts";
import type { Run } from "./run.ts";
import type { SaveOptions } from "./run-files/saved-files.ts";
import type { LogOptions } from "./run-rows.ts";
import type { RunSummary } from "./run-summary.ts";
import { isBeside } from "./runs-going.ts";
import type { SyncedLog, SyncOptions } from "./sync/sync.ts";

export { SettingsError } from "@steelyard/protocol/settings";
export type { AlertOptions } from "./alert.ts";
export type { CodeOptions } from "./code/source-files.ts";
export type { Config } from "./config.ts";
export { type DropKind, type Dropped, DroppedError } from "./drops.ts";
export { Histogram } from "./histogram.ts";
export type { InitOptions } from "./init-options.ts";
export type { LiveView } from "./live-view.ts";
export type { DefineMetricOptions } from "./metric-definitions.ts";
export type { Run } from "./run.ts";
export type { SaveOptions } from "./run-files/saved-files.ts";
export type { LogOptions } from "./run-rows.ts";
export type { RunSummary } from "./run-summary.ts";
export type { SyncedLog, SyncOptions } from "./sync/sync.ts";

/**
 * The run that `log`, `finish` and the rest of this module speak of: the last one that was started, until it is finished.
 * One that was asked for with `reinit: "create_new"` stands beside it.
 */
export let run: Run | undefined;

/**
 * Start a run and make it the current one. Several may be open in a process: each is an object of its own. Resolves when
 * the server knows the run; offline, when its log is open.
 *
 * @throws SettingsError when a variable or an option has a value that is not allowed; TypeError when `config` cannot be
 *   written as JSON; Error when the key is missing or wrong, or the server refuses the run or does not answer within
 *   `initTimeoutMs`.
 * @example
 * const run = await steelyard.init({ project: "digits", config: { lr: 0.01 } });
 * run.log({ loss: 0.5 });
 * await run.finish();
 */
export async function init(options?: InitOptions): Promise<Run> {
  const made = await initRun(options, (ended) => {
    if (run === ended) run = undefined;
  });
  if (!isBeside(made)) run = made;
  return made;
}

function current(): Run {
  if (run) return run;
  throw new Error("there is no run: call init() first and wait for it");
}

/**
 * `run.config` of the current run, whichever that is when it is used.
 *
 * @example config.lr = 0.1;
 */
export const config: LiveView<Config> = liveView(() => current().config);

/** `run.summary` of the current run, whichever that is when it is used. */
export const summary: LiveView<RunSummary> = liveView(() => current().summary);

/**
 * `run.log` of the current run.
 *
 * @throws Error when there is no run; TypeError as `run.log` does.
 */
export function log(data: Readonly<Record<string, unknown>>, options?: LogOptions): void {
  current().log(data, options);
}

/**
 * `run.defineMetric` of the current run.
 *
 * @throws Error when there is no run; TypeError as `run.defineMetric` does.
 */
export function defineMetric(name: string, options?: DefineMetricOptions): void {
  current().defineMetric(name, options);
}

/**
 * `run.alert` of the current run.
 *
 * @throws Error when there is no run; TypeError as `run.alert` does.
 */
export function alert(options: AlertOptions): void {
  current().alert(options);
}

/**
 * `run.markPreempting` of the current run.
 *
 * @throws Error when there is no run.
 */
export function markPreempting(): void {
  current().markPreempting();
}

/**
 * `run.save` of the current run.
 *
 * @throws Error when there is no run; TypeError as `run.save` does.
 */
export function save(pattern: string, options?: SaveOptions): string[] {
  return current().save(pattern, options);
}

/**
 * `run.finish` of the current run. Without one, nothing happens.
 *
 * @param exitCode 0 is finished, anything else failed; 0 when not given.
 */
export async function finish(exitCode?: number): Promise<void> {
  await run?.finish(exitCode);
}

/**
 * Send runs that are in `.wandb` logs: offline ones, those that lost their server, those of processes that were killed;
 * the SDK's and the official Python client's. A path is a log, a run's folder or a folder of runs; without one it is the
 * `wandb` folder here, of which offline runs are taken that were not sent before. Sending again doubles nothing.
 *
 * @returns one entry a log; what fails is in its entry and holds no other log up.
 * @throws Error when a path is not there, or there is no key; SettingsError as `init`.
 * @example
 * for (const { log, rows, error } of await steelyard.sync("wandb")) console.log(log, rows, error);
 */
export async function sync(paths?: string | readonly string[], options?: SyncOptions): Promise<SyncedLog[]> {
  // Few programs send logs: those that do not need not load what it takes.
  const { sync } = await import("./sync/sync.ts");
  return sync(paths, options);
}

interface OldNames {
  /** As `init` of the module; takes the old names of options too. */
  init(
    options?: InitOptions & {
      job_type?: string;
      settings?: { apiKey?: string; baseUrl?: string; offline?: boolean; silent?: boolean };
    },
  ): Promise<Run>;
  /** Keeps the key and the address for the runs this process starts; resolves to the key. */
  login(options?: { key?: string; host?: string }): Promise<string>;
  /** Rows that are logged before `init` is through wait for it. */
  log(data: Readonly<Record<string, unknown>>, step?: number, commit?: boolean): void;
  /** Waits for `init`, then ends the run. */
  finish(code?: number): Promise<void>;
  /** As in the module. */
  defineMetric: typeof defineMetric;
  /** As in the module. */
  Histogram: typeof Histogram;
  /** The current run. */
  readonly run: Run | undefined;
  /** What the last `init` gave back; null when the run is finished. */
  readonly runPromise: Promise<Run> | null;
  /** As in the module. */
  readonly config: LiveView<Config>;
  /** As in the module. */
  readonly summary: LiveView<RunSummary>;
}

let runPromise: Promise<Run> | null = null;

/** The names of `@wandb/sdk`, also the default export, for programs that used it: change the import, keep the rest. */
export const wandb: OldNames = {
  init(options = {}) {
    const { job_type, settings = {}, ...rest } = options;
    const { apiKey, baseUrl, offline, silent } = settings;
    runPromise = init({
      ...rest,
      ...(job_type === undefined ? {} : { jobType: job_type }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(offline ? { mode: "offline" as const } : {}),
      ...(silent === undefined ? {} : { silent }),
    });
    return runPromise;
  },
  async login({ key, host } = {}) {
    if (key) process.env.WANDB_API_KEY = key;
    if (host) process.env.WANDB_BASE_URL = host;
    return process.env.WANDB_API_KEY ?? "";
  },
  log(data, step, commit) {
    if (run) run.log(data, step, commit);
    // Why a run did not start is told by `init` itself.
    else if (runPromise)
      void runPromise.then(
        (opened) => opened.log(data, step, commit),
        () => {},
      );
    else current();
  },
  async finish(code) {
    await runPromise;
    runPromise = null;
    await finish(code);
  },
  defineMetric,
  Histogram,
  get run() {
    return run;
  },
  get runPromise() {
    return runPromise;
  },
  config,
  summary,
};
export default wandb;
