import type { Config } from "./config.ts";
import { Histogram } from "./histogram.ts";
import { type InitOptions, init as initRun } from "./init.ts";
import { type LiveView, liveView } from "./live-view.ts";
import type { DefineMetricOptions, LogOptions, Run } from "./run.ts";
import type { RunSummary } from "./run-summary.ts";

export type { Config } from "./config.ts";
export { Histogram } from "./histogram.ts";
export type { InitOptions } from "./init.ts";
export type { DefineMetricOptions, LogOptions, Run } from "./run.ts";
export type { RunSummary } from "./run-summary.ts";

/** The run that `log`, `finish` and the rest of this module speak of: the last one that was started, until it is finished. */
export let run: Run | undefined;

/** Start a run and make it the current one. Several may be open in a process: each is an object of its own. */
export async function init(options?: InitOptions): Promise<Run> {
  run = await initRun(options, (ended) => {
    if (run === ended) run = undefined;
  });
  return run;
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

/** `run.log` of the current run. */
export function log(data: Readonly<Record<string, unknown>>, options?: LogOptions): void {
  current().log(data, options);
}

/** `run.defineMetric` of the current run. */
export function defineMetric(name: string, options?: DefineMetricOptions): void {
  current().defineMetric(name, options);
}

/** End the current run. Without one, nothing happens. */
export async function finish(exitCode?: number): Promise<void> {
  await run?.finish(exitCode);
}

/** The names of `@wandb/sdk`, for programs that used it: change the import, keep the rest. */
interface OldNames {
  init(
    options?: InitOptions & {
      job_type?: string;
      settings?: { apiKey?: string; baseUrl?: string; offline?: boolean; silent?: boolean };
    },
  ): Promise<Run>;
  login(options?: { key?: string; host?: string }): Promise<string>;
  /** Rows that are logged before `init` is through wait for it. */
  log(data: Readonly<Record<string, unknown>>, step?: number, commit?: boolean): void;
  finish(code?: number): Promise<void>;
  defineMetric: typeof defineMetric;
  Histogram: typeof Histogram;
  readonly run: Run | undefined;
  readonly runPromise: Promise<Run> | null;
  readonly config: LiveView<Config>;
  readonly summary: LiveView<RunSummary>;
}

let runPromise: Promise<Run> | null = null;

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
  /** Keys are read when a run starts: this keeps the given one for this process. */
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
