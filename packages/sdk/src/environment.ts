import { readFileSync } from "node:fs";
import { arch, hostname, platform, release, userInfo } from "node:os";
import { dirname, join } from "node:path";
import type { Settings } from "@steelyard/protocol/settings";
import type { Program } from "./code/program.ts";
import type { GitFacts } from "./git/repository.ts";
import { inNotebook } from "./notebook.ts";

/** What the client keeps as `wandb-metadata.json`, of the program; `hardwareFacts` adds the machine. */
export function metadataOf(
  { name, codePath, localPath }: Program,
  host: string,
  git: GitFacts | undefined,
  startedAtMs: number,
  given: Pick<Settings, "username" | "email">,
): Record<string, unknown> {
  return {
    os: `${platform()}-${release()}-${arch()}`,
    python: runtime(),
    startedAt: new Date(startedAtMs).toISOString(),
    // Of a kernel they say where its sockets are.
    args: inNotebook() ? [] : process.argv.slice(2),
    program: name,
    ...(codePath === undefined ? {} : { codePath }),
    ...(localPath === undefined ? {} : { codePathLocal: localPath }),
    ...(git
      ? {
          git: {
            remote: git.remote,
            commit: git.commit,
            // The official client has none; in a log there is no room for it.
            ...(git.branch === undefined ? {} : { branch: git.branch }),
          },
        }
      : {}),
    root: process.cwd(),
    host: host || hostname(),
    username: given.username ?? userName(),
    ...(given.email === undefined ? {} : { email: given.email }),
    executable: process.execPath,
  };
}

/** In the field that has the interpreter's version. */
function runtime(): string {
  const { node, deno, bun } = process.versions;
  return deno ? `deno ${deno}` : bun ? `bun ${bun}` : `node ${node}`;
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
