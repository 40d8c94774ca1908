import { type Dirent, existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { artifactName, type NewFile } from "../artifacts/staged-artifact.ts";
import type { Program } from "./program.ts";

/** Which files are code. */
export interface CodeOptions {
  /**
   * Name of the artifact.
   *
   * @default `source-`, the project and the program
   */
  name?: string;
  /**
   * Takes a path below the root, with `/`, and says whether the file is code.
   *
   * @default JavaScript, TypeScript, Python and notebooks' sources, `package.json`, lock files and what configures them
   */
  include?: (path: string) => boolean;
  /** Takes such a path too, and says whether it stays out after all. */
  exclude?: (path: string) => boolean;
}

/** Name of the artifact of a run's code: one for all runs of a program in a project. */
export function codeArtifactName(project: string, { codePath, localPath }: Program): string {
  return artifactName(["source", project, codePath ?? localPath ?? ""].filter(Boolean).join("-"));
}

const SOURCE = /\.(?:[cm]?[jt]sx?|py|wasm|vue|svelte)$/;
const NAMED =
  /^(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|pnpm-workspace\.yaml|bun\.lockb?|deno\.(?:jsonc?|lock)|tsconfig(?:\..+)?\.json|requirements\.txt|Dockerfile.*)$/;
/** Nowhere code of the run: what is installed, and git's own. */
const APART = new Set(["node_modules", ".git"]);
/** What runs leave behind, in the folder itself; deeper such a name is a package's. */
const OF_RUNS = new Set(["wandb", ".wandb"]);

/** By its name: what a run of JavaScript, TypeScript or Python is made of. */
export function isCode(path: string): boolean {
  const name = basename(path);
  return SOURCE.test(name) || NAMED.test(name);
}

/**
 * Files below `root` that are code, in order. Folders of packages, of git and of runs (`runs` is where they are now) are not
 * looked into, links to folders are not followed. Throws Error when there is no such folder.
 */
export async function sourceFiles(
  root: string,
  runs: string,
  { include = isCode, exclude = () => false }: CodeOptions = {},
): Promise<NewFile[]> {
  const top = resolve(root);
  if (!existsSync(top)) throw new Error(`there is no folder ${top} to take code from`);
  const found: NewFile[] = [];
  const look = async (folder: string) => {
    for (const entry of await entriesOf(join(top, folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        const apart = APART.has(entry.name) || OF_RUNS.has(path) || join(top, path) === runs;
        if (!apart) await look(path);
      } else if (isFile(join(top, path)) && include(path) && !exclude(path))
        found.push({ path, from: join(top, path) });
    }
  };
  await look("");
  return found;
}

/** What a link leads to counts; a pipe or a socket is no file. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A folder that cannot be read holds nothing. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
