import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { isGlob } from "@steelyard/protocol/globs";
import type { FileItem, FilePolicy } from "@steelyard/protocol/records";
import { globPaths } from "../glob.ts";
import { OWN_FILES } from "./own-file.ts";

/** How files are saved with a run. */
export interface SaveOptions {
  /**
   * Folder whose structure below it is kept: `save("out/models/a.pt", { basePath: "out" })` is `models/a.pt` of the run.
   *
   * @default the working directory; for an absolute path, the folder above the file's folder
   */
  basePath?: string;
  /** `live`: upload now, whenever it changes, and at the end; `now`: once; `end`: when the run ends. */
  policy?: FilePolicy;
  /**
   * `false`: the path is meant as it stands, whatever `*`, `?` and `[` are in it.
   *
   * @default `true`
   */
  glob?: boolean;
}

/** Where saved files go, and how. */
export interface SavedPlace {
  filesDir: string;
  /** Of all runs; nothing below it is found by a pattern. */
  root: string;
  symlink: boolean;
}

export interface PlacedFiles {
  files: FileItem[];
  /** For the user: what is not as he asked. */
  warnings: string[];
}

const POLICIES: readonly FilePolicy[] = ["live", "now", "end"];

/**
 * Bring the files of a path or pattern into the run's folder: by a symbolic link, else a hard link, else a copy, which then
 * does not follow its source. Throws TypeError when the path is not below its base.
 */
export function placeFiles(pattern: string, options: SaveOptions, place: SavedPlace): PlacedFiles {
  const { policy = "live", glob = true } = options;
  if (!POLICIES.includes(policy))
    throw new TypeError(`policy ${JSON.stringify(policy)} is not known; use ${POLICIES.join(", ")}`);
  if (/^(?:gs|s3):\/\//.test(pattern))
    return {
      files: [],
      warnings: [`${pattern} is an address in a cloud store and not saved; only files are`],
    };
  const warnings: string[] = [];
  const wanted = resolve(pattern);
  const base = baseOf(pattern, wanted, options.basePath, warnings);
  const below = relative(base, wanted).split(sep).join("/");
  if (below === "" || below === ".." || below.startsWith("../") || isAbsolute(below))
    throw new TypeError(`${pattern} is not below ${base}; give basePath a folder above it`);
  const found = filesOf(base, below, glob, place.root);
  // What the program wrote there itself counts as saved too.
  const there = filesOf(place.filesDir, below, glob).filter(
    (name) => !found.includes(name) && !OWN_FILES.includes(name),
  );
  if (found.length + there.length === 0) warnings.push(`nothing is saved: no file is ${wanted}`);
  let copies = 0;
  const files = found.map((name): FileItem => {
    const copied = placeFile(join(base, name), join(place.filesDir, name), place.symlink) === "copy";
    if (copied) copies++;
    return { path: name, policy: copied && policy === "live" ? "now" : policy, type: "other" };
  });
  for (const path of there) files.push({ path, policy, type: "other" });
  if (copies > 0 && policy === "live")
    warnings.push(
      `${copies} saved ${copies === 1 ? "file is a copy" : "files are copies"}: no link could be made, so later changes are not uploaded (policy "now" instead of "live")`,
    );
  return { files, warnings };
}

function baseOf(pattern: string, wanted: string, given: string | undefined, warnings: string[]): string {
  if (given !== undefined) return resolve(given);
  if (!isAbsolute(pattern)) return process.cwd();
  const base = dirname(dirname(wanted));
  warnings.push(
    `${pattern} is saved as ${relative(base, wanted)}; give basePath to say which folders above it are kept`,
  );
  return base;
}

/** Names below the base, with `/`, in order; none below `apart`. A folder stands for all files in it. */
function filesOf(base: string, below: string, glob: boolean, apart = ""): string[] {
  const literal = statusOf(join(base, below));
  // A file of that very name is what was meant, as in `model[1].pt`.
  if (literal || !glob || !isGlob(below)) return literal ? filesIn(base, below, literal, apart) : [];
  const found = globPaths(below.replace(/\[!/g, "[^"), base).flatMap((name) => {
    const status = statusOf(join(base, name));
    return status && !isBelow(join(base, name), apart) ? filesIn(base, name, status, apart) : [];
  });
  return [...new Set(found)].sort();
}

/** The file itself, or all below the folder. */
function filesIn(base: string, name: string, status: Stats, apart: string): string[] {
  if (status.isFile()) return [name];
  if (!status.isDirectory() || isBelow(join(base, name), apart)) return [];
  return entriesOf(join(base, name)).flatMap((entry) => {
    const inside = `${name}/${entry}`;
    const below = statusOf(join(base, inside));
    return below && (below.isFile() || isFolder(base, inside)) ? filesIn(base, inside, below, apart) : [];
  });
}

/** A link to a folder is not one: it may lead round in a circle. */
function isFolder(base: string, name: string): boolean {
  return lstatSync(join(base, name)).isDirectory();
}

function isBelow(path: string, folder: string): boolean {
  return folder !== "" && (path === folder || path.startsWith(folder + sep));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function statusOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** Whatever was there under that name gives way, unless it is that file already. */
function placeFile(source: string, target: string, symlink: boolean): "link" | "copy" {
  const there = statusOf(target);
  const from = statSync(source);
  if (there && there.ino === from.ino && there.dev === from.dev) return "link";
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { force: true });
  if (symlink && made(() => symlinkSync(source, target))) return "link";
  if (made(() => linkSync(source, target))) return "link";
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}`);
  copyFileSync(source, temporary);
  renameSync(temporary, target);
  return "copy";
}

function made(link: () => void): boolean {
  try {
    link();
    return true;
  } catch {
    return false;
  }
}
