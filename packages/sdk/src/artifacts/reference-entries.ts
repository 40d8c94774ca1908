import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ArtifactEntry, EMPTY_ENTRY } from "@steelyard/protocol/records";
import type { Connection } from "../http/connection.ts";
import { exchange } from "../http.ts";
import { fileEntries, filesBelow, type ReadingOptions } from "./file-entries.ts";

const MOST_REDIRECTS = 30;

/**
 * What a version holds of what is elsewhere: of `file://` and `http(s)://` the content's digest or its ETag, as the official
 * client has it, of another scheme the address alone. Throws Error when it is not there.
 */
export async function referenceEntries(
  url: string,
  connection: Connection,
  options: Omit<ReadingOptions, "copies">,
): Promise<ArtifactEntry[]> {
  const [, scheme = "", host = "", path = ""] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)\/?([^?#]*)/i.exec(url) ?? [];
  if (/^file$/i.test(scheme)) return localEntries(url, options);
  if (/^https?$/i.test(scheme)) return [await webEntry(url, connection, options.signal)];
  return [{ ...EMPTY_ENTRY, path: path || host, ref: url, digest: url }];
}

async function localEntries(url: string, options: Omit<ReadingOptions, "copies">): Promise<ArtifactEntry[]> {
  const root = fileURLToPath(url);
  const facts = statSync(root, { throwIfNoEntry: false });
  if (!facts) throw new Error(`there is no ${root}`);
  const name = root.split(/[\\/]/).at(-1) ?? "";
  const files = facts.isDirectory()
    ? filesBelow(root, { links: false })
    : [{ path: name, from: root, sizeBytes: facts.size }];
  const entries = await fileEntries(files, { ...options, copies: undefined });
  const below = url.endsWith("/") ? url : `${url}/`;
  return entries.map((entry) => ({
    ...entry,
    ref: facts.isDirectory() ? below + entry.path : url,
    localPath: "",
  }));
}

async function webEntry(url: string, connection: Connection, signal: AbortSignal): Promise<ArtifactEntry> {
  // The official client asks so when it reads the file: another ETag would be another content.
  const headers = { accept: "*/*", "accept-encoding": "gzip, deflate" };
  let at = new URL(url).href;
  for (let hop = 0; hop < MOST_REDIRECTS; hop++) {
    const answer = await exchange(
      connection,
      { method: "GET", url: at, headers },
      connection.graphql.timeoutMs,
      signal,
    );
    answer.destroy();
    const { statusCode: status = 0, headers: said } = answer;
    if (status >= 300 && status < 400 && said.location) at = new URL(said.location, at).href;
    else if (status < 200 || status >= 300) throw new Error(`${at} answers ${status}`);
    else
      return {
        ...EMPTY_ENTRY,
        path: url.split("/").at(-1) || new URL(url).host,
        ref: at,
        digest: said.etag?.replace(/^"+|"+$/g, "") || at,
        sizeBytes: Number(said["content-length"] ?? 0),
        extra: said.etag ? [["etag", JSON.stringify(said.etag)]] : [],
      };
  }
  throw new Error(`${url} leads on and on`);
}
