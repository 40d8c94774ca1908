import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { RUN_FILES } from "@steelyard/protocol/documents";
import { globMatcher } from "@steelyard/protocol/globs";
import { graphql, type Http, RefusedError } from "../http.ts";
import { type RunAddress, uploadFiles } from "../run-transport.ts";

/** Uploaded at once: so many, of so many bytes together; a larger one goes alone. */
const FILES_AT_ONCE = 50;
const BYTES_AT_ONCE = 32 * 2 ** 20;
const PAGE = 1000;

/** Base64 of MD5 of what the server has, by name. */
type Digests = Map<string, string | null>;

/** Files of a run's folder on their way to the server; what it has already is not sent again. */
export class SyncedFiles {
  readonly #http: Http;
  readonly #run: RunAddress;
  readonly #folder: string;
  #there: Digests | undefined;
  /** Size and time of what was looked at. */
  readonly #known = new Map<string, string>();
  /** Names of what the server has. */
  readonly sent = new Set<string>();
  /** Why what it would not have was refused, by name. */
  readonly refused = new Map<string, string>();
  readonly #ignored: ((name: string) => boolean)[];

  constructor(http: Http, run: RunAddress, folder: string, ignoreGlobs: readonly string[] = []) {
    this.#ignored = ignoreGlobs.map(globMatcher);
    this.#http = http;
    this.#run = run;
    this.#folder = folder;
  }

  /** Those of the names that are files inside the folder, and not as they were when they were last sent. */
  async send(names: Iterable<string>): Promise<void> {
    const inside = resolve(this.#folder) + sep;
    let portion: string[] = [];
    let bytes = 0;
    const upload = async () => {
      if (portion.length === 0) return;
      const { sent, refused } = await uploadFiles(this.#http, this.#run, this.#folder, portion);
      for (const name of sent) {
        this.sent.add(name);
        this.refused.delete(name);
        this.#there?.delete(name);
      }
      for (const { name, reason } of refused) this.refused.set(name, reason);
      portion = [];
      bytes = 0;
    };
    for (const name of names) {
      const path = resolve(this.#folder, name);
      const found = path.startsWith(inside) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (!found?.isFile() || this.#ignored.some((ignores) => ignores(name))) continue;
      const now = `${found.size} ${found.mtimeMs}`;
      if (this.#known.get(name) === now) continue;
      this.#known.set(name, now);
      const digest = (await this.#digests()).get(name);
      if (digest && digest === (await digestOf(path))) {
        this.sent.add(name);
        continue;
      }
      if (bytes > 0 && bytes + found.size > BYTES_AT_ONCE) await upload();
      portion.push(name);
      bytes += found.size;
      if (portion.length === FILES_AT_ONCE) await upload();
    }
    await upload();
  }

  async #digests(): Promise<Digests> {
    this.#there ??= await digestsAt(this.#http, this.#run);
    return this.#there;
  }
}

/** A server that does not tell is sent everything. */
export async function digestsAt(http: Http, { entity, project, name }: RunAddress): Promise<Digests> {
  interface Files {
    edges: { node: { name: string; md5: string | null } }[];
    pageInfo: { endCursor: string | null; hasNextPage: boolean };
  }
  const digests: Digests = new Map();
  try {
    for (let fileCursor: string | null = null; ; ) {
      const answer: { project: { run: { files: Files } | null } | null } = await graphql(http, RUN_FILES, {
        entity,
        project,
        name,
        fileCursor,
        fileLimit: PAGE,
      });
      const files = answer.project?.run?.files;
      for (const { node } of files?.edges ?? []) digests.set(node.name, node.md5);
      if (!files?.pageInfo.hasNextPage) return digests;
      fileCursor = files.pageInfo.endCursor;
    }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return digests;
  }
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("base64");
}
