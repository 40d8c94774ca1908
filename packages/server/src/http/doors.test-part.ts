import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { readConfig } from "../config.ts";
import { type RunningServer, type StartOptions, startServer } from "../main.ts";

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** Of a body that is JSON; tests read what they wait for out of it. */
  json<T = Record<string, unknown>>(): T;
}

export type LogLine = Record<string, unknown> & { level: number; msg: string };

/** A real server in this process, spoken to over real HTTP, with its log at hand. */
export interface Doors {
  server: RunningServer;
  dataDir: string;
  admin: string;
  log: LogLine[];
  ask(
    key: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply>;
  /** `data` of an answer; throws with status and messages when it has errors. */
  graphql<T = Record<string, unknown>>(
    key: string | undefined,
    query: string,
    variables?: object,
  ): Promise<T>;
  /** The key of a new user. */
  user(username: string, more?: object): Promise<string>;
  close(): Promise<void>;
}

export async function openDoors(
  options: StartOptions & { dataDir?: string; anonymous?: "on"; signUp?: "on" } = {},
): Promise<Doors> {
  const {
    dataDir = mkdtempSync(join(tmpdir(), "steelyard-doors-")),
    anonymous = "off",
    signUp = "off",
    ...start
  } = options;
  const log: LogLine[] = [];
  const flags = ["--port", "0", "--data-dir", dataDir, "--anonymous", anonymous, "--sign-up", signUp];
  const server = await startServer(readConfig(flags, {}), {
    log: pino({ level: "debug" }, { write: (line: string) => log.push(JSON.parse(line) as LogLine) }),
    ...start,
  });
  const admin = server.adminApiKey ?? "";

  async function ask(
    key: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const response = await fetch(server.url + path, {
      method,
      redirect: "manual",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    // An event stream never ends by itself.
    const endless = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (endless) await response.body?.cancel();
    const text = endless ? "" : await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: <T>() => JSON.parse(text) as T,
    };
  }

  return {
    server,
    dataDir,
    admin,
    log,
    ask,
    async graphql<T>(key: string | undefined, query: string, variables: object = {}) {
      const { status, text } = await ask(key, "POST", "/graphql", { query, variables });
      const answer = JSON.parse(text) as { data?: T; errors?: unknown };
      if (answer.errors || !answer.data) throw new Error(`${status} ${text}`);
      return answer.data;
    },
    async user(username, more = {}) {
      const made = await ask(admin, "POST", "/api/v1/admin/users", { username, ...more });
      return made.json<{ apiKey: string }>().apiKey;
    },
    async close() {
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const UPSERT = `mutation U($entity: String, $project: String, $name: String) {
  upsertBucket(input: {entityName: $entity, modelName: $project, name: $name}) { bucket { id name } inserted } }`;

/** Make a run; its global id. */
export async function makeRun(
  doors: Doors,
  key: string,
  path: { entity?: string; project: string; name: string },
): Promise<string> {
  const { upsertBucket } = await doors.graphql<{ upsertBucket: { bucket: { id: string } } }>(
    key,
    UPSERT,
    path,
  );
  return upsertBucket.bucket.id;
}
