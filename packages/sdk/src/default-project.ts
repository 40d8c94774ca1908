import { basename, relative, resolve, sep } from "node:path";
import { DEFAULT_PROJECT } from "@steelyard/protocol/settings";
import { repositoryAround } from "./git/repository.ts";
import type { LoadedSettings } from "./machine.ts";

/** Characters and length that a project's name may not have. */
const FORBIDDEN = /[/\\#?%:]/g;
const MAX_LENGTH = 128;

/**
 * The project where none is named: the git repository around the working directory and, when the program is in it, the
 * program's folder there, as the official client has it: `repository-folder_below`. The name is made one that a project
 * can have. `folder` = of the program.
 */
export function defaultProject(
  { settings, machine }: Pick<LoadedSettings, "settings" | "machine">,
  folder: string,
): string {
  if (settings.disableGit) return DEFAULT_PROJECT;
  const root = settings.gitRoot ? resolve(settings.gitRoot) : repositoryAround(machine.workingDirectory);
  if (root === undefined) return DEFAULT_PROJECT;
  const below = relative(root, folder);
  const inside = below !== "" && below !== ".." && !below.startsWith(`..${sep}`);
  const name = (inside ? `${basename(root)}-${below}` : basename(root)).replaceAll(sep, "_");
  return name.replaceAll(FORBIDDEN, "-").slice(0, MAX_LENGTH).trim() || DEFAULT_PROJECT;
}
