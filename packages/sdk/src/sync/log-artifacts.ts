import { chmodSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { ARTIFACT_BY_ID, USE_ARTIFACT } from "@steelyard/protocol/documents";
import type { ArtifactFields, UsedArtifactFields } from "@steelyard/protocol/records";
import { entriesOf, writeArtifact } from "../artifacts/artifact-writer.ts";
import { globPaths } from "../glob.ts";
import { graphql, type Http, RefusedError } from "../http.ts";
import { LoggedRunReader } from "../logged-run.ts";
import type { RunAddress } from "../run-transport.ts";
import { LogFile } from "./log-file.ts";
import { isSynced } from "./log-selection.ts";

/** A log's artifacts on their way to the server: those that its run made, and those that it used. */
export class LogArtifacts {
  readonly #http: Http;
  readonly #run: RunAddress;
  /** Those the log has shown, and those the server had before. */
  #seen = 0;
  readonly #before: number;
  /** How many of the first are there. */
  sent: number;
  readonly #used = new Set<string>();
  /** Copies that wait for their upload, by path; of artifacts that are there. */
  readonly #copies = new Set<string>();
  /** What could be sent another time, and what cannot. */
  readonly #unsent: string[];
  readonly #losses: string[];

  constructor(
    http: Http,
    run: RunAddress,
    before: number,
    { unsent, losses }: { unsent: string[]; losses: string[] },
  ) {
    this.#http = http;
    this.#run = run;
    this.#before = before;
    this.sent = before;
    this.#unsent = unsent;
    this.#losses = losses;
  }

  /** One that cannot be sent holds nothing else up; those behind it are offered again next time. */
  async send(artifacts: readonly ArtifactFields[]): Promise<void> {
    for (const artifact of artifacts) {
      const isThere = this.#seen++ < this.#before;
      try {
        // Read before: a list of entries is a copy that waits, too.
        const paths = copiesOf(artifact);
        if (!isThere) {
          await writeArtifact(this.#http, this.#run, artifact);
          if (this.sent === this.#seen - 1) this.sent++;
        }
        for (const path of paths) this.#copies.add(path);
      } catch (error) {
        if (isThere) continue;
        this.#http.signal.throwIfAborted();
        this.#unsent.push(
          `the artifact ${artifact.name} (${artifact.type}) is not sent: ${(error as Error).message}`,
        );
      }
    }
  }

  /**
   * What the run was told to use is what the server knows by that id, and by that name: an id of another server may be
   * anything here.
   */
  async use(used: readonly UsedArtifactFields[]): Promise<void> {
    for (const { id, name, type } of used) {
      if (this.#used.has(id)) continue;
      this.#used.add(id);
      try {
        const { artifact } = await graphql<{ artifact: FoundArtifact | null }>(this.#http, ARTIFACT_BY_ID, {
          id,
        });
        const found = artifact && `${artifact.artifactSequence.name}:v${artifact.versionIndex}`;
        if (found !== name || (type !== "" && artifact?.artifactType.name !== type))
          this.#losses.push(
            `the run used the artifact ${name} (${type}), which this server does not have under that id`,
          );
        else
          await graphql(this.#http, USE_ARTIFACT, {
            input: {
              artifactID: id,
              entityName: this.#run.entity,
              projectName: this.#run.project,
              runName: this.#run.name,
            },
          });
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        this.#losses.push(
          `that the run used the artifact ${name} (${type}) is not recorded: ${error.message}`,
        );
      }
    }
  }

  /**
   * Copies in these folders of what the server has of the log, which waited there for nothing else: not for another log
   * beside this one that is not sent. What cannot be removed stays.
   */
  removeCopies(logFile: string, folders: readonly string[]): void {
    const roots = folders.flatMap((folder) => realPath(folder) ?? []).map((folder) => folder + sep);
    const own = [...this.#copies].flatMap((path) => realPath(path) ?? []);
    const copies = own.filter((path) => roots.some((root) => path.startsWith(root)));
    if (copies.length === 0) return;
    const needed = neededByOthers(logFile);
    for (const path of copies) {
      if (needed.has(path)) continue;
      try {
        chmodSync(path, 0o600);
        rmSync(path);
        // An artifact of the SDK has a folder for itself, which may be empty now.
        for (
          let folder = dirname(path);
          roots.some((root) => folder.startsWith(root));
          folder = dirname(folder)
        )
          rmdirSync(folder);
      } catch {
        // Not empty, or not ours to change.
      }
    }
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

interface FoundArtifact {
  versionIndex: number | null;
  artifactType: { name: string };
  artifactSequence: { name: string };
}

/** Files that the artifact takes its content from: copies, or files of the user's own. */
function copiesOf(artifact: ArtifactFields): string[] {
  const paths = entriesOf(artifact).flatMap(({ localPath }) => (localPath === "" ? [] : [localPath]));
  return artifact.manifestFile === "" ? paths : [...paths, artifact.manifestFile];
}

/** One artifact may be logged by several runs of a process: each of their logs names the same copies. */
function neededByOthers(logFile: string): Set<string> {
  const needed = new Set<string>();
  const own = realPath(logFile);
  for (const other of globPaths(join(dirname(dirname(own ?? logFile)), "*", "*.wandb"))) {
    if (realPath(other) === own || isSynced(other)) continue;
    try {
      for (const artifact of artifactsIn(other))
        for (const path of copiesOf(artifact)) needed.add(realPath(path) ?? path);
    } catch {
      // What is no log needs nothing.
    }
  }
  return needed;
}

function* artifactsIn(logFile: string): Generator<ArtifactFields> {
  const file = new LogFile(logFile);
  try {
    const reader = new LoggedRunReader();
    for (const found of file.records(true)) {
      reader.take(found);
      yield* reader.artifacts.splice(0);
      if (reader.waiting > 2 ** 20) reader.takeLines();
    }
  } finally {
    file.close();
  }
}
