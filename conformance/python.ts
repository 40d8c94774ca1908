import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIENTS } from "../scripts/python-clients.mjs";
import type { RunningServer } from "./server.ts";

const VENVS = process.env.STEELYARD_TEST_VENVS ?? new URL("../.venvs", import.meta.url).pathname;

/** Releases of the official client that are installed here, oldest first. */
export const clientVersions: string[] = CLIENTS.map(({ version }) => version).filter((version) =>
  existsSync(join(VENVS, version, "bin", "wandb")),
);
export const newestClient: string | undefined = clientVersions.at(-1);

/** The interpreter that has that release. */
export function interpreterOf(version: string): string {
  return join(VENVS, version, "bin", "python");
}

/** The release's Python package can read a `.wandb` log. */
export function hasLogReader(version: string): boolean {
  return (
    globSync(`lib/*/site-packages/wandb/sdk/internal/datastore.py`, { cwd: join(VENVS, version) }).length > 0
  );
}

/** Name of the environment with the training libraries of that weight, when it is installed. */
export function integrationsVenv(weight: "light" | "keras" | "torch"): string | undefined {
  const name = `integrations-${weight}`;
  return existsSync(join(VENVS, name, ".ready")) ? name : undefined;
}

/** An interpreter that can run notebooks, when it is installed. */
export function notebookRunner(): string | undefined {
  const python = join(VENVS, "notebooks", "bin", "python");
  return existsSync(join(VENVS, "notebooks", ".ready")) ? python : undefined;
}

/** Of a distribution in that environment, as its folder is called (`scikit_learn`). */
export function installedVersion(venv: string, distribution: string): string {
  const [found] = globSync(`lib/*/site-packages/${distribution}-*.dist-info`, { cwd: join(VENVS, venv) });
  return found?.split(`${distribution}-`).at(-1)?.replace(".dist-info", "") ?? "?";
}

export interface ScriptResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface ScriptOptions {
  args?: string[];
  env?: Record<string, string>;
  timeoutMs?: number;
  onStdout?: (text: string) => void;
  /** All that was said so far, on both. */
  onText?: (text: string) => void;
}

/**
 * Releases whose own process is Python tell its port before it listens there; on a busy machine the script comes first
 * and ends, before anything was sent.
 */
const CAME_TOO_EARLY = ["Connection to wandb service failed", "ConnectionRefusedError"];

/** Run a script of `conformance/scripts` under one release, in an empty folder, with the two variables a user sets. */
export async function runScript(
  version: string,
  script: string,
  server: RunningServer,
  options: ScriptOptions = {},
): Promise<ScriptResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await runOnce(version, script, server, options);
    if (attempt === 3 || result.code === 0 || !CAME_TOO_EARLY.every((part) => result.stderr.includes(part)))
      return result;
  }
}

function runOnce(
  version: string,
  script: string,
  server: RunningServer,
  options: ScriptOptions,
): Promise<ScriptResult> {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-client-"));
  const child = spawn(
    interpreterOf(version),
    [new URL(`scripts/${script}`, import.meta.url).pathname, ...(options.args ?? [])],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 600_000,
      killSignal: "SIGKILL",
      env: {
        PATH: `${join(VENVS, version, "bin")}:${process.env.PATH}`,
        HOME: folder,
        LANG: "C.UTF-8",
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: server.apiKey,
        // The client's own crash reporter would try to leave the machine.
        WANDB_ERROR_REPORTING: "false",
        NO_PROXY: "127.0.0.1,localhost",
        // A busy machine may take longer than the half minute that its own process is given to start in.
        WANDB__SERVICE_WAIT: "300",
        WANDB_INIT_TIMEOUT: "300",
        ...options.env,
      },
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    options.onStdout?.(stdout);
    options.onText?.(stdout + stderr);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    options.onText?.(stdout + stderr);
  });
  return new Promise((resolve) => {
    child.once("close", (code) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ code, stdout, stderr });
    });
  });
}
