import { realpathSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import type { Settings } from "@steelyard/protocol/settings";

/** The program of a run, as settings or the process say. */
export interface Program {
  /** As shown: what WANDB_PROGRAM says, else where the script is. */
  name: string;
  /** Undefined when there is no such file. */
  path: string | undefined;
  /** Within its repository, else within the working directory, with `/`; undefined outside of both. */
  codePath: string | undefined;
  /** Within the working directory, with `/`; undefined outside of it. */
  localPath: string | undefined;
}

type Given = Pick<Settings, "program" | "programRelpath" | "programAbspath">;

/** Where the program is on the disk; the folder of its repository is looked for from there. */
export function programPath({ program, programAbspath }: Given): string {
  return resolve(programAbspath ?? program ?? process.argv[1] ?? "<interactive>");
}

export function programOf(given: Given, repositoryRoot: string | undefined): Program {
  const path = programPath(given);
  const exists = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  const within = (folder: string) => (exists ? below(folder, path) : undefined);
  return {
    name: given.program ?? (process.argv[1] ? path : "<interactive>"),
    path: exists ? path : undefined,
    codePath: given.programRelpath ?? within(repositoryRoot || process.cwd()),
    localPath: within(process.cwd()),
  };
}

/** git tells folders without links in them. */
function below(folder: string, path: string): string | undefined {
  const found = relative(realpathSync(folder), realpathSync(path)).split(sep).join("/");
  return found.startsWith("../") || isAbsolute(found) ? undefined : found;
}
