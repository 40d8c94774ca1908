import { SteelyardError } from "../errors.ts";

const MAX_NAME_BYTES = 4096;

/**
 * A file's name within its run: parts between `/`, any characters a client's file system allows. It is a key and a label,
 * never a path on our disk; what would climb out on the reader's disk is refused.
 */
export function checkFileName(name: string): string {
  const parts = name.split("/");
  const bad =
    name === "" ||
    Buffer.byteLength(name) > MAX_NAME_BYTES ||
    name.includes("\0") ||
    name.includes("\\") ||
    /^[A-Za-z]:/.test(name) ||
    parts.some((part) => part === "" || part === "." || part === "..");
  if (bad) {
    throw new SteelyardError(
      "invalid-name",
      `the file name "${name.slice(0, 100)}" is refused: it must be relative, with / between parts, without "..", backslashes or a drive`,
    );
  }
  return name;
}

const TYPES: Record<string, string> = {
  txt: "text/plain",
  log: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  yaml: "application/yaml",
  yml: "application/yaml",
  json: "application/json",
  jsonl: "application/jsonl",
  html: "text/html",
  htm: "text/html",
  py: "text/x-python",
  ts: "text/x-typescript",
  js: "text/javascript",
  patch: "text/x-diff",
  diff: "text/x-diff",
  ipynb: "application/x-ipynb+json",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
  bmp: "image/bmp",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  ogg: "audio/ogg",
  flac: "audio/flac",
  mp4: "video/mp4",
  webm: "video/webm",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  parquet: "application/vnd.apache.parquet",
};

/** By the name's ending; the content is never sniffed. */
export function mimeTypeOf(name: string): string {
  return TYPES[/\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? ""] ?? "application/octet-stream";
}
