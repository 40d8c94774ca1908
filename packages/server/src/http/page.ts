import { createReadStream, existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import type { AppEnv } from "./app.ts";

/** Where the built page lies: beside the packages in the tree, inside the package when published. */
const PLACES = [new URL("../../../web/assets/", import.meta.url), new URL("../../assets/", import.meta.url)];

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** `ui.md` 1.5: our own scripts only; user content comes from /storage under its own sandbox. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "frame-src 'self' blob:",
  "frame-ancestors 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "object-src 'none'",
].join("; ");

interface Asset {
  path: string;
  type: string;
  sizeBytes: number;
  encodings: { name: string; path: string; sizeBytes: number }[];
}

/** The built page: files with hashed names for good, every other address the shell (its router reads the address). */
export async function pageRoutes(
  places: readonly URL[] = PLACES,
  /** The path it is under, for people; without a slash at its end. */
  base = "",
): Promise<Hono<AppEnv>> {
  const routes = new Hono<AppEnv>();
  const place = places.find((candidate) => existsSync(new URL("index.html", candidate)));
  if (!place) {
    routes.get("*", (c) => c.text("The page is not built. Start the server with: npm start\n", 503));
    return routes;
  }
  const folder = fileURLToPath(place);
  const assets = await listAssets(folder);
  const shell = shellUnder(base, await readFile(join(folder, "index.html"), "utf8"));

  routes.get("*", (c) => {
    const asset = assets.get(decoded(c.req.path));
    if (!asset) {
      if (c.req.path.startsWith("/assets/")) return c.text("Not found\n", 404);
      c.header("content-type", "text/html; charset=utf-8");
      c.header("cache-control", "no-cache");
      c.header("content-security-policy", CONTENT_SECURITY_POLICY);
      return c.body(shell);
    }
    const accepted = c.req.header("accept-encoding") ?? "";
    const chosen = asset.encodings.find(({ name }) => accepted.includes(name));
    c.header("content-type", asset.type);
    c.header("vary", "accept-encoding");
    // Vite puts what it hashes under /assets/.
    c.header(
      "cache-control",
      c.req.path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    );
    if (chosen) c.header("content-encoding", chosen.name);
    c.header("content-length", String((chosen ?? asset).sizeBytes));
    return c.body(Readable.toWeb(createReadStream((chosen ?? asset).path)) as ReadableStream);
  });
  return routes;
}

/** The page's own files by addresses that hold on every screen, and the path for what it asks the server. */
function shellUnder(base: string, html: string): string {
  const attribute = base.replace(/[&"<>]/g, encodeURIComponent);
  return html
    .replaceAll(/(href|src)="\.\//g, (_, name: string) => `${name}="${attribute}/`)
    .replace(/<html\b/, () => (attribute ? `<html data-base="${attribute}"` : "<html"));
}

/** An address that is no valid encoding is no asset's; the shell says what is not found. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function listAssets(folder: string): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || !type || entry.name.startsWith(".")) continue;
    const path = join(entry.parentPath, entry.name);
    const encodings = [];
    for (const [name, suffix] of [
      ["br", ".br"],
      ["gzip", ".gz"],
    ] as const) {
      const packed = await stat(path + suffix).catch(() => undefined);
      if (packed) encodings.push({ name, path: path + suffix, sizeBytes: packed.size });
    }
    const { size } = await stat(path);
    assets.set(`/${relative(folder, path).split(sep).join("/")}`, { path, type, sizeBytes: size, encodings });
  }
  assets.delete("/index.html");
  return assets;
}
