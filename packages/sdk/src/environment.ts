import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, hostname, platform, release, userInfo } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Settings } from "@steelyard/protocol/settings";

export interface GitFacts {
  remote: string;
  commit: string;
}

/**
 * Remote and commit of the repository the program is in, or what the settings say in their place; undefined outside of
 * one, or without git.
 */
export async function gitFacts(
  folder: string,
  given: Pick<Settings, "gitRemote" | "gitRemoteUrl" | "gitCommit" | "gitRoot">,
): Promise<GitFacts | undefined> {
  // A hook or a wrapper that runs this program has its own repository in them.
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  const git = (...args: string[]) =>
    new Promise<string>((resolve) => {
      execFile("git", args, { cwd: given.gitRoot ?? folder, timeout: 2000, env }, (error, stdout) =>
        resolve(error ? "" : stdout.trim()),
      );
    });
  const [commit, remote] = await Promise.all([
    given.gitCommit ?? git("rev-parse", "HEAD"),
    given.gitRemoteUrl ?? git("remote", "get-url", "--", given.gitRemote),
  ]);
  return commit ? { remote: withoutPassword(remote), commit } : undefined;
}

/** A token in the remote's address is nobody else's business; the user of ssh is part of the address. */
function withoutPassword(remote: string): string {
  return remote.replace(/^(https?:\/\/)[^/?#]*@/i, "$1").replace(/^(\w+:\/\/[^/?#@:]*):[^/?#]*@/, "$1@");
}

/** What the client keeps as `wandb-metadata.json`, of the program; `hardwareFacts` adds the machine. */
export function metadataOf(
  program: string,
  host: string,
  git: GitFacts | undefined,
  startedAtMs: number,
  given: Pick<Settings, "username" | "email">,
): Record<string, unknown> {
  return {
    os: `${platform()}-${release()}-${arch()}`,
    python: `node ${process.versions.node}`,
    startedAt: new Date(startedAtMs).toISOString(),
    args: process.argv.slice(2),
    program,
    codePath: relative(process.cwd(), program) || program,
    ...(git ? { git } : {}),
    root: process.cwd(),
    host: host || hostname(),
    username: given.username ?? userName(),
    ...(given.email === undefined ? {} : { email: given.email }),
    executable: process.execPath,
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

/** `name==version` of the packages the nearest package-lock.json resolved; "" without one. */
export function packageList(program: string): string {
  for (let folder = dirname(program); ; folder = dirname(folder)) {
    try {
      const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
        packages?: Record<string, { version?: string }>;
      };
      return Object.entries(lock.packages ?? {})
        .filter(([path, { version }]) => path.startsWith("node_modules/") && version)
        .map(([path, { version }]) => `${path.slice(path.lastIndexOf("node_modules/") + 13)}==${version}\n`)
        .join("");
    } catch {
      if (dirname(folder) === folder) return "";
    }
  }
}
