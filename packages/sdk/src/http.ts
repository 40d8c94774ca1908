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
  /** Called when a try failed and another follows. */
  onRetry: (reason: string) => void;
  /** Aborted when there is no more time. */
  signal: AbortSignal;
}

/** Sends until answered: network errors and what may heal are tried again with growing waits. Throws RefusedError, or the signal's reason. */
export async function send(
  http: Http,
  method: "POST" | "PUT",
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const own = url.startsWith("/");
  for (let attempt = 0; ; attempt++) {
    http.signal.throwIfAborted();
    let reason: string;
    let waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (1 + Math.random() / 4);
    try {
      const response = await fetch(own ? http.baseUrl + url : url, {
        method,
        body,
        headers: own
          ? {
              authorization: `Basic ${Buffer.from(`api:${http.apiKey}`).toString("base64")}`,
              "content-type": "application/json",
              ...headers,
            }
          : headers,
        signal: AbortSignal.any([http.signal, AbortSignal.timeout(ATTEMPT_MS)]),
      });
      if (response.ok) return response;
      const text = (await response.text()).slice(0, 500);
      if (FINAL.has(response.status))
        throw new RefusedError(response.status, messageOf(text) || response.statusText);
      reason = `${response.status} ${messageOf(text)}`;
      const after = Number(response.headers.get("retry-after"));
      if (after > 0) waitMs = after * 1000;
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      http.signal.throwIfAborted();
      const cause = (error as { cause?: { code?: string } }).cause;
      reason = cause?.code ?? (error as Error).message;
    }
    http.onRetry(reason);
    await sleep(waitMs, http.signal);
  }
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
  const response = await send(http, "POST", "/graphql", JSON.stringify({ query, variables, operationName }));
  const { data, errors } = (await response.json()) as { data?: T; errors?: { message: string }[] };
  if (errors?.[0] || !data)
    throw new RefusedError(response.status, errors?.[0]?.message ?? "the server's answer has no data");
  return data;
}
