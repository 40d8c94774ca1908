import { ReadableStream as AnyStream } from "node:stream/web";
import type { Context } from "hono";
import type { Services } from "../services.ts";
import type { AppEnv } from "./app.ts";
import { answerOf } from "./error-answer.ts";

type Part = string | Uint8Array<ArrayBuffer>;

/**
 * An answer whose parts are made as they are read, and no longer than somebody reads. One that fails on its way is cut off:
 * what is there so far must not be taken for all of it.
 */
export function streamed(c: Context<AppEnv>, services: Services, parts: AsyncIterable<Part>): Response {
  const details = { requestId: c.get("requestId"), method: c.req.method, route: c.req.path };
  return c.body(AnyStream.from(bytesOf(parts, services, details)) as ReadableStream);
}

async function* bytesOf(
  parts: AsyncIterable<Part>,
  { log }: Services,
  details: Record<string, unknown>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  try {
    for await (const part of parts)
      if (part.length > 0) yield typeof part === "string" ? encoder.encode(part) : part;
  } catch (error) {
    throw new Error(answerOf(error, log, details).message);
  }
}
