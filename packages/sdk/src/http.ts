import { createReadStream, statSync } from "node:fs";
import type { Agent, IncomingHttpHeaders, request } from "node:http";

/** What the server said no to for good: trying again cannot help. */
export class RefusedError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The statuses the official client does not retry either. */
const FINAL = new Set([400, 401, 403, 404, 409, 410, 413, 422, 501]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const ATTEMPT_MS = 180_000;

export interface Http {
  baseUrl: string;
  apiKey: string;
  /** Sent with every GraphQL request: who the run is for. */
  graphqlHeaders?: Readonly<Record<string, string>>;
  /** Called when a try failed and another follows. */
  onRetry: (reason: string) => void;
  /** Aborted when there is no more time. */
  signal: AbortSignal;
}

/** What is sent: itself, or the file of that path as it is when a try begins. */
export type Body = string | Uint8Array | { path: string };

/** An answer with a status that says yes. */
export interface Answer {
  status: number;
  text: string;
}

/**
 * Sends until answered: network errors and what may heal are tried again with growing waits. Throws RefusedError, or the
 * signal's reason. By `node:http`: the first `fetch` of a thread costs a hundred milliseconds, of which a start has none.
 */
export async function send(
  http: Http,
  method: "POST" | "PUT",
  url: string,
  body: Body,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const own = url.startsWith("/");
  const target = new URL(own ? http.baseUrl + url : url);
  const all: Record<string, string | number> = own
    ? {
        authorization: `Basic ${Buffer.from(`api:${http.apiKey}`).toString("base64")}`,
        "content-type": "application/json",
        ...headers,
      }
    : { ...headers };
  for (let attempt = 0; ; attempt++) {
    http.signal.throwIfAborted();
    // Outside of what is tried again: a file that is gone does not come back.
    const bytes = isFile(body) ? statSync(body.path).size : Buffer.byteLength(body);
    let reason: string;
    let waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (1 + Math.random() / 4);
    try {
      const { status, text, headers: answered } = await once(target, method, body, bytes, all, http.signal);
      if (status >= 200 && status < 300) return { status, text };
      if (status >= 300 && status < 400)
        throw new RefusedError(
          status,
          `the server sends us on to ${answered.location ?? "nowhere"}; set WANDB_BASE_URL to where it is`,
        );
      const said = messageOf(text.slice(0, 500));
      if (FINAL.has(status)) throw new RefusedError(status, said || `the server answers ${status}`);
      reason = `${status} ${said}`;
      const afterS = Number(answered["retry-after"]);
      if (afterS > 0) waitMs = afterS * 1000;
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      http.signal.throwIfAborted();
      reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    }
    http.onRetry(reason);
    await sleep(waitMs, http.signal);
  }
}

interface Transport {
  request: typeof request;
  agent: Agent;
}

const transports = new Map<string, Transport>();

/**
 * Loaded when first needed, and not by `import`: that reads every export, `WebSocket` of `node:http` among them, and the
 * client behind it costs more than all of the SDK.
 */
function transportOf(protocol: string): Transport {
  const known = transports.get(protocol);
  if (known) return known;
  const { request, Agent } = process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http");
  const transport = { request, agent: new Agent({ keepAlive: true }) };
  transports.set(protocol, transport);
  return transport;
}

function once(
  target: URL,
  method: string,
  body: Body,
  bytes: number,
  given: Record<string, string | number>,
  signal: AbortSignal,
): Promise<Answer & { headers: IncomingHttpHeaders }> {
  const transport = transportOf(target.protocol);
  const headers = { ...given, "content-length": bytes };
  return new Promise((resolve, reject) => {
    const request = transport.request(target, {
      method,
      headers,
      agent: transport.agent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(parts).toString(),
          headers: response.headers,
        }),
      );
    });
    if (!isFile(body)) request.end(body);
    // What was appended since is left to the next upload: the length was told already.
    else if (bytes === 0) request.end();
    else {
      const content = createReadStream(body.path, { end: bytes - 1 });
      content.on("error", (error) => request.destroy(error));
      request.on("close", () => content.destroy());
      content.pipe(request);
    }
  });
}

function isFile(body: Body): body is { path: string } {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

function messageOf(text: string): string {
  try {
    const body = JSON.parse(text) as { error?: string; errors?: { message: string }[] };
    return body.error ?? body.errors?.[0]?.message ?? text;
  } catch {
    return text;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** One GraphQL operation; throws RefusedError with the first error's message. */
export async function graphql<T>(http: Http, query: string, variables: Record<string, unknown>): Promise<T> {
  const operationName = /(?:query|mutation)\s+(\w+)/.exec(query)?.[1];
  const body = JSON.stringify({ query, variables, operationName });
  const response = await send(http, "POST", "/graphql", body, http.graphqlHeaders);
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
