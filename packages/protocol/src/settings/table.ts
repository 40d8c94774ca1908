import type { Branch, Setting } from "./setting.ts";
import { CLIENT_SETTINGS } from "./table-client.ts";
import { RUN_SETTINGS } from "./table-run.ts";
import { TRANSPORT_SETTINGS } from "./table-transport.ts";

/**
 * THE table: every variable that means something to us, once. Types, parsing, the documents in two languages, the help of
 * the command line and the tests come from it.
 */
export const SETTINGS = { ...RUN_SETTINGS, ...CLIENT_SETTINGS, ...TRANSPORT_SETTINGS } as const;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];
export const settingOf = (name: SettingName): Setting => SETTINGS[name];

type Word<S> = S extends { words: Readonly<Record<string, infer W>> } ? Extract<W, boolean> : never;
interface Values {
  text: string;
  path: string;
  url: string;
  flag: boolean;
  list: readonly string[];
  number: number;
  integer: number;
  integers: readonly number[];
  map: Readonly<Record<string, string>>;
  branch: Branch;
}
type ValueOf<S> = S extends { kind: infer K extends keyof Values }
  ? Values[K]
  : S extends { choices: readonly (infer Choice)[] }
    ? Choice | Word<S>
    : never;
type Held<S> = S extends { default: unknown } ? ValueOf<S> : ValueOf<S> | undefined;

/** What holds for each setting; undefined where nothing was said and nothing holds by default. */
export type Settings = { -readonly [Name in SettingName]: Held<(typeof SETTINGS)[Name]> };

/** Settings from code: the value itself, or its text; null and undefined say nothing. */
export type GivenSettings = { [Name in SettingName]?: Settings[Name] | string | null | undefined };

/** Read by other parts of the official client, or by nothing: known, so that no typing error is suspected. */
export const OTHER_VARIABLES = [
  "ARGS",
  "AUTOLOG_TABLE_NAME",
  "AGENT_VERSION",
  "ALLOW_VAL_CHANGE",
  "ARTIFACTS",
  "AZURE_ACCOUNT_URL_TO_ACCESS_KEY",
  "CAPTURE_LOGGERS",
  "COMMAND",
  "CONFIG",
  "CRASH_NOSYNC_TIME",
  "DEBUG_FILESTREAM_LOG",
  "DISABLE_WEAVE",
  "ENABLE_DCGM_PROFILING",
  "ENSURE_JUPYTER",
  "HEARTBEAT_SECONDS",
  "INITED",
  "JOB_SOURCE",
  "JUPYTER",
  "KUBEFLOW_URL",
  "LABEL_DISABLE",
  "LAUNCH",
  "LAUNCH_CONFIG_PATH",
  "LAUNCH_MAX_JOBS",
  "LAUNCH_QUEUE_ENTITY",
  "LAUNCH_QUEUE_NAME",
  "LAUNCH_START_TIMEOUT",
  "LAUNCH_TRACE_ID",
  "LIBTPU_PATH",
  "MAGIC",
  "RELEASE_NAME",
  "RUN_DIR",
  "RUN_STORAGE_ID",
  "SENTRY_DSN",
  "SERVICE",
  "SETTINGS_SYSTEM",
  "START_METHOD",
  "SUMMARY_WARNINGS",
  "SYNC_TENSORBOARD",
  "TEST",
  "WATCH",
].map((name) => `WANDB_${name}`);
