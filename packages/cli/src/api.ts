import { Readable } from "node:stream";
import type { GivenSettings } from "@steelyard/protocol/settings";
import {
  type Connection,
  type Credentials,
  connectionOf,
  defaultProject,
  exchange,
  findCredentials,
  type LoadedSettings,
  loadSettings,
  RouteError,
} from "steelyard/command-line";
import { EXIT } from "./exit-status.ts";
import { CommandError, PROGRAM, warn } from "./terminal.ts";

/** No answer: another try may have one. */
export class UnreachableError extends CommandError {}

/** The server of the settings, asked as the user of the key. Errors say what to do. */
export interface Api {
  host: string;
  baseUrl: string;
  credentials: Credentials;
  /** The way to it, for what talks to it by itself. */
  connection: Connection;
  graphql<T>(document: string, variables?: Record<string, unknown>): Promise<T>;
  /**
   * A path, asked with the key, or an address that signs itself, asked without; `signal: null` = it may take however long
   * it takes.
   */
  fetch(
    url: string,
    init?: Pick<RequestInit, "method" | "headers" | "signal"> & { body?: string },
  ): Promise<Response>;
  /** An address that answers JSON. */
  json<T>(method: string, path: string, body?: object): Promise<T>;
}

/** What an option is called in code, as it is on the command line. */
const asFlag = (option: string): string =>
  option === "baseUrl" ? "--host" : `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Settings, with their warnings told; `given` are options of a command. Throws CommandError for what is not allowed. */
export function settingsOf(given: GivenSettings = {}): LoadedSettings {
  try {
    const loaded = loadSettings(given);
    for (const warning of loaded.warnings) warn(warning);
    return loaded;
  } catch (error) {
    throw new CommandError(
      (error as Error).message.replace(/\binit\(\{ (\w+) \}\)/g, (_, option: string) => asFlag(option)),
    );
  }
}

/** WANDB_DEBUG: errors are told with where they were thrown. */
export function isDebugging(): boolean {
  try {
    return loadSettings().settings.debug;
  } catch {
    return false;
  }
}

/** Of the settings, else as the SDK names it for a program in this folder. */
export function projectOf(loaded: LoadedSettings): string {
  return loaded.settings.project ?? defaultProject(loaded, loaded.machine.workingDirectory);
}

/** Throws CommandError when nobody is signed in. */
export function openApi(loaded: LoadedSettings = settingsOf()): Api {
  let credentials: Credentials | undefined;
  try {
    credentials = findCredentials(loaded, warn);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
  if (!credentials)
    throw new CommandError(
      `No API key configured. Use \`${PROGRAM} login\` to log in, or set WANDB_API_KEY.`,
      EXIT.notAuthenticated,
    );
  return apiOf(loaded, credentials);
}

export function apiOf(loaded: LoadedSettings, credentials: Credentials): Api {
  const connection = connectionOf(loaded, credentials.apiKey, warn);
  const { baseUrl } = connection;
  const { host } = new URL(baseUrl);
  const ask: Api["fetch"] = async (url, { method = "GET", headers, body, signal } = {}) => {
    try {
      const answer = await exchange(
        connection,
        { method, url, body, headers: headers as Record<string, string> },
        signal === null ? 0 : connection.graphql.timeoutMs,
        signal ?? undefined,
      );
      const status = answer.statusCode ?? 0;
      const empty = status === 204 || status === 304;
      return new Response(empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), {
        status,
        headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new UnreachableError(
        error instanceof RouteError
          ? message
          : `no server answers at ${baseUrl} (${code ?? message}); start one with \`${PROGRAM} server start\`, or check WANDB_BASE_URL`,
      );
    }
  };
  return {
    host,
    baseUrl,
    credentials,
    connection,
    fetch: ask,
    async json<T>(method: string, path: string, body?: object) {
      const response = await ask(path, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const text = await response.text();
      let answer: T & { error?: string };
      try {
        answer = JSON.parse(text) as T & { error?: string };
      } catch {
        throw new CommandError(
          `${baseUrl} answered ${response.status} with something that is no JSON; is it the address of a Steelyard server?`,
        );
      }
      if (response.ok) return answer;
      throw new CommandError(
        answer.error ?? `status ${response.status}`,
        response.status === 401 ? EXIT.notAuthenticated : EXIT.failed,
      );
    },
    async graphql<T>(document: string, variables: Record<string, unknown> = {}) {
      const response = await ask("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: document, variables }),
      });
      const text = await response.text();
      let body: { data?: T; errors?: { message: string }[]; error?: string };
      try {
        body = JSON.parse(text) as typeof body;
      } catch {
        throw new CommandError(
          `${baseUrl} answered ${response.status} with something that is no GraphQL answer; is it the address of a Steelyard or W&B server?`,
        );
      }
      if (body.errors?.[0] || !body.data)
        throw new CommandError(
          body.errors?.[0]?.message ?? body.error ?? `status ${response.status}`,
          response.status === 401 ? EXIT.notAuthenticated : EXIT.failed,
        );
      return body.data;
    },
  };
}

export interface Viewer {
  username: string;
  entity: string;
  teams: string[];
}

export async function viewerOf(api: Api): Promise<Viewer> {
  const { viewer } = await api.graphql<{
    viewer: { username: string; entity: string; teams: { edges: { node: { name: string } }[] } } | null;
  }>("query Viewer { viewer { username entity teams { edges { node { name } } } } }");
  if (!viewer) throw new CommandError(`${api.baseUrl} does not know this key`, EXIT.notAuthenticated);
  return {
    username: viewer.username,
    entity: viewer.entity,
    teams: viewer.teams.edges.map(({ node }) => node.name),
  };
}
