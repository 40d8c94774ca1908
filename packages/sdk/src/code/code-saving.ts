import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import type { NewFile } from "../artifacts/staged-artifact.ts";
import { type GitFacts, upstreamCommit, writeDiff } from "../git/repository.ts";
import type { Program } from "./program.ts";
import { sourceFiles } from "./source-files.ts";

/** What of its code a run stores. */
export interface CodeStart {
  /** Undefined: as the account at the server says. */
  saves: boolean | undefined;
  /** Folder whose source files become an artifact at the start (WANDB_CODE_DIR). */
  folder: string | undefined;
  /** The patch's commit is looked for in the branches of the remote (WANDB_DISABLE_GIT_FORK_POINT=false). */
  searchesForkPoint: boolean;
  /** Where runs are, which is no code. */
  runs: string;
}

/** The run whose code it is. */
export interface SavedRun {
  program: Program;
  git: GitFacts | undefined;
  filesDir: string;
  /** Of an artifact that is given no name. */
  artifactName: string;
}

/** Where it goes. */
export interface CodeDoor {
  /** Whether the account wants code to be stored. */
  accountSaves(): Promise<boolean>;
  /** Files of the run's folder that are there now. */
  files(names: string[]): void;
  /** The program is that file of the run. */
  codePath(path: string): void;
  artifact(name: string, files: NewFile[]): void;
}

/**
 * The program, what its repository has beside its commits, and the folder of its source: into the run's folder and on. After
 * the run is open, for none of it needs to be waited for. Throws the file system's errors.
 */
export async function saveCode(
  start: CodeStart,
  { program, git, filesDir, artifactName }: SavedRun,
  door: CodeDoor,
): Promise<void> {
  if (!(start.saves ?? (await door.accountSaves()))) return;
  const saved = saveProgram(program, filesDir);
  if (saved) {
    door.files([saved]);
    door.codePath(saved);
  }
  if (git && git.root !== "") {
    if (await writeDiff(git.root, "HEAD", join(filesDir, "diff.patch"))) door.files(["diff.patch"]);
    const upstream = await upstreamCommit(git.root, start.searchesForkPoint);
    // What is pushed already needs no patch of its own.
    if (upstream && upstream !== git.commit) {
      const name = `diff_${upstream}.patch`;
      if (await writeDiff(git.root, upstream, join(filesDir, name))) door.files([name]);
    }
  }
  if (start.folder !== undefined) door.artifact(artifactName, await sourceFiles(start.folder, start.runs));
}

/** Its name below the run's folder; undefined when the program is no file, or outside of what is its project. */
function saveProgram({ path, codePath }: Program, filesDir: string): string | undefined {
  if (path === undefined || codePath === undefined) return undefined;
  const name = posix.normalize(`code/${codePath}`);
  if (!name.startsWith("code/")) return undefined;
  const target = join(filesDir, name);
  if (!existsSync(target)) {
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  return name;
}
