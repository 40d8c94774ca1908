import { mimeTypeOf } from "../files/file-name.ts";
import type { AnsweredFile } from "../files/graphql.ts";
import { signUrl } from "../files/signed-url.ts";
import { globalId } from "../http/global-id.ts";
import type { GraphqlContext } from "../http/resolvers.ts";
import { dateTime } from "../runs/run.ts";
import { type Artifact, findArtifact } from "./artifact.ts";
import { type ArtifactFileRow, FILE_DOOR, FILE_UPLOAD_DOOR } from "./artifact-files.ts";

/** A file of a version as the wire's `File`: an address to read it, and one to write it while it has no content. */
export function answerFile(file: ArtifactFileRow, artifact: Artifact, context: GraphqlContext): AnsweredFile {
  const { services, baseUrl } = context;
  const directUrl = () =>
    file.ref ?? (file.blob_key === null ? "" : signUrl(services, baseUrl, FILE_DOOR, file.id, file.name));
  return {
    answered: true,
    id: globalId("ArtifactFile", file.id),
    name: file.name,
    displayName: file.name,
    url: directUrl,
    directUrl,
    uploadUrl: () =>
      file.blob_key === null && file.ref === null
        ? signUrl(services, baseUrl, FILE_UPLOAD_DOOR, file.id, file.name)
        : null,
    uploadHeaders: [],
    storagePath: `artifact/${artifact.row.id}/${file.id}`,
    sizeBytes: file.size_bytes,
    mimetype: mimeTypeOf(file.name),
    md5: file.md5,
    digest: file.md5,
    updatedAt: dateTime(file.uploaded_at ?? file.created_at),
    artifact: async () =>
      file.birth_artifact_id === null || file.birth_artifact_id === artifact.row.id
        ? artifact
        : ((await findArtifact(services, context.viewer, file.birth_artifact_id, "read")) ?? artifact),
  };
}
