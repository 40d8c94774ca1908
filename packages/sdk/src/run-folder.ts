import { randomInt } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import type { Settings } from "@steelyard/protocol/settings";

const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const MAX_ID = 64;

/** Where a run's files are, named as by the official client. */
export interface RunFolder {
  /** `DIR/wandb`. */
  root: string;
  /** `root/run-DATE_TIME-ID`, of this start alone. */
  folder: string;
  runId: string;
  logFile: string;
  filesDir: string;
  debugLog: string;
  internalLog: string;
}

/** Makes the folders of a run, and the links to the newest. */
export function makeRunFolder(settings: Settings, startTimeMs: number): RunFolder {
  const root = workingFolder(settings.dir);
  const runId = runIdOf(settings, root);
  const folder = ownFolder(root, settings.mode === "offline" ? "offline-run" : "run", startTimeMs, runId);
  const filesDir = join(folder, "files");
  const logs = join(folder, "logs");
  mkdirSync(filesDir, { recursive: true });
  mkdirSync(logs, { recursive: true });
  const debugLog = join(logs, "debug.log");
  const internalLog = join(logs, "debug-internal.log");
  if (settings.symlink) {
    point(join(root, "latest-run"), folder);
    point(join(root, "debug.log"), debugLog);
    point(join(root, "debug-internal.log"), internalLog);
    // Who prints less looks for the rest here.
    const beside = join(dirname(root), "debug.log");
    if ((settings.quiet || settings.silent) && isOurs(beside)) point(beside, join(root, "debug.log"));
  }
  return {
    root,
    folder,
    runId,
    logFile: join(folder, `run-${runId}.wandb`),
    filesDir,
    debugLog,
    internalLog,
  };
}

/** `DIR/wandb` (`DIR/.wandb` where that is), or a temporary folder when that cannot be written. */
function workingFolder(dir: string): string {
  const base = resolve(dir.replace(/^~(?=$|[/\\])/, homedir()) || ".");
  const wanted = join(base, existsSync(join(base, ".wandb")) ? ".wandb" : "wandb");
  try {
    mkdirSync(wanted, { recursive: true });
    return wanted;
  } catch (error) {
    const instead = join(tmpdir(), "wandb");
    process.stderr.write(
      `steelyard: cannot write to ${wanted} (${(error as NodeJS.ErrnoException).code}); using ${instead}\n`,
    );
    mkdirSync(instead, { recursive: true });
    return instead;
  }
}

function runIdOf(settings: Settings, root: string): string {
  if (settings.runId) {
    if (settings.runId.length > MAX_ID)
      throw new Error(`the run id has ${settings.runId.length} characters; at most ${MAX_ID} are allowed`);
    return settings.runId.replace(/[^\p{L}\p{N}_-]/gu, "-");
  }
  const left = settings.resume === "auto" ? unfinishedRun(root) : undefined;
  if (left) return left;
  let id = "";
  for (let at = 0; at < 8; at++) id += ID_LETTERS[randomInt(ID_LETTERS.length)];
  return id;
}

/** A run of the same second has the folder already: this one gets a number. */
function ownFolder(root: string, kind: string, startTimeMs: number, runId: string): string {
  const local = new Date(startTimeMs - new Date(startTimeMs).getTimezoneOffset() * 60_000).toISOString();
  const stamp = local.slice(0, 19).replaceAll("-", "").replaceAll(":", "").replace("T", "_");
  const first = join(root, `${kind}-${stamp}-${runId}`);
  for (let number = 0; ; number++) {
    const folder = number === 0 ? first : `${first}-${number}`;
    // Undefined where it was there already.
    if (mkdirSync(folder, { recursive: true }) !== undefined) return folder;
  }
}

/** Nothing is there, or a link of an earlier run. */
function isOurs(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return true;
  }
}

/** In one step, so that whoever reads it meanwhile finds the old or the new. */
function point(link: string, target: string): void {
  const temporary = `${link}.${process.pid}`;
  try {
    rmSync(temporary, { force: true });
    symlinkSync(relative(dirname(link), target), temporary);
    renameSync(temporary, link);
  } catch {
    // A convenience: the file system may not have links.
  }
}

const resumeFile = (root: string) => join(root, "wandb-resume.json");

/** Id of the run that `resume: "auto"` goes on with: started here, and not ended with exit code 0. */
function unfinishedRun(root: string): string | undefined {
  try {
    const { run_id } = JSON.parse(readFileSync(resumeFile(root), "utf8")) as { run_id?: unknown };
    return typeof run_id === "string" && run_id !== "" ? run_id : undefined;
  } catch {
    return undefined;
  }
}

/** `auto` leaves its id for the next start; a start without resume takes it away. */
export function noteUnfinished(root: string, resume: string, runId: string): void {
  if (resume === "auto") writeFileSync(resumeFile(root), JSON.stringify({ run_id: runId }));
  else if (resume === "") rmSync(resumeFile(root), { force: true });
}

/** The run ended with exit code 0: there is nothing to go on with. */
export function forgetUnfinished(root: string, runId: string): void {
  if (unfinishedRun(root) === runId) rmSync(resumeFile(root), { force: true });
}
