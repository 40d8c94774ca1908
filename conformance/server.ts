import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";

const MAIN = new URL("../packages/server/src/main.ts", import.meta.url).pathname;

/** A real server as its own process, so that it can be killed like one. */
export interface RunningServer {
  url: string;
  /** The first administrator's key. */
  apiKey: string;
  dataDir: string;
  /** What it has written to standard error since its last start. */
  log(): string;
  /** Of the process now serving. */
  pid(): number;
  /** kill -9, when it still runs, then start again on the same address and data. */
  crashAndRestart(): Promise<void>;
  /** GraphQL as the administrator; throws on errors. */
  query<T>(document: string, variables?: Record<string, unknown>): Promise<T>;
  /** A path of the server as the administrator. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/** On a data folder of its own, gone when it stops, unless one is given. */
export async function startServer({
  dataDir: given,
  flags = [],
}: {
  dataDir?: string;
  /** Beside those it needs. */
  flags?: readonly string[];
} = {}): Promise<RunningServer> {
  const dataDir = given ?? mkdtempSync(join(tmpdir(), "steelyard-conformance-"));
  let { child, url, log } = await launch(dataDir, 0, flags);
  const apiKey = readFileSync(join(dataDir, "admin-api-key"), "utf8").trim();
  const fetchAs = (path: string, init: RequestInit = {}) =>
    fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) },
    });
  return {
    url,
    apiKey,
    dataDir,
    log: () => log(),
    pid: () => child.pid as number,
    async crashAndRestart() {
      await ended(child, "SIGKILL");
      ({ child, url, log } = await launch(dataDir, Number(new URL(url).port), flags));
    },
    async query<T>(document: string, variables: Record<string, unknown> = {}) {
      const response = await fetchAs("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: document, variables }),
      });
      const answer = (await response.json()) as { data?: T; errors?: { message: string }[] };
      if (answer.errors || !answer.data)
        throw new Error(`${response.status}: ${JSON.stringify(answer.errors)}`);
      return answer.data;
    },
    fetch: fetchAs,
    async stop() {
      await ended(child, "SIGTERM");
      if (given === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function launch(
  dataDir: string,
  port: number,
  flags: readonly string[],
): Promise<{ child: ChildProcess; url: string; log: () => string }> {
  const child = spawn(
    process.execPath,
    [MAIN, "--host", "127.0.0.1", "--port", String(port), "--data-dir", dataDir, ...flags],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...COMPILE_CACHE },
    },
  );
  let printed = "";
  let logged = "";
  child.stderr.on("data", (chunk: Buffer) => {
    logged += chunk.toString();
  });
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const found = /WANDB_BASE_URL=["']?(http:\/\/[^\s"']+)/.exec(printed)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) =>
      reject(new Error(`the server ended with ${code} before it was ready:\n${printed}`)),
    );
  });
  return { child, url, log: () => logged };
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}
