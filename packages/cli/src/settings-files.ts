import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { editSettingsFile, foldersOf } from "@steelyard/protocol/settings";
import { type LoadedSettings, makeFolder } from "steelyard/command-line";
import { CommandError, info } from "./terminal.ts";

type Changes = Readonly<Record<string, string | undefined>>;

/** The settings file of this folder (`wandb/settings`) and the user's own. */
export function settingsFilesOf({ settings, machine }: LoadedSettings): { local: string; global: string } {
  const { settingsFile, globalSettingsFile } = foldersOf(settings, machine);
  return { local: settingsFile, global: globalSettingsFile };
}

/** Nothing is written, and nothing said, when nothing changes. */
export function changeSettings(path: string, changes: Changes): void {
  const before = textOf(path);
  if (before === "" && Object.values(changes).every((value) => value === undefined)) return;
  const after = editSettingsFile(before, changes);
  if (after.trim() === before.trim()) return;
  try {
    makeFolder(dirname(path));
    writeFileSync(path, after);
  } catch (error) {
    throw new CommandError(`Error updating settings at ${path}: ${(error as Error).message}`);
  }
  info(`Updated settings file ${path}`);
}

/** The value goes to the user's file and is no longer this folder's. */
export function changeGlobally(loaded: LoadedSettings, changes: Changes): void {
  const { local, global } = settingsFilesOf(loaded);
  changeSettings(local, Object.fromEntries(Object.keys(changes).map((key) => [key, undefined])));
  changeSettings(global, changes);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new CommandError(`Error updating settings at ${path}: ${(error as Error).message}`);
  }
}
