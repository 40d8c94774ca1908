import { spawn } from "node:child_process";
import { once } from "node:events";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";

export interface Ended {
  status: number | null;
  out: string;
  err: string;
}

/** A program run to its end, without a terminal, with these variables, PATH and Node's compile cache alone. */
export async function runCommand(
  program: string,
  args: readonly string[],
  { cwd, environment, input = "" }: { cwd: string; environment: Record<string, string>; input?: string },
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, ...COMPILE_CACHE, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A program may end without having read.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended: Ended = { status: null, out: "", err: "" };
  child.stdout.on("data", (part) => {
    ended.out += part;
  });
  child.stderr.on("data", (part) => {
    ended.err += part;
  });
  [ended.status] = (await once(child, "close")) as [number | null];
  return ended;
}
