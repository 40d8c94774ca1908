import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Settings } from "@steelyard/protocol/settings";

/** What is recorded of the repository a run is of. */
export interface GitFacts {
  remote: string;
  commit: string;
  /** Undefined with no branch checked out, or when settings say the commit. */
  branch: string | undefined;
  /** Folder of the working tree; "" when settings alone say the commit. */
  root: string;
}

/** Without it a repository on a dead network drive would hold up `init`. */
const ASK_MS = 2000;
/** A diff of a large tree reads all of it. */
const DIFF_MS = 30_000;

/** Told without git, which takes as long to start as the rest of `init`. A worktree's or submodule's `.git` is a file. */
export function repositoryAround(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** A hook or a wrapper that runs this program has its own repository in them. */
function gitEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  return env;
}

const NO_ANSWER = { ok: false, text: "" };

/** What git prints; of a command that failed, what it had printed by then. */
function git(cwd: string, ...args: string[]): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    execFile("git", args, { cwd, timeout: ASK_MS, env: gitEnvironment() }, (error, stdout) =>
      resolve({ ok: error === null, text: stdout.trim() }),
    );
  });
}

/** "" when there is no answer. */
async function answerOf(cwd: string, ...args: string[]): Promise<string> {
  const { ok, text } = await git(cwd, ...args);
  return ok ? text : "";
}

/**
 * The repository of a run: WANDB_GIT_ROOT, else that of the working directory, else that of the program. What the settings
 * say of commit and remote counts in place of git. Undefined outside of one, or without git or a first commit.
 */
export async function gitFacts(
  program: string,
  given: Pick<Settings, "gitRemote" | "gitRemoteUrl" | "gitCommit" | "gitRoot">,
): Promise<GitFacts | undefined> {
  const folder = given.gitRoot ?? repositoryAround(process.cwd()) ?? repositoryAround(dirname(program));
  const ask = async (...args: string[]) => (folder === undefined ? NO_ANSWER : git(folder, ...args));
  const [found, remote] = await Promise.all([
    // The root is printed even where there is no commit yet.
    ask("rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD"),
    given.gitRemoteUrl ??
      ask("remote", "get-url", "--", given.gitRemote).then(({ ok, text }) => (ok ? text : "")),
  ]);
  const [root = "", head = "", name] = found.text.split("\n");
  const commit = given.gitCommit ?? (found.ok ? head : "");
  // git calls it HEAD where there is none.
  const branch = given.gitCommit !== undefined || name === "HEAD" ? undefined : name;
  return commit === "" ? undefined : { remote: withoutPassword(remote), commit, branch, root };
}

/** A token in the remote's address is nobody else's business; the user of ssh is part of the address. */
function withoutPassword(remote: string): string {
  return remote.replace(/^(https?:\/\/)[^/?#]*@/i, "$1").replace(/^(\w+:\/\/[^/?#@:]*):[^/?#]*@/, "$1@");
}

/**
 * What the working tree has beside a commit, written to `path` as `git apply` takes it; false when there is nothing, or git
 * does not answer.
 */
export async function writeDiff(root: string, commit: string, path: string): Promise<boolean> {
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, "w");
  try {
    // The user's colours and viewers would make it no patch.
    const options = ["--no-color", "--no-ext-diff", "--submodule=diff"];
    const child = spawn("git", ["diff", commit, ...options], {
      cwd: root,
      env: gitEnvironment(),
      stdio: ["ignore", file, "ignore"],
      timeout: DIFF_MS,
    });
    const ok = await new Promise<boolean>((resolve) => {
      child.once("error", () => resolve(false));
      child.once("close", (code) => resolve(code === 0));
    });
    if (!ok || fstatSync(file).size === 0) return false;
    renameSync(temporary, path);
    return true;
  } finally {
    closeSync(file);
    rmSync(temporary, { force: true });
  }
}

/**
 * Commit of the remote that this work is based on: the newest of the branch that is followed; with `search`, where that
 * branch forked off, looked for in the branches that others follow too. Undefined on no branch, or without one at a remote.
 */
export async function upstreamCommit(root: string, search: boolean): Promise<string | undefined> {
  if (!(await git(root, "symbolic-ref", "--quiet", "HEAD")).ok) return undefined;
  if (!search) return (await answerOf(root, "rev-parse", "--verify", "--quiet", "@{upstream}")) || undefined;
  const own = await answerOf(root, "rev-parse", "--abbrev-ref", "@{upstream}");
  const followed = own
    ? [own]
    : (await answerOf(root, "for-each-ref", "--format=%(upstream:short)", "refs/heads/"))
        .split("\n")
        .filter(Boolean);
  let newest: string | undefined;
  for (const branch of new Set(followed)) {
    const base = await answerOf(root, "merge-base", "HEAD", branch);
    if (base === "") continue;
    if (newest === undefined || (await git(root, "merge-base", "--is-ancestor", newest, base)).ok)
      newest = base;
  }
  return newest;
}
