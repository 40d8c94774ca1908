import { underBase } from "../address/base.ts";
import { fetchAside, type Received } from "./aside.ts";

/** An answer that is not the one asked for; `status` 0 = the server could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string | null;
  constructor(status: number, message: string, requestId: string | null = null) {
    super(message);
    this.status = status;
    this.requestId = requestId;
  }
}

export async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path.startsWith("/") ? underBase(path) : path, init);
  } catch (cause) {
    if ((cause as Error).name === "AbortError") throw cause;
    throw new ApiError(0, (cause as Error).message);
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

/** As `request`, of an answer that may be megabytes. */
export async function requestBytes(path: string, init: RequestInit): Promise<ArrayBuffer> {
  const aside = fetchAside(underBase(path), init);
  if (!aside) return (await request(path, init)).arrayBuffer();
  let received: Received;
  try {
    received = await aside;
  } catch (cause) {
    if ((cause as Error).name === "AbortError") throw cause;
    throw new ApiError(0, (cause as Error).message);
  }
  const { status, body } = received;
  if (status >= 200 && status < 300) return body;
  throw await errorOf(new Response(body, received));
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let message = text.slice(0, 300);
  try {
    const body = JSON.parse(text) as { error?: string; errors?: { message: string }[] };
    message = body.error ?? body.errors?.[0]?.message ?? message;
  } catch {
    // A proxy's page of its own: its text is all there is.
  }
  return new ApiError(response.status, message || response.statusText, response.headers.get("x-request-id"));
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request(path, { signal: signal ?? null })).json() as Promise<T>;
}

export async function sendJson<T>(
  method: "POST" | "DELETE" | "PATCH",
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await request(path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json() as Promise<T>;
}

/** One GraphQL question; throws ApiError with the first error's message. */
export async function graphql<T>(
  query: string,
  variables: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<T> {
  const response = await request("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: signal ?? null,
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: { message: string }[] };
  if (errors?.[0])
    throw new ApiError(response.status, errors[0].message, response.headers.get("x-request-id"));
  return data;
}

/** `?a=1&b=2`, values escaped, undefined left out, lists repeated. */
export function queryString(values: Record<string, string | number | readonly string[] | undefined>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const item of value) parameters.append(name, item);
    else parameters.append(name, String(value));
  }
  return `?${parameters}`;
}
