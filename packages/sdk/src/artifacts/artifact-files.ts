import { existsSync } from "node:fs";
import { CREATE_ARTIFACT_FILES } from "@steelyard/protocol/documents";
import type { ArtifactEntry } from "@steelyard/protocol/records";
import { graphql, type Http } from "../http.ts";
import { putContent } from "../run-transport.ts";

/** Files that are announced in one request; the official client begins with 25 and goes up to 2,000. */
const FILES_AT_ONCE = 500;
const UPLOADS_AT_ONCE = 16;

interface AnnouncedFile {
  uploadUrl: string | null;
  uploadHeaders: string[] | null;
  artifact: { id: string };
}

/**
 * Bring the content of these entries to the server: what it has already, of any artifact, is not sent again. Returns the
 * entries with the artifact each content is of, and how many were sent. Throws Error naming a file that is gone.
 */
export async function uploadEntries(
  http: Http,
  artifactId: string,
  manifestId: string,
  entries: readonly ArtifactEntry[],
): Promise<{ entries: ArtifactEntry[]; uploaded: number }> {
  const placed = [...entries];
  const local = placed.flatMap(({ localPath, ref }, at) => (localPath !== "" && ref === "" ? [at] : []));
  let uploaded = 0;
  for (let from = 0; from < local.length; from += FILES_AT_ONCE) {
    const part = local.slice(from, from + FILES_AT_ONCE);
    const announced = await announce(
      http,
      artifactId,
      manifestId,
      part.map((at) => placed[at] as ArtifactEntry),
    );
    const waiting = announced.entries();
    const upload = async () => {
      for (const [index, { uploadUrl, uploadHeaders, artifact }] of waiting) {
        const at = part[index] as number;
        const entry = placed[at] as ArtifactEntry;
        placed[at] = { ...entry, birthArtifactId: artifact.id };
        if (!uploadUrl) continue;
        if (!existsSync(entry.localPath))
          throw new Error(`${entry.path} cannot be sent: ${entry.localPath} is gone`);
        await putContent(http, uploadUrl, uploadHeaders ?? [], { path: entry.localPath });
        uploaded++;
      }
    };
    await Promise.all(Array.from({ length: Math.min(UPLOADS_AT_ONCE, part.length) }, upload));
  }
  return { entries: placed, uploaded };
}

/** One answer an entry, in their order. */
async function announce(
  http: Http,
  artifactID: string,
  artifactManifestID: string,
  entries: readonly ArtifactEntry[],
): Promise<AnnouncedFile[]> {
  const { createArtifactFiles } = await graphql<{
    createArtifactFiles: { files: { edges: { node: AnnouncedFile }[] } };
  }>(http, CREATE_ARTIFACT_FILES, {
    storageLayout: "V2",
    artifactFiles: entries.map(({ path, digest }) => ({
      artifactID,
      artifactManifestID,
      name: path,
      md5: digest,
    })),
  });
  const { edges } = createArtifactFiles.files;
  if (edges.length !== entries.length)
    throw new Error(`the server answered ${edges.length} of ${entries.length} files of an artifact`);
  return edges.map(({ node }) => node);
}
