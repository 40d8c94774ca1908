import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, hostname, platform, release, totalmem, userInfo } from "node:os";
import { dirname, join, relative } from "node:path";

export interface GitFacts {
  remote: string;
  commit: string;
}

/** Remote and commit of the repository the program is in; undefined outside of one, or without git. */
export async function gitFacts(folder: string): Promise<GitFacts | undefined> {
  const git = (...args: string[]) =>
    new Promise<string>((resolve) => {
      execFile("git", args, { cwd: folder, timeout: 2000 }, (error, stdout) =>
        resolve(error ? "" : stdout.trim()),
      );
    });
  const [commit, remote] = await Promise.all([git("rev-parse", "HEAD"), git("remote", "get-url", "origin")]);
  // A token in the remote's address is nobody else's business.
  return commit ? { remote: remote.replace(/^(https?:\/\/)[^@/]*@/, "$1"), commit } : undefined;
}

/** What the client keeps as `wandb-metadata.json`. */
export function metadataOf(
  program: string,
  host: string,
  git: GitFacts | undefined,
  startedAtMs: number,
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
    username: userName(),
    executable: process.execPath,
    cpu_count: cpus().length,
    cpu_count_logical: cpus().length,
    memory: { total: String(totalmem()) },
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
