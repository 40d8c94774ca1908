import { randomInt } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { foldersOf, isRunId, runFolderName, type Settings } from "@steelyard/protocol/settings";
import type { LoadedSettings } from "./machine.ts";
import { makeFolder } from "./make-folder.ts";

/** A run's first files and a moment of its rows. */
const LEAST_ROOM_BYTES = 256 * 2 ** 10;
const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

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
  /** Is there only after a crash of the SDK. */
  crashReport: string;
}

/** Makes the folders of a run, and the links to the newest. */
export function makeRunFolder(
  { settings, machine, warnings }: LoadedSettings,
  startTimeMs: number,
): RunFolder {
  const root = workingFolder(foldersOf(settings, machine).wandb, warnings);
  const runId = runIdOf(settings, root);
  const folder = ownFolder(root, settings, startTimeMs, runId);
  const filesDir = join(folder, "files");
  const logs = join(folder, "logs");
  mkdirSync(filesDir, { recursive: true });
  mkdirSync(logs, { recursive: true });
  const debugLog = join(logs, "debug.log");
  const internalLog = join(logs, "debug-internal.log");
  if (settings.symlink ?? machine.platform !== "win32") {
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
    crashReport: join(logs, "crash.txt"),
  };
}

/** Where the settings say, or a temporary folder when that cannot be written. */
function workingFolder(wanted: string, warnings: string[]): string {
  try {
    const isNew = makeFolder(wanted);
    accessSync(wanted, constants.R_OK | constants.W_OK);
    if (isFull(wanted)) throw Object.assign(new Error(), { code: "ENOSPC" });
    if (isNew) writeGitignore(wanted);
    return wanted;
  } catch (error) {
    const instead = temporaryFolder();
    warnings.push(`cannot write to ${wanted} (${reasonOf(error, dirname(wanted))}); using ${instead}`);
    return instead;
  }
}

/** Node says ENOENT of a folder that cannot be made on a disk that can only be read. */
function reasonOf(error: unknown, parent: string): string {
  const { code = "?" } = error as NodeJS.ErrnoException;
  try {
    accessSync(parent, constants.W_OK);
    return code;
  } catch (cause) {
    return code === "ENOENT" ? ((cause as NodeJS.ErrnoException).code ?? code) : code;
  }
}

/** A full disk makes folders and takes nothing into them. */
function isFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < LEAST_ROOM_BYTES;
}

/** Runs are no sources; the settings of the folder may be. */
export function writeGitignore(folder: string): void {
  try {
    writeFileSync(join(folder, ".gitignore"), "*\n!settings\n", { flag: "wx" });
  } catch {
    // One is there, or none can be: either is the user's affair.
  }
}

/** The same one each time, as long as it is not another user's. */
function temporaryFolder(): string {
  const usual = join(tmpdir(), "wandb");
  try {
    makeFolder(usual);
    accessSync(usual, constants.R_OK | constants.W_OK);
    return usual;
  } catch {
    return mkdtempSync(`${usual}-`);
  }
}

function runIdOf(settings: Settings, root: string): string {
  if (settings.runId) return settings.runId;
  if (settings.resumeFrom) return settings.resumeFrom.run;
  const left = settings.resume === "auto" ? unfinishedRun(root) : undefined;
  if (left) return left;
  return randomId();
}

/** What WANDB_RUN_ID said, where it was changed and could be an id too; else "". */
export function rawIdOf({ settings, origins, machine }: LoadedSettings): string {
  const raw =
    origins.runId.kind === "environment" ? (machine.environment[origins.runId.name]?.trim() ?? "") : "";
  return raw !== settings.runId && isRunId(raw) ? raw : "";
}

/** As the official client's: eight letters and digits. */
export function randomId(): string {
  let id = "";
  for (let at = 0; at < 8; at++) id += ID_LETTERS[randomInt(ID_LETTERS.length)];
  return id;
}

/** A run of the same second has the folder already: this one gets a number. */
function ownFolder(root: string, settings: Settings, startTimeMs: number, runId: string): string {
  const began = new Date(startTimeMs);
  const start = {
    year: began.getFullYear(),
    month: began.getMonth() + 1,
    day: began.getDate(),
    hour: began.getHours(),
    minute: began.getMinutes(),
    second: began.getSeconds(),
  };
  const first = join(root, runFolderName(settings, start, runId));
  for (let number = 0; ; number++) {
    const folder = number === 0 ? first : `${first}-${number}`;
    if (makeFolder(folder)) return folder;
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
