import { execFile, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import { CommandError } from "../terminal.ts";

/** Whether a program of this name is in PATH. */
export function isInstalled(program: string): boolean {
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program];
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.some((folder) =>
    names.some((name) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

export function requireDocker(): void {
  if (!isInstalled("docker"))
    throw new CommandError("Docker not installed, install it from https://docker.com");
}

/** What docker prints, or undefined when it fails; it says nothing to the user. */
export function dockerOutput(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) =>
    execFile("docker", args, { encoding: "utf8" }, (error, out) => resolve(error ? undefined : out.trim())),
  );
}

/** `name@sha256:…` of an image on this machine or else in its registry; undefined when nobody knows it. */
export async function imageDigest(image: string): Promise<string | undefined> {
  if (image.includes("@sha256:")) return image;
  const here = await dockerOutput(["inspect", image, "--format", "{{json .RepoDigests}}"]);
  return (
    firstDigest(here) ??
    (await dockerOutput([
      "buildx",
      "imagetools",
      "inspect",
      image,
      "--format",
      "{{.Name}}@{{.Manifest.Digest}}",
    ]))
  );
}

function firstDigest(json: string | undefined): string | undefined {
  try {
    const [digest] = JSON.parse(json ?? "") as unknown[];
    return typeof digest === "string" ? digest : undefined;
  } catch {
    return undefined;
  }
}

/** Docker at the user's terminal; resolves to its exit status, as a shell says it. */
export function runDocker(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn("docker", args, { stdio: "inherit", env: environment });
  // The terminal sends Ctrl+C to docker as well, which decides what becomes of it.
  const ignore = () => {};
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", ignore).on("SIGTERM", pass);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new CommandError(`docker could not be started: ${error.message}`)));
    child.once("close", (status, signal) => {
      process.off("SIGINT", ignore).off("SIGTERM", pass);
      resolve(status ?? 128 + (signal ? system.signals[signal] : 0));
    });
  });
}
