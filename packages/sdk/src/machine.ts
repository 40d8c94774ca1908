import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import {
  type GivenSettings,
  type Machine,
  type Resolved,
  resolveSettings,
  settingsFilePaths,
} from "@steelyard/protocol/settings";
import { applySageMaker, type SageMaker, sageMakerOf, withSecrets } from "./sage-maker.ts";

/** The machine this process runs on, as settings see it. */
export function thisMachine(environment: NodeJS.ProcessEnv = process.env): Machine {
  const { platform } = process;
  return {
    platform: platform === "win32" || platform === "darwin" ? platform : "linux",
    home: homeFolder(environment),
    workingDirectory: process.cwd(),
    environment,
    exists: existsSync,
  };
}

/** "" where a process has none: a container with a random user id, say. */
function homeFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.HOME) return environment.HOME;
  try {
    return homedir();
  } catch {
    return "";
  }
}

export interface LoadedSettings extends Resolved {
  machine: Machine;
  /** Settings files that were read, the one that counts most last. */
  files: readonly string[];
  /** The training job this is, unless nothing is to be taken from it. */
  sageMaker: SageMaker | undefined;
}

/** Settings files, variables and what is given, in the order of the official client. Throws SettingsError. */
export function loadSettings(init: GivenSettings = {}): LoadedSettings {
  const machine = thisMachine();
  const unreadable: string[] = [];
  const files = settingsFilePaths(machine).flatMap((path) => {
    try {
      const text = readFileSync(path, "utf8");
      return text.trim() === "" ? [] : [{ path, text }];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") unreadable.push(`${path}: cannot be read (${code})`);
      return [];
    }
  });
  const resolve = (environment: Machine["environment"]) => resolveSettings({ files, environment, init });
  const job = sageMakerOf(machine);
  let resolved = resolve(job ? withSecrets(job, machine.environment) : machine.environment);
  const sageMaker = resolved.settings.sageMakerDisable ? undefined : job;
  if (sageMaker) applySageMaker(sageMaker, resolved, machine.environment);
  else if (job) resolved = resolve(machine.environment);
  return {
    ...resolved,
    sageMaker,
    warnings: [...unreadable, ...resolved.warnings],
    machine,
    files: files.map(({ path }) => path),
  };
}
