import { createReadStream, readFileSync, statSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import { proxyRefusal, routeTo } from "./http/agent.ts";
import type { Connection, Patience } from "./http/connection.ts";
import { accessTo } from "./http/identity.ts";
import { RouteError } from "./http/proxy.ts";
import { rateLimitOf } from "./http/rate-limit.ts";
import { hopeless, isFinal, meaningOf, retryAfterMs, waitMs } from "./http/retry.ts";

/** What the server said no to for good: trying again cannot help. */
export class RefusedError extends Error {
  /** Of the answer; 0 when it is the way to the server that cannot be. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** As often as the settings say, and no answer. */
export class UnansweredError extends Error {}

/** What `send` threw, or why else something was not sent, in words for a line about it. */
export function saidBy(error: unknown): string {
  if (error instanceof RefusedError) return `${error.status || ""} ${error.message}`.trim();
  return error instanceof UnansweredError ? error.message : String(error);
}

export interface Http extends Connection {
  /** Called when a try failed and another follows. */
  onRetry: (reason: string) => void;
  /** Aborted when there is no more time. */
  signal: AbortSignal;
  /** Hears of every try. */
  onTry?: (facts: { method: string; path: string; answer: number | string; ms: number }) => void;
  /** Aborted when there is not much time left: waits end, and are short from then on. */
  hurry?: AbortSignal;
  /** Called when the server gives a sign: it answered yes (0), or took a part of a file, so many bytes. */
  onSign?: (bytes: number) => void;
}

/** An answer with a status that says yes. */
export interface Answer {
  status: number;
  text: string;
}

/** The exchange of an identity token for access may take so long, as with the official client. */
const IDENTITY_MS = 10_000;
/** Longest wait between tries when there is not much time left. */
const HURRIED_WAIT_MS = 2000;
/** Up to here a file is read at once: a stream takes milliseconds to come about. */
export const SMALL_FILE_BYTES = 64 * 2 ** 10;
/** Characters of what a server says, as it is passed on. */
const MAX_SAID = 300;

/** What is sent: itself, or the file of that path as it is when a try begins. */
export type Body = string | Uint8Array | { path: string };

export interface SendOptions {
  headers?: Readonly<Record<string, string>>;
  patience: Patience;
  /** A status that is tried again here, though it is final elsewhere. */
  retried?: number;
  /** Why an answer with a status that says yes is none; it is tried again. */
  check?: (text: string) => string | undefined;
}

/**
 * Sends until answered: network errors and what may heal are tried again with growing waits. Throws RefusedError,
 * UnansweredError, or the signal's reason.
 */
export async function send(
  http: Http,
  method: "POST" | "PUT",
  url: string,
  body: Body,
  { headers = {}, patience, retried, check }: SendOptions,
): Promise<Answer> {
  let reused = false;
  // Stores of files that the server names have limits of their own.
  const limit = url.startsWith("/")
    ? rateLimitOf(`${http.baseUrl}${url === "/graphql" ? url : ""}`)
    : undefined;
  for (let tried = 0; ; ) {
    http.signal.throwIfAborted();
    const waitedMs = limit?.wait(performance.now()) ?? 0;
    if (waitedMs > 0) await pause(http.signal, undefined, waitedMs);
    // Outside of what is tried again: a file that is gone does not come back.
    const bytes = lengthOf(body);
    let reason: string;
    const beganMs = performance.now();
    const heard = (answer: number | string) =>
      http.onTry?.({
        method,
        path: targetOf(http, url).pathname,
        answer,
        ms: Math.round(performance.now() - beganMs),
      });
    let afterMs: number | undefined;
    try {
      const response = await exchange(
        http,
        { method, url, body, bytes, headers, onSign: http.onSign },
        patience.timeoutMs,
        http.signal,
      );
      const status = response.statusCode ?? 0;
      limit?.hear(response.headers, performance.now());
      heard(status);
      const text = await textOf(response);
      const unlike = status >= 200 && status < 300 ? check?.(text) : undefined;
      if (status >= 200 && status < 300 && unlike === undefined) {
        http.onSign?.(0);
        return { status, text };
      }
      if (status >= 300 && status < 400)
        throw new RefusedError(
          status,
          `the server sends us on to ${response.headers.location ?? "nowhere"}; set WANDB_BASE_URL to where it is`,
        );
      const said = messageOf(text.slice(0, 4000));
      if (isFinal(status) && status !== retried) throw new RefusedError(status, said || meaningOf(status));
      reason = unlike ?? `${status} ${said}`.trim();
      afterMs = retryAfterMs(response.headers["retry-after"], Date.now());
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      http.signal.throwIfAborted();
      const why = error instanceof RouteError ? error.message : hopeless(error as Error, targetOf(http, url));
      if (why !== undefined) throw new RefusedError(0, why);
      // The server closed a kept connection in the moment it was used again: that is no fault of its.
      if (error instanceof LostConnection && !reused) {
        reused = true;
        continue;
      }
      reason = reasonOf(error as NodeJS.ErrnoException);
      heard(reason);
    }
    if (tried >= patience.retries)
      throw new UnansweredError(`the server did not answer, tried ${tried + 1} times (${reason})`);
    http.onRetry(reason);
    // What the server asked for is not shortened.
    if (afterMs !== undefined) await pause(http.signal, undefined, afterMs);
    else await pause(http.signal, http.hurry, waitMs(tried, patience));
    tried++;
    reused = false;
  }
}

/** A kept connection was gone when it was to be used. */
class LostConnection extends Error {}

/** In one line, without what only a debugger could use. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === undefined || code === "ABORT_ERR" ? message : code;
}

function targetOf({ baseUrl }: Connection, url: string): URL {
  return new URL(url.startsWith("/") ? baseUrl + url : url);
}

export interface Exchange {
  method: string;
  /** A path of the server, asked with the key, or an address, asked without. */
  url: string;
  body?: Body | undefined;
  /** Length of the body, where it is known already. */
  bytes?: number;
  headers?: Readonly<Record<string, string>>;
  onSign?: ((bytes: number) => void) | undefined;
}

/**
 * One request; resolves when the head of the answer is there. Its body is to be read, and ends with an error when it
 * stays away for `timeoutMs` (0: no limit) counted from the beginning, or `signal` is aborted. By `node:http`: the first
 * `fetch` of a thread costs a hundred milliseconds, of which a start has none, and knows no proxy.
 */
export async function exchange(
  connection: Connection,
  request: Exchange,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  // Whoever is asked with the key is asked as whom we are.
  if (!request.url.startsWith("/")) return ask(connection, request, timeoutMs, signal);
  const authorization = await authorizationFor(connection, signal);
  return ask(connection, { ...request, headers: { authorization, ...request.headers } }, timeoutMs, signal);
}

async function authorizationFor(
  { identity, ...connection }: Connection,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { baseUrl, apiKey } = connection;
  if (!identity) return `Basic ${Buffer.from(`api:${apiKey}`).toString("base64")}`;
  const token = await accessTo(baseUrl, identity, async (body) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const url = `${baseUrl}/oidc/token`;
    const answer = await ask(
      { ...connection, identity },
      { method: "POST", url, body, headers },
      IDENTITY_MS,
      signal,
    );
    return { status: answer.statusCode ?? 0, text: await textOf(answer) };
  });
  return `Bearer ${token}`;
}

function ask(
  connection: Connection,
  { method, url, body, bytes = lengthOf(body), headers = {}, onSign }: Exchange,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const target = targetOf(connection, url);
    const route = routeTo(target, connection);
    const ended = new AbortController();
    const request = route.request(target, {
      ...route.options,
      method,
      agent: route.agent,
      headers: {
        ...headersFor(connection, target, url),
        ...(body === undefined ? {} : { "content-length": bytes }),
        ...headers,
        ...route.options.headers,
      },
      signal: ended.signal,
    });
    const stop = (error: Error) => {
      ended.abort(error);
      request.destroy(error);
      reject(error);
    };
    const timer =
      timeoutMs > 0
        ? setTimeout(() => stop(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
        : undefined;
    const onAbort = () => stop(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    request.once("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    });
    let answered = false;
    request.on("error", (error: NodeJS.ErrnoException) => {
      // Who answers before it has read everything may close the door: the answer counts.
      if (answered) return;
      const lost = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      const unreached = error.syscall === "connect" || error.syscall === "getaddrinfo";
      if (lost) reject(new LostConnection(error.code));
      else if (unreached && route.proxy) reject(new Error(`${error.code} at the proxy ${route.proxy}`));
      else reject(error);
    });
    request.on("response", (response) => {
      answered = true;
      if (response.statusCode === 407 && route.proxy) stop(proxyRefusal(route.proxy, 407));
      else resolve(response);
    });
    if (body === undefined || !isFile(body)) request.end(body);
    else if (bytes === 0) request.end();
    else if (bytes <= SMALL_FILE_BYTES) sendSmallFile(body.path, bytes, request, stop, onSign);
    else sendFile(body.path, bytes, request, stop, onSign);
  });
}

function headersFor(
  { baseUrl, headers }: Connection,
  target: URL,
  url: string,
): Record<string, string | number> {
  return {
    ...(target.host === new URL(baseUrl).host ? headers : {}),
    ...(url.startsWith("/")
      ? {
          "content-type": "application/json",
        }
      : {}),
  };
}

function isFile(body: Body): body is { path: string } {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

function lengthOf(body: Body | undefined): number {
  if (body === undefined) return 0;
  return isFile(body) ? statSync(body.path).size : Buffer.byteLength(body);
}

function sendSmallFile(
  path: string,
  bytes: number,
  request: ClientRequest,
  stop: (error: Error) => void,
  onSign: ((bytes: number) => void) | undefined,
): void {
  try {
    const content = readFileSync(path);
    if (content.length < bytes) stop(becameShorter(path));
    else request.end(content.subarray(0, bytes), () => onSign?.(bytes));
  } catch (error) {
    stop(error as Error);
  }
}

/** The server would wait for the rest for ever. */
const becameShorter = (path: string) => new Error(`${path} became shorter while it was sent`);

/** What was appended since is left to the next upload: the length was told already. */
function sendFile(
  path: string,
  bytes: number,
  request: ClientRequest,
  stop: (error: Error) => void,
  onSign: ((bytes: number) => void) | undefined,
): void {
  const content = createReadStream(path, { end: bytes - 1 });
  content.on("error", stop);
  // Read only as fast as it is taken.
  if (onSign) content.on("data", (part) => onSign(part.length));
  content.on("end", () => {
    if (content.bytesRead < bytes) stop(becameShorter(path));
  });
  request.once("close", () => content.destroy());
  content.pipe(request);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** What an answer says, in one line; a page of a proxy on the way is its text. */
function messageOf(text: string): string {
  return plainMessage(text)
    .replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MAX_SAID);
}

function plainMessage(text: string): string {
  try {
    const body = JSON.parse(text) as {
      error?: string | { message?: string };
      errors?: (string | { message: string })[];
    };
    const said = body.error ?? body.errors?.[0];
    return (typeof said === "string" ? said : said?.message) ?? text;
  } catch {
    return text;
  }
}

function pause(signal: AbortSignal, hurry: AbortSignal | undefined, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      hurry?.removeEventListener("abort", over);
      resolve();
    };
    const onAbort = () => {
      reject(signal.reason);
      over();
    };
    const timer = setTimeout(over, hurry?.aborted ? Math.min(ms, HURRIED_WAIT_MS) : ms);
    signal.addEventListener("abort", onAbort, { once: true });
    hurry?.addEventListener("abort", over, { once: true });
  });
}

/** One GraphQL operation; throws RefusedError with the first error's message. */
export async function graphql<T>(http: Http, query: string, variables: Record<string, unknown>): Promise<T> {
  const operationName = /(?:query|mutation)\s+(\w+)/.exec(query)?.[1];
  const response = await send(http, "POST", "/graphql", JSON.stringify({ query, variables, operationName }), {
    patience: http.graphql,
    ...(http.graphqlHeaders ? { headers: http.graphqlHeaders } : {}),
    // Two that make one run at once: the other will be through with it.
    ...(operationName === "UpsertBucket" ? { retried: 409 } : {}),
    check: (text) => (isCutJson(text) ? "half an answer" : undefined),
  });
  let answer: { data?: T; errors?: { message: string }[] };
  try {
    answer = JSON.parse(response.text);
  } catch {
    throw new RefusedError(
      response.status,
      `what answers at ${http.baseUrl}/graphql speaks no JSON; check WANDB_BASE_URL`,
    );
  }
  const { data, errors } = answer;
  if (errors?.[0] || !data)
    throw new RefusedError(response.status, errors?.[0]?.message ?? "the server's answer has no data");
  return data;
}

/** It begins as an object does, and is none. */
function isCutJson(text: string): boolean {
  if (!text.startsWith("{")) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
