import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import { mimeTypeOf } from "../files/file-name.ts";
import { incoming, sendBlob } from "../files/routes.ts";
import { readSignedUrl } from "../files/signed-url.ts";
import type { AppEnv } from "../http/app.ts";
import { globalIdType, parseGlobalId } from "../http/global-id.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { findArtifact } from "./artifact.ts";
import {
  type ArtifactFileRow,
  FILE_DOOR,
  FILE_UPLOAD_DOOR,
  MANIFEST_DOOR,
  MANIFEST_UPLOAD_DOOR,
  putArtifactFile,
  putManifestFile,
} from "./artifact-files.ts";

/** Signed doors under `/storage`, and the addresses that clients build themselves and come to with their key. */
export function artifactsRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.put(`/storage/${FILE_UPLOAD_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, FILE_UPLOAD_DOOR, c.req.param("token"));
    await putArtifactFile(services, id, incoming(c));
    return c.json({});
  });
  routes.put(`/storage/${MANIFEST_UPLOAD_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, MANIFEST_UPLOAD_DOOR, c.req.param("token"));
    await putManifestFile(services, id, incoming(c));
    return c.json({});
  });

  routes.get(`/storage/${FILE_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, FILE_DOOR, c.req.param("token"));
    const file = await services.catalog.db
      .selectFrom("artifact_files")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return sendFile(c, services, file);
  });
  routes.get(`/storage/${MANIFEST_DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, MANIFEST_DOOR, c.req.param("token"));
    const manifest = await services.catalog.db
      .selectFrom("artifact_manifests")
      .select(["name", "blob_key"])
      .where("id", "=", id)
      .executeTakeFirst();
    const stat = manifest?.blob_key ? await services.blobs.stat(manifest.blob_key) : undefined;
    if (!manifest?.blob_key || !stat) throw gone();
    return sendBlob(c, services, {
      key: manifest.blob_key,
      sizeBytes: stat.sizeBytes,
      type: "application/json",
      name: manifest.name,
      download: false,
    });
  });

  routes.get("/artifactsV2/*", async (c) => {
    const parts = decodedParts(c.req.path);
    // …/{artifact?}/{birth artifact}/{hex md5}/{file name?}; a name may itself look like a digest, so the one that has an
    // artifact's id before it counts.
    for (let at = parts.length - 1; at >= 2; at--) {
      const hex = parts[at] ?? "";
      const birth = parts[at - 1] ?? "";
      if (!isHexMd5(hex) || globalIdType(birth) !== "Artifact") continue;
      const ids = [birth];
      const own = parts[at - 2] ?? "";
      if (globalIdType(own) === "Artifact") ids.unshift(own);
      return sendFile(c, services, await readableFile(c, services, ids, hex), parts.at(-1));
    }
    throw gone();
  });
  routes.get("/artifacts/:entity/:hex", async (c) => {
    const hex = c.req.param("hex");
    if (!isHexMd5(hex)) throw gone();
    const viewer = requireViewer(c.get("viewer"));
    const candidates = await services.catalog.db
      .selectFrom("artifact_files")
      .innerJoin("artifacts", "artifacts.id", "artifact_files.artifact_id")
      .innerJoin("artifact_collections", "artifact_collections.id", "artifacts.collection_id")
      .innerJoin("projects", "projects.id", "artifact_collections.project_id")
      .innerJoin("entities", "entities.id", "projects.entity_id")
      .selectAll("artifact_files")
      .where("artifact_files.md5", "=", base64OfHex(hex))
      .where("artifact_files.blob_key", "is not", null)
      .where("entities.name", "=", c.req.param("entity"))
      .limit(100)
      .execute();
    for (const file of candidates) {
      if (await findArtifact(services, viewer, file.artifact_id, "read")) return sendFile(c, services, file);
    }
    throw gone();
  });
  return routes;
}

/** The content of that MD5 in one of these artifacts, or born in it and used by one that the viewer may read. */
async function readableFile(
  c: Context<AppEnv>,
  services: Services,
  ids: readonly string[],
  hex: string,
): Promise<ArtifactFileRow | undefined> {
  const viewer = requireViewer(c.get("viewer"));
  for (const id of ids) {
    const number = parseGlobalId("Artifact", id);
    const files = await services.catalog.db
      .selectFrom("artifact_files")
      .selectAll()
      .where("md5", "=", base64OfHex(hex))
      .where((where) =>
        where.or([where("artifact_id", "=", number), where("birth_artifact_id", "=", number)]),
      )
      .where("blob_key", "is not", null)
      .limit(100)
      .execute();
    for (const file of files) {
      if (await findArtifact(services, viewer, file.artifact_id, "read")) return file;
    }
  }
  return undefined;
}

async function sendFile(
  c: Context<AppEnv>,
  services: Services,
  file: ArtifactFileRow | undefined,
  nameInAddress?: string,
): Promise<Response> {
  if (!file?.blob_key) throw gone();
  c.header("etag", `"${Buffer.from(file.md5, "base64").toString("hex")}"`);
  const name = file.name.split("/").at(-1) ?? nameInAddress ?? "file";
  return sendBlob(c, services, {
    key: file.blob_key,
    sizeBytes: file.size_bytes,
    type: mimeTypeOf(name),
    name,
    download: c.req.query("download") !== undefined,
  });
}

function decodedParts(path: string): string[] {
  return path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

const isHexMd5 = (text: string) => /^[0-9a-f]{32}$/.test(text);
const base64OfHex = (hex: string) => Buffer.from(hex, "hex").toString("base64");

function gone(): SteelyardError {
  return new SteelyardError(
    "not-found",
    "this artifact file is not on this server, or you may not read it; ask for the artifact anew",
  );
}
