import { execFile } from "node:child_process";

/** The git repository around a folder, asked with git itself. */
export class GitRepository {
  /** Its uppermost folder. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Undefined outside of one, or without git. */
  static async around(folder: string): Promise<GitRepository | undefined> {
    const { ok, out } = await git(folder, "rev-parse", "--show-toplevel");
    return ok && out ? new GitRepository(out) : undefined;
  }

  async fetchAll(): Promise<void> {
    await git(this.root, "fetch", "--all", "--quiet");
  }

  async hasCommit(commit: string): Promise<boolean> {
    return (await git(this.root, "cat-file", "-e", `${commit}^{commit}`)).ok;
  }

  async hasBranch(name: string): Promise<boolean> {
    return (await git(this.root, "show-ref", "--verify", "--quiet", `refs/heads/${name}`)).ok;
  }

  /** What is in the way, in git's words; undefined when it worked. */
  async checkout(...args: string[]): Promise<string | undefined> {
    const { ok, error } = await git(this.root, "checkout", "--quiet", ...args);
    return ok ? undefined : error;
  }

  /** What of it fits is applied; of the rest git leaves `.rej` files, and its words come back. */
  async apply(patch: string): Promise<string | undefined> {
    const { ok, error } = await git(this.root, "apply", "--reject", "--", patch);
    return ok ? undefined : error;
  }
}

function git(folder: string, ...args: string[]): Promise<{ ok: boolean; out: string; error: string }> {
  // A hook or a wrapper that runs this program has its own repository in them.
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  return new Promise((resolve) =>
    execFile("git", args, { cwd: folder, env }, (failed, out, error) =>
      resolve({ ok: failed === null, out: out.trim(), error: error.trim() || String(failed?.message ?? "") }),
    ),
  );
}
