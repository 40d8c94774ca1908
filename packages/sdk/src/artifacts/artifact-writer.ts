import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
  CLIENT_ID_MAPPING,
  COMMIT_ARTIFACT,
  CREATE_ARTIFACT,
  CREATE_ARTIFACT_MANIFEST,
  UPDATE_ARTIFACT_MANIFEST,
  USE_ARTIFACT,
} from "@steelyard/protocol/documents";
import { type ArtifactEntry, type ArtifactFields, EMPTY_ENTRY } from "@steelyard/protocol/records";
import { graphql, type Http } from "../http.ts";
import { putContent, type RunAddress } from "../run-transport.ts";
import { uploadEntries } from "./artifact-files.ts";
import { manifestJson } from "./manifest.ts";

/** How an artifact of a log got to the server. */
export interface WrittenArtifact {
  /** Opaque, the server's. */
  id: string;
  /** The server had a version of this content, which is the run's now. */
  known: boolean;
  /** Files whose content was sent. */
  uploaded: number;
}

/**
 * Bring an artifact, as a `.wandb` log has it, to the server and to the run `run`, wherever the log says it was: create,
 * manifest, files, commit, use. Doing it again is harmless: the client's id and the digest name the version, and content
 * that is there is not sent again. Throws RefusedError with what the server says, Error when a file is gone.
 */
export async function writeArtifact(
  http: Http,
  run: RunAddress,
  artifact: ArtifactFields,
): Promise<WrittenArtifact> {
  const { createArtifact } = await graphql<{
    createArtifact: {
      artifact: { id: string; state: string; artifactSequence: { latestArtifact: { id: string } | null } };
    };
  }>(http, CREATE_ARTIFACT, { input: creation(run, artifact) });
  const { id, state, artifactSequence } = createArtifact.artifact;
  const known = state === "COMMITTED";
  const baseId = artifact.baseId || artifactSequence.latestArtifact?.id;
  const uploaded = known ? 0 : await writeContent(http, run, artifact, id, baseId);
  if (artifact.useAfterCommit)
    await graphql(http, USE_ARTIFACT, {
      input: { artifactID: id, entityName: run.entity, projectName: run.project, runName: run.name },
    });
  return { id, known, uploaded };
}

function creation(run: RunAddress, artifact: ArtifactFields): Record<string, unknown> {
  const { name } = artifact;
  return {
    entityName: run.entity,
    projectName: run.project,
    runName: artifact.userCreated ? null : run.name,
    artifactTypeName: artifact.type,
    artifactCollectionName: name,
    digest: artifact.digest,
    digestAlgorithm: "MANIFEST_MD5",
    description: artifact.description || null,
    aliases: artifact.aliases.map((alias) => ({ artifactCollectionName: name, alias })),
    tags: artifact.tags.map((tagName) => ({ tagName })),
    metadata: artifact.metadata || null,
    ttlDurationSeconds: artifact.ttlDurationS || null,
    enableDigestDeduplication: true,
    distributedID: artifact.distributedId || null,
    clientID: artifact.clientId || null,
    sequenceClientID: artifact.sequenceClientId || null,
  };
}

interface ManifestFile {
  id: string;
  file: { uploadUrl?: string | null; uploadHeaders?: string[] | null };
}

async function writeContent(
  http: Http,
  run: RunAddress,
  artifact: ArtifactFields,
  artifactID: string,
  baseArtifactID: string | undefined,
): Promise<number> {
  const [manifestType, name] = artifact.incremental
    ? ["INCREMENTAL", "wandb_manifest.incremental.json"]
    : artifact.distributedId
      ? ["PATCH", "wandb_manifest.patch.json"]
      : ["FULL", "wandb_manifest.json"];
  const announce = async (digest: string): Promise<ManifestFile> => {
    const answer = await graphql<{ createArtifactManifest: { artifactManifest: ManifestFile } }>(
      http,
      CREATE_ARTIFACT_MANIFEST,
      {
        artifactID,
        baseArtifactID,
        name,
        digest,
        entityName: run.entity,
        projectName: run.project,
        runName: run.name,
        manifestType,
        includeUpload: digest !== "",
      },
    );
    return answer.createArtifactManifest.artifactManifest;
  };
  // Files are announced under a manifest, whose digest is known only when they are there.
  const { id: manifestId } = await announce("");
  const entries = await withArtifactIds(http, entriesOf(artifact));
  const placed = await uploadEntries(http, artifactID, manifestId, entries);
  const text = Buffer.from(manifestJson(placed.entries, regionOf(artifact)));
  const digest = createHash("md5").update(text).digest("base64");
  const { file } =
    manifestType === "FULL"
      ? await announce(digest)
      : await updateManifest(http, manifestId, digest, baseArtifactID);
  if (!file.uploadUrl) throw new Error(`the server takes no manifest of ${artifact.name}`);
  await putContent(http, file.uploadUrl, file.uploadHeaders ?? [], text);
  // Of a version that several runs write, one of them has the last word.
  if (artifact.finalize || artifact.distributedId === "")
    await graphql(http, COMMIT_ARTIFACT, { artifactID });
  return placed.uploaded;
}

async function updateManifest(
  http: Http,
  artifactManifestID: string,
  digest: string,
  baseArtifactID: string | undefined,
): Promise<ManifestFile> {
  const { updateArtifactManifest } = await graphql<{
    updateArtifactManifest: { artifactManifest: ManifestFile };
  }>(http, UPDATE_ARTIFACT_MANIFEST, { artifactManifestID, digest, baseArtifactID });
  return updateArtifactManifest.artifactManifest;
}

function regionOf({ storagePolicyConfig }: ArtifactFields): string | undefined {
  const region = storagePolicyConfig.find(([key]) => key === "storageRegion");
  return region && (JSON.parse(region[1]) as string);
}

/** A line of the file in which the official client leaves the entries of a large artifact. */
interface EntryLine {
  path: string;
  digest: string;
  size?: number;
  ref?: string;
  local_path?: string;
  birthArtifactID?: string;
  skip_cache?: boolean;
  extra?: Record<string, unknown>;
}

/** Those in the record, or in the file that it names. Throws Error when that cannot be read. */
export function entriesOf({ entries, manifestFile, name }: ArtifactFields): readonly ArtifactEntry[] {
  if (manifestFile === "") return entries;
  let text: string;
  try {
    text = gunzipSync(readFileSync(manifestFile)).toString();
  } catch (error) {
    throw new Error(`the list of files of ${name} cannot be read: ${(error as Error).message}`);
  }
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const said = JSON.parse(line) as EntryLine;
      return {
        ...EMPTY_ENTRY,
        path: said.path,
        digest: said.digest,
        sizeBytes: said.size ?? 0,
        ref: said.ref ?? "",
        localPath: said.local_path ?? "",
        birthArtifactId: said.birthArtifactID ?? "",
        extra: Object.entries(said.extra ?? {}).map(([key, value]) => [key, JSON.stringify(value)] as const),
      };
    });
}

const CLIENT_REFERENCE = /^wandb-client-artifact:\/\/([^/]+)\/(.*)$/s;

/** References to artifacts that only a client's id names become references to what the server calls them. */
async function withArtifactIds(http: Http, entries: readonly ArtifactEntry[]): Promise<ArtifactEntry[]> {
  const serverIds = new Map<string, string>();
  const resolved: ArtifactEntry[] = [];
  for (const entry of entries) {
    const [, clientID, path] = CLIENT_REFERENCE.exec(entry.ref) ?? [];
    if (clientID === undefined || path === undefined) {
      resolved.push(entry);
      continue;
    }
    let serverID = serverIds.get(clientID);
    if (serverID === undefined) {
      const { clientIDMapping } = await graphql<{ clientIDMapping: { serverID: string } | null }>(
        http,
        CLIENT_ID_MAPPING,
        { clientID },
      );
      if (!clientIDMapping)
        throw new Error(`${entry.path} refers to an artifact that the server does not have (${entry.ref})`);
      serverID = clientIDMapping.serverID;
      serverIds.set(clientID, serverID);
    }
    const hex = Buffer.from(serverID, "base64").toString("hex");
    resolved.push({ ...entry, ref: `wandb-artifact://${hex}/${path}` });
  }
  return resolved;
}
