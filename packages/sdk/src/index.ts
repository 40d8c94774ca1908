import { type InitOptions, init as initRun } from "./init.ts";
import type { DefineMetricOptions, LogOptions, Run } from "./run.ts";

export type { Config } from "./config.ts";
export type { InitOptions } from "./init.ts";
export type { DefineMetricOptions, LogOptions, Run } from "./run.ts";
export type { RunSummary } from "./run-summary.ts";

/** The run that `log`, `finish` and the rest of this module speak of: the last one that was started. */
export let run: Run | undefined;

/** Start a run and make it the current one. Several may be open in a process: each is an object of its own. */
export async function init(options?: InitOptions): Promise<Run> {
  run = await initRun(options);
  return run;
}

function current(): Run {
  if (run) return run;
  throw new Error("there is no run: call init() first and wait for it");
}

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
  const ending = run;
  run = undefined;
  await ending?.finish(exitCode);
}

/** The names of `@wandb/sdk`, for programs that used it: change the import, keep the rest. */
interface OldNames {
  init(
    options?: InitOptions & {
      job_type?: string;
      settings?: { apiKey?: string; baseUrl?: string; offline?: boolean };
    },
  ): Promise<Run>;
  login(options?: { key?: string; host?: string }): Promise<string>;
  log(data: Readonly<Record<string, unknown>>, step?: number, commit?: boolean): void;
  finish(code?: number): Promise<void>;
  defineMetric: typeof defineMetric;
  readonly run: Run | undefined;
  readonly runPromise: Promise<Run> | null;
  readonly config: Run["config"];
  readonly summary: Run["summary"];
}

let runPromise: Promise<Run> | null = null;

const wandb: OldNames = {
  init(options = {}) {
    const { job_type, settings, ...rest } = options;
    runPromise = init({
      ...rest,
      ...(job_type === undefined ? {} : { jobType: job_type }),
      ...(settings?.apiKey === undefined ? {} : { apiKey: settings.apiKey }),
      ...(settings?.baseUrl === undefined ? {} : { baseUrl: settings.baseUrl }),
      ...(settings?.offline ? { mode: "offline" as const } : {}),
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
    if (step === undefined && commit === undefined) log(data);
    else log(data, { ...(step === undefined ? {} : { step }), ...(commit === undefined ? {} : { commit }) });
  },
  async finish(code) {
    runPromise = null;
    await finish(code);
  },
  defineMetric,
  get run() {
    return run;
  },
  get runPromise() {
    return runPromise;
  },
  get config() {
    return current().config;
  },
  get summary() {
    return current().summary;
  },
};
export default wandb;
