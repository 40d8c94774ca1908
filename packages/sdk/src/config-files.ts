import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { absolute, SettingsError } from "@steelyard/protocol/settings";
import type { LoadedSettings } from "./machine.ts";
import { isPlainObject } from "./values.ts";

/** A run's configuration as it begins. */
export interface FirstConfig {
  values: Record<string, unknown>;
  /** Keys that a sweep has set: the program may not change them. */
  locked: ReadonlySet<string>;
}

/**
 * What `init` was given, with the files that say something too: `config-defaults.yaml` of the working folder counts least,
 * then what was given, then the files of WANDB_CONFIG_PATHS, of which a later one wins, and last the parameters of a
 * sweep's trial, which are merged into what is there. The official client has the same order. Throws SettingsError.
 */
export function firstConfig(loaded: LoadedSettings, given: unknown): FirstConfig {
  const { settings, machine } = loaded;
  const warn = (text: string) => loaded.warnings.push(text);
  const values: Record<string, unknown> = {};
  const defaults = join(machine.workingDirectory, "config-defaults.yaml");
  if (existsSync(defaults)) Object.assign(values, readConfigFile(defaults, warn));
  if (loaded.sageMaker) Object.assign(values, loaded.sageMaker.config);
  if (typeof given === "string") Object.assign(values, readConfigFile(absolute(machine, given), warn));
  else if (isPlainObject(given)) Object.assign(values, given);
  else if (given !== undefined) throw new TypeError("config must be an object of keys and values, or a path");
  for (const path of settings.configPaths ?? []) {
    const file = absolute(machine, path);
    if (existsSync(file)) Object.assign(values, readConfigFile(file, warn));
    else warn(`${loaded.origins.configPaths.name} names ${file}, which is not there`);
  }
  const trial = settings.sweepParamPath && readConfigFile(absolute(machine, settings.sweepParamPath), warn);
  if (!trial) return { values, locked: new Set() };
  return { values: merged(values, trial), locked: new Set(Object.keys(trial)) };
}

function merged(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const before = whole[key];
    whole[key] = isPlainObject(before) && isPlainObject(value) ? merged(before, value) : value;
  }
  return whole;
}

/** The part of the package `yaml` that is used. */
interface Yaml {
  parseDocument(text: string): {
    errors: readonly { message: string; linePos?: readonly { line: number }[] }[];
    toJS(): unknown;
  };
}

/** The form of the client's files, `key: {value: …, desc: …}`, and plain `key: value`. */
export function readConfigFile(path: string, warn: (text: string) => void): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingsError([`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
  // Loaded when first needed: few have such files.
  const { parseDocument } = createRequire(import.meta.url)("yaml") as Yaml;
  const document = parseDocument(text);
  const [wrong] = document.errors;
  if (wrong)
    throw new SettingsError([
      `${path}:${wrong.linePos?.[0]?.line ?? 1}: no YAML: ${wrong.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "")}`,
    ]);
  const content = document.toJS();
  if (content === null || content === undefined) {
    warn(`${path} holds no keys`);
    return {};
  }
  if (!isPlainObject(content)) throw new SettingsError([`${path}: a config is a mapping of keys and values`]);
  const { wandb_version: version, _wandb, ...entries } = content;
  if (version !== undefined && version !== 1)
    throw new SettingsError([`${path}: wandb_version is ${JSON.stringify(version)}; only 1 is known`]);
  return Object.fromEntries(
    Object.entries(entries).map(([key, entry]) => [key, isDescribed(entry) ? entry.value : entry]),
  );
}

const isDescribed = (entry: unknown): entry is { value: unknown } =>
  isPlainObject(entry) &&
  Object.hasOwn(entry, "value") &&
  Object.keys(entry).every((key) => key === "value" || key === "desc");
