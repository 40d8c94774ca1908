import { createHash } from "node:crypto";
import { createReadStream, readFileSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { globMatcher } from "@steelyard/protocol/globs";
import type { FileItem, FilePolicy } from "@steelyard/protocol/records";
import { SMALL_FILE_BYTES } from "../http.ts";
import type { FileUploads } from "../run-transport.ts";

/** As often as the official client looks at the files it watches. */
const LOOK_EVERY_MS = 500;
/** A file that keeps changing is not sent more often: the official client's batching allows no more either. */
const SEND_EVERY_MS = 5000;
/** Files that one request announces. */
const FILES_AT_ONCE = 50;

interface WatchedFile {
  policy: FilePolicy;
  /** Of what the server has; undefined: nothing of it yet. */
  md5: string | undefined;
  /** Size and time of its last change when it was last looked at. */
  seen: string;
  sentMs: number;
}

/**
 * The files of a run on their way to the server: each by its policy, none twice without a change, and none that
 * WANDB_IGNORE_GLOBS keeps at home. One batch at a time, so that of a file the newest content is the last to arrive.
 */
export class RunUploads {
  readonly #folder: string;
  readonly #ignored: readonly ((path: string) => boolean)[];
  readonly #upload: (names: string[]) => Promise<FileUploads>;
  readonly #files = new Map<string, WatchedFile>();
  readonly #waiting = new Set<string>();
  #sending: Promise<void> | undefined;
  #lookedMs = 0;
  #open = false;
  /** Called with the names that the server has now. */
  onUploaded: (names: string[]) => void = () => {};
  /** Called with what the server does not take. */
  onRefused: (name: string, reason: string) => void = () => {};

  constructor(
    folder: string,
    ignoreGlobs: readonly string[],
    upload: (names: string[]) => Promise<FileUploads>,
  ) {
    this.#folder = folder;
    this.#ignored = ignoreGlobs.map(globMatcher);
    this.#upload = upload;
  }

  add(files: readonly FileItem[]): void {
    for (const { path, policy } of files) {
      if (this.#ignored.some((ignores) => ignores(path))) continue;
      const known = this.#files.get(path);
      this.#files.set(path, {
        policy,
        md5: known?.md5,
        seen: this.#stateOf(path),
        sentMs: known?.sentMs ?? Number.NEGATIVE_INFINITY,
      });
      if (policy !== "end") this.#waiting.add(path);
    }
    this.#pump();
  }

  /** The run is there: what waits may go. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /** Live files that changed are sent, if it is time to look. */
  look(): void {
    const now = performance.now();
    if (!this.#open || now - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = now;
    for (const [path, file] of this.#files) {
      if (file.policy !== "live" || now - file.sentMs < SEND_EVERY_MS) continue;
      const state = this.#stateOf(path);
      if (state === file.seen) continue;
      file.seen = state;
      this.#waiting.add(path);
    }
    this.#pump();
  }

  /** All that is left, files that wait for the end and the last state of the others among it. */
  async finish(): Promise<void> {
    if (!this.#open) return;
    for (const [path, { policy }] of this.#files) if (policy !== "now") this.#waiting.add(path);
    this.#pump();
    while (this.#sending) await this.#sending;
  }

  #stateOf(path: string): string {
    const status = statusOf(join(this.#folder, path));
    return status ? `${status.size} ${status.mtimeMs}` : "";
  }

  #pump(): void {
    if (!this.#open || this.#sending || this.#waiting.size === 0) return;
    this.#sending = this.#sendBatch().finally(() => {
      this.#sending = undefined;
      this.#pump();
    });
  }

  async #sendBatch(): Promise<void> {
    const batch = [...this.#waiting].slice(0, FILES_AT_ONCE);
    const changed = new Map<string, string>();
    for (const path of batch) {
      this.#waiting.delete(path);
      const md5 = await contentMd5(join(this.#folder, path));
      if (md5 !== undefined && md5 !== this.#files.get(path)?.md5) changed.set(path, md5);
    }
    if (changed.size === 0) return;
    const { sent, refused } = await this.#upload([...changed.keys()]);
    for (const path of sent) {
      const file = this.#files.get(path);
      if (!file) continue;
      file.md5 = changed.get(path);
      file.sentMs = performance.now();
    }
    if (sent.length > 0) this.onUploaded(sent);
    for (const { name, reason } of refused) this.onRefused(name, reason);
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Undefined when there is no file to read: it went since, and whoever saved it knows. */
async function contentMd5(path: string): Promise<string | undefined> {
  const hash = createHash("md5");
  try {
    if (statSync(path).size <= SMALL_FILE_BYTES) hash.update(readFileSync(path));
    else await pipeline(createReadStream(path), hash);
    return hash.digest("base64");
  } catch {
    return undefined;
  }
}
