import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";

/** What the page's and the administrators' questions may weigh. */
const MAX_JSON_BYTES = 2 ** 20;

const inflate = promisify(gunzip);

/** A body of JSON. Throws too-large, and invalid-json with what the parser met. */
export async function readJson(request: Request, maxBytes = MAX_JSON_BYTES): Promise<unknown> {
  return parseJson(await readBody(request, maxBytes));
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new SteelyardError("invalid-json", `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** What a body is, or bad-request with the place in it and what may stand there. */
export function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
): v.InferOutput<Schema> {
  const given = v.safeParse(schema, body);
  if (given.success) return given.output;
  const issue = given.issues[0];
  throw new SteelyardError("bad-request", `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`);
}

/** The body, unpacked when gzipped; throws too-large beyond `maxBytes` either way, before it is all in memory. */
export async function readBody(request: Request, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new SteelyardError("too-large", `the body is larger than ${sizeText(maxBytes)}; send less at once`);
  const said = request.headers.get("content-length");
  if (Number(said ?? 0) > maxBytes) throw tooLarge();
  // A body cannot be longer than was said, so it is read in one piece, without the web stream that costs more than a row.
  const body =
    said === null ? await readParts(request, maxBytes, tooLarge) : Buffer.from(await request.arrayBuffer());
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding === "identity") return body;
  if (encoding !== "gzip")
    throw new SteelyardError("bad-request", `content-encoding ${encoding} is not taken; send gzip or plain`);
  try {
    return await inflate(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw new SteelyardError("bad-request", "the gzip body is damaged", { cause });
  }
}

async function readParts(request: Request, maxBytes: number, tooLarge: () => Error): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (request.body) {
    for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
      length += part.length;
      if (length > maxBytes) throw tooLarge();
      parts.push(part);
    }
  }
  return Buffer.concat(parts, length);
}

function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.floor(bytes / 2 ** 10)} KiB` : `${Math.floor(bytes / 2 ** 20)} MiB`;
}
