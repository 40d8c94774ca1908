import { createHash, randomInt } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type ArtifactEntry, type ArtifactFields, EMPTY_ENTRY } from "@steelyard/protocol/records";
import { foldersOf } from "@steelyard/protocol/settings";
import type { LoadedSettings } from "../machine.ts";
import { makeFolder } from "../make-folder.ts";
import { manifestDigest } from "./manifest.ts";

/** A new version of an artifact, its files copied to where they wait for their upload. */
export interface StagedArtifact {
  artifact: ArtifactFields;
  /** Holds the copies and nothing else: may go when the server has them. */
  folder: string;
}

export interface NewArtifact {
  type: string;
  name: string;
  description?: string;
  aliases?: readonly string[];
  metadata?: Record<string, unknown>;
}

/** A file of an artifact: from the disk, or content that is made for it. */
export type NewFile = { path: string } & ({ from: string } | { content: string });

/**
 * Copies the files, so that the artifact is what they are now, whenever it is uploaded. Throws the file system's errors, and
 * Error when WANDB_DATA_DIR cannot be written.
 */
export function stageArtifact(
  staging: StagingPlace,
  made: NewArtifact,
  files: readonly NewFile[],
): StagedArtifact {
  const folder = makeStagingFolder(staging);
  const entries = files.map((file): ArtifactEntry => {
    const localPath = join(folder, file.path);
    mkdirSync(dirname(localPath), { recursive: true });
    if ("from" in file) copyFileSync(file.from, localPath);
    else writeFileSync(localPath, file.content);
    chmodSync(localPath, 0o400);
    const content = readFileSync(localPath);
    const digest = createHash("md5").update(content).digest("base64");
    return { ...EMPTY_ENTRY, path: file.path, digest, sizeBytes: content.length, localPath };
  });
  return { artifact: newVersion(made, entries), folder };
}

/** What `writeArtifact` brings to the server. */
export function newVersion(made: NewArtifact, entries: readonly ArtifactEntry[]): ArtifactFields {
  return {
    runId: "",
    project: "",
    entity: "",
    type: made.type,
    name: made.name,
    digest: manifestDigest(entries),
    description: made.description ?? "",
    metadata: made.metadata ? JSON.stringify(made.metadata) : "",
    userCreated: false,
    useAfterCommit: false,
    // Each version that is logged takes it over.
    aliases: [...new Set(["latest", ...(made.aliases ?? [])])],
    tags: [],
    distributedId: "",
    finalize: true,
    clientId: clientId(),
    sequenceClientId: clientId(),
    baseId: "",
    ttlDurationS: 0,
    incremental: false,
    storagePolicyConfig: [["storageLayout", '"V2"']],
    entries,
    manifestFile: "",
  };
}

const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** As long as the official client's. */
function clientId(): string {
  let id = "";
  for (let at = 0; at < 128; at++) id += ID_LETTERS[randomInt(ID_LETTERS.length)];
  return id;
}

/** Where files of artifacts wait for their upload. */
export interface StagingPlace {
  folder: string;
  /** WANDB_DATA_DIR says so. */
  given: boolean;
  /** Where its default cannot be written, as in a container without a home. */
  instead: string;
}

/** Below WANDB_DATA_DIR, as the official client has it. */
export const STAGING = ["artifacts", "staging"] as const;

export function stagingPlace({ settings, machine }: LoadedSettings, runFolder: string): StagingPlace {
  return {
    folder: join(foldersOf(settings, machine).data, ...STAGING),
    given: settings.dataDir !== undefined,
    instead: join(runFolder, "artifacts"),
  };
}

/** A new folder for one artifact's copies. Throws Error when WANDB_DATA_DIR cannot be written. */
export function makeStagingFolder(place: StagingPlace): string {
  return mkdtempSync(join(stagingFolder(place), "artifact-"));
}

function stagingFolder({ folder, given, instead }: StagingPlace): string {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (error) {
    if (given)
      throw new Error(
        `files of artifacts cannot wait in ${folder} (${(error as NodeJS.ErrnoException).code}); set WANDB_DATA_DIR to a folder that can be written`,
      );
    mkdirSync(instead, { recursive: true });
    return instead;
  }
}

/** A name that artifacts may have: what is not allowed in one becomes `_`, what is too long is cut in the middle. */
export function artifactName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_\-.]/g, "_");
  return name.length <= 128 ? name : `${name.slice(0, 63)}..${name.slice(-63)}`;
}
