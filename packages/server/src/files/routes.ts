import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import type { Services } from "../services.ts";
import { type FileRow, putContent } from "./file-store.ts";
import { readSignedUrl } from "./signed-url.ts";

/** One file. Larger things are artifacts, whose uploads have their own door. */
const MAX_FILE_BYTES = 50 * 2 ** 30;

export const UPLOAD_DOOR = "upload";
export const DOWNLOAD_DOOR = "file";

/** `/storage/upload/…` and `/storage/file/…`: the client comes without credentials; the address is the permission. */
export function filesRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.put(`/storage/${UPLOAD_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, UPLOAD_DOOR, c.req.param("token"));
    const file = await fileById(services, id);
    await putContent(services, file, incoming(c), MAX_FILE_BYTES);
    const run = await services.catalog.db
      .selectFrom("runs")
      .select(["name", "project_id"])
      .where("id", "=", file.run_id)
      .executeTakeFirst();
    if (run)
      services.bus.publish({ kind: "run-files", project: run.project_id, run: file.run_id, name: run.name });
    return c.json({});
  });

  routes.on("OPTIONS", `/storage/${DOWNLOAD_DOOR}/*`, (c) => {
    allowAnyOrigin(c);
    return c.body(null, 204);
  });
  routes.get(`/storage/${DOWNLOAD_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, DOWNLOAD_DOOR, c.req.param("token"));
    const file = await fileById(services, id);
    if (!file.blob_key || file.deleted_at !== null)
      throw new SteelyardError("not-found", `the file ${file.name} is gone`);
    return sendBlob(c, services, {
      key: file.blob_key,
      sizeBytes: file.size_bytes,
      type: file.mimetype ?? "application/octet-stream",
      name: file.name.split("/").at(-1) ?? "file",
      download: c.req.query("download") !== undefined,
    });
  });
  return routes;
}

async function fileById(services: Services, id: number): Promise<FileRow> {
  const file = await services.catalog.db
    .selectFrom("run_files")
    .innerJoin("runs", "runs.id", "run_files.run_id")
    .selectAll("run_files")
    .where("run_files.id", "=", id)
    .where("runs.deleted_at", "is", null)
    .executeTakeFirst();
  if (!file) throw new SteelyardError("not-found", "the run of this file is gone");
  return file;
}

/** The body as Node's own stream where there is one: no copy through web streams on large uploads. */
export function incoming(c: Context<AppEnv>): Readable {
  const raw = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  if (raw) return raw;
  return c.req.raw.body
    ? Readable.fromWeb(c.req.raw.body as import("node:stream/web").ReadableStream)
    : Readable.from([]);
}

/** The address carries the permission, so any page that has it may read it. */
function allowAnyOrigin(c: Context<AppEnv>): void {
  c.header("access-control-allow-origin", "*");
  c.header("access-control-allow-methods", "GET, HEAD, OPTIONS");
  c.header("access-control-allow-headers", "range");
}

/** Content of users: never runs in our origin, never guessed, whole or one range. */
export async function sendBlob(
  c: Context<AppEnv>,
  services: Services,
  file: { key: string; sizeBytes: number; type: string; name: string; download: boolean },
): Promise<Response> {
  allowAnyOrigin(c);
  c.header("content-type", file.type.startsWith("text/") ? `${file.type}; charset=utf-8` : file.type);
  c.header(
    "content-security-policy",
    "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; media-src 'self'",
  );
  c.header("cross-origin-resource-policy", "cross-origin");
  c.header("accept-ranges", "bytes");
  c.header("cache-control", "private, max-age=300");
  c.header(
    "content-disposition",
    `${file.download ? "attachment" : "inline"}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
  );
  const range = parseRange(c.req.header("range"), file.sizeBytes);
  if (range === "unsatisfiable") {
    c.header("content-range", `bytes */${file.sizeBytes}`);
    return c.body(null, 416);
  }
  const length = range ? range.end - range.start + 1 : file.sizeBytes;
  if (range) c.header("content-range", `bytes ${range.start}-${range.end}/${file.sizeBytes}`);
  c.header("content-length", String(length));
  if (c.req.method === "HEAD" || length === 0) return c.body(null, range ? 206 : 200);
  const content = await services.blobs.get(file.key, range);
  if (!content)
    throw new SteelyardError(
      "not-found",
      `the content of ${file.name} is missing on this server; restore it from a backup`,
    );
  return c.body(Readable.toWeb(content) as ReadableStream, range ? 206 : 200);
}

/** One range of RFC 9110; several, or another unit, are answered whole. */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const start = match[1] === "" ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  return start > end || start >= sizeBytes ? "unsatisfiable" : { start, end };
}
