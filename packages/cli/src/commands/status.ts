import {
  foldersOf,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  tellable,
} from "@steelyard/protocol/settings";
import { Command } from "commander";
import type { LoadedSettings } from "steelyard/command-line";
import { settingsOf } from "../api.ts";
import { print, printJson, styled, table } from "../terminal.ts";

/** Keys that `wandb status` shows, with their own names there. */
const SHOWN: Readonly<Record<string, SettingName>> = {
  _extra_http_headers: "extraHttpHeaders",
  api_key: "apiKey",
  base_url: "baseUrl",
  entity: "entity",
  git_remote: "gitRemote",
  ignore_globs: "ignoreGlobs",
  organization: "organization",
  project: "project",
  root_dir: "dir",
};

export function statusCommand(): Command {
  return new Command("status")
    .description("show the settings that hold here and where they come from")
    .option("--settings", "show the settings", true)
    .option("--no-settings", "show nothing")
    .option("--show-origin", "a line for each value, with where it comes from, and the folders")
    .option("--json", "only the JSON")
    .action((options: { settings: boolean; showOrigin?: boolean; json?: boolean }) => {
      if (!options.settings) return;
      const loaded = settingsOf();
      if (options.showOrigin && !options.json) {
        print(table([...originsOf(loaded), ...placesOf(loaded)]));
        return;
      }
      if (!options.json) print(styled("bold", "Current Settings", process.stdout));
      printJson(statusOf(loaded));
    });
}

/** What `wandb status` shows, and beside it where each value comes from. A key is never shown. */
function statusOf(loaded: LoadedSettings): Record<string, unknown> {
  const names = new Map(Object.entries(SHOWN));
  for (const name of SETTING_NAMES)
    if (loaded.origins[name].kind === "file") names.set(settingOf(name).key, name);
  const values: Record<string, unknown> = { _proxies: null, section: "default" };
  const sources: Record<string, string> = {};
  for (const [key, name] of names) {
    const value = loaded.settings[name] ?? (name === "dir" ? loaded.machine.workingDirectory : null);
    values[key] = shown(name, value);
    sources[key] = loaded.origins[name].name;
  }
  return Object.fromEntries(Object.entries({ ...values, sources }).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What somebody set, and what `wandb status` shows: variable, value, source. */
function originsOf({ settings, origins }: LoadedSettings): [string, string, string][] {
  const shownAlways = new Set(Object.values(SHOWN));
  return SETTING_NAMES.filter((name) => shownAlways.has(name) || origins[name].kind !== "default").map(
    (name) => {
      const value = shown(name, settings[name]);
      return [
        settingOf(name).variables[0],
        typeof value === "string" ? value : JSON.stringify(value),
        origins[name].name,
      ];
    },
  );
}

/** Folders that are in use, and the variable that moves each. */
function placesOf({ settings, machine, origins }: LoadedSettings): [string, string, string][] {
  const { wandb, cache, data, artifacts, globalSettingsFile } = foldersOf(settings, machine);
  return [
    ["wandb folder", wandb, origins.dir.name],
    ["settings of the user", globalSettingsFile, origins.configDir.name],
    ["cache", cache, origins.cacheDir.name],
    ["data", data, origins.dataDir.name],
    ["artifacts", artifacts, origins.artifactDir.name],
  ];
}

/** A value as it is printed; of the key its ends, so that one can be told from another. */
export function shown(name: SettingName, value: unknown): unknown {
  if (name === "apiKey" && typeof value === "string") return `${value.slice(0, 2)}…${value.slice(-2)}`;
  return tellable(settingOf(name), value) ?? null;
}
