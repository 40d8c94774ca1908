import { createHash } from "node:crypto";
import { SteelyardError } from "../errors.ts";
import { checkFileName } from "../files/file-name.ts";

/** One entry as a manifest has it; a reference has `ref`, and any string at all as its digest. */
export interface ManifestEntry {
  name: string;
  /** base64 MD5 of the content. */
  digest: string;
  sizeBytes: number;
  ref: string | null;
  /** Global id of the artifact the content came with first. */
  birthArtifactId: string | null;
}

/** The entries of a manifest's JSON, in its own order; throws bad-request for what is not one. */
export function parseManifest(text: string): ManifestEntry[] {
  const manifest = parseObject(text);
  if (manifest.version !== 1)
    throw broken(`its version is ${JSON.stringify(manifest.version)?.slice(0, 20)}, this server reads 1`);
  const contents = manifest.contents;
  if (!isObject(contents)) throw broken("it has no contents");
  return Object.entries(contents).map(([name, value]) => {
    if (!isObject(value) || typeof value.digest !== "string")
      throw broken(`its entry ${JSON.stringify(name.slice(0, 100))} has no digest`);
    const size = value.size ?? 0;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw broken(`its entry ${JSON.stringify(name.slice(0, 100))} has no size`);
    return {
      name: checkFileName(name),
      digest: value.digest,
      sizeBytes: size,
      ref: typeof value.ref === "string" ? value.ref : null,
      birthArtifactId: typeof value.birthArtifactID === "string" ? value.birthArtifactID : null,
    };
  });
}

/** Hex MD5 over the header and one `path:digest` line per entry, by code points of the path: what names a version's content. */
export function manifestDigest(entries: readonly { name: string; digest: string }[]): string {
  const hash = createHash("md5").update("wandb-artifact-manifest-v1\n");
  // UTF-8 bytes order as code points do; UTF-16 units, the default of sort, do not.
  const lines = entries.map(({ name, digest }) => ({ key: Buffer.from(name), line: `${name}:${digest}\n` }));
  lines.sort((one, other) => Buffer.compare(one.key, other.key));
  for (const { line } of lines) hash.update(line);
  return hash.digest("hex");
}

/** A manifest of these entries, as the client would write it. */
export function writeManifest(entries: readonly ManifestEntry[]): string {
  const contents: Record<string, unknown> = {};
  for (const { name, digest, sizeBytes, ref, birthArtifactId } of entries) {
    contents[name] = {
      digest,
      ...(ref === null ? {} : { ref }),
      size: sizeBytes,
      ...(birthArtifactId === null ? {} : { birthArtifactID: birthArtifactId }),
    };
  }
  return JSON.stringify({
    version: 1,
    storagePolicy: "wandb-storage-policy-v1",
    storagePolicyConfig: { storageLayout: "V2" },
    contents,
  });
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    throw broken("it is not JSON");
  }
  throw broken("it is not an object");
}

function broken(why: string): SteelyardError {
  return new SteelyardError("bad-request", `the artifact's manifest cannot be read: ${why}; log it again`);
}
