import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { SteelyardError } from "../errors.ts";

const inflate = promisify(gunzip);

/** The body, unpacked when gzipped; throws too-large beyond `maxBytes` either way, before it is all in memory. */
export async function readBody(request: Request, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new SteelyardError(
      "too-large",
      `the body is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB; send less at once`,
    );
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let length = 0;
  if (request.body) {
    for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
      length += part.length;
      if (length > maxBytes) throw tooLarge();
      parts.push(part);
    }
  }
  const body =
    parts.length === 1 && parts[0]
      ? Buffer.from(parts[0].buffer, parts[0].byteOffset, parts[0].length)
      : Buffer.concat(parts, length);
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
