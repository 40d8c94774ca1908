import { createHash, randomUUID } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { CommandError } from "./terminal.ts";

/** A file at the server. */
export interface StoredFile {
  name: string;
  sizeBytes: number;
  /** Base64. */
  md5: string | null;
  /** Signed for its content: no key is needed there. Null until it is uploaded. */
  url: string | null;
}

/** A page of files, as GraphQL has it. */
export interface FilesPage {
  edges: {
    node: { name: string; sizeBytes: number | string | null; md5: string | null; directUrl: string | null };
  }[];
  pageInfo: { endCursor: string | null; hasNextPage: boolean };
}

/** All files of all pages; `ask` gets the cursor of the page before, null for the first. */
export async function allFiles(
  ask: (cursor: string | null) => Promise<FilesPage | null | undefined>,
): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await ask(cursor);
    for (const { node } of page?.edges ?? [])
      files.push({
        name: node.name,
        sizeBytes: Number(node.sizeBytes ?? 0),
        md5: node.md5,
        url: node.directUrl,
      });
    if (!page?.pageInfo.hasNextPage) return files;
    cursor = page.pageInfo.endCursor;
  }
}

/** Where a file goes: in `root`, also when folders there are links to elsewhere. Throws CommandError for any other place. */
export function placeOf(root: string, name: string): string {
  const parts = name.split("/");
  const inside = root.endsWith(sep) ? root : root + sep;
  const bad = /[\\\0]|^[A-Za-z]:/.test(name) || parts.some((part) => ["", ".", ".."].includes(part));
  if (!bad) {
    const place = join(root, ...parts);
    let known = dirname(place);
    while (!existsSync(known)) known = dirname(known);
    if (`${realpathSync(known)}${sep}`.startsWith(inside)) return place;
  }
  throw new CommandError(
    `the file "${name}" would be written outside of this folder; nothing was downloaded of it`,
  );
}

/** Base64, as the wire has it; undefined where there is no file. */
async function md5Of(path: string): Promise<string | undefined> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const hash = createHash("md5");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("base64");
}

/** True when the file at this place is the one the server has. */
export async function isThere({ md5 }: StoredFile, place: string): Promise<boolean> {
  return md5 !== null && (await md5Of(place)) === md5;
}

/** The whole file or nothing: what is there stays until the new one has come. The address is signed, so the key stays here. */
export async function download(
  content: (url: string) => Promise<Response>,
  { name, url, md5 }: StoredFile,
  place: string,
): Promise<void> {
  if (url === null)
    throw new CommandError(`the server has no content of ${name}; was it uploaded to its end?`);
  const partial = join(dirname(place), `.${randomUUID()}.part`);
  try {
    const response = await content(url);
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    mkdirSync(dirname(place), { recursive: true });
    await pipeline(response.body, createWriteStream(partial));
    if (md5 !== null && (await md5Of(partial)) !== md5)
      throw new Error("what came is not what the server has");
    renameSync(partial, place);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new CommandError(`${name} could not be downloaded: ${(error as Error).message}; run it again`);
  }
}
