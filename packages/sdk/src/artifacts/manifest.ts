import { createHash } from "node:crypto";
import type { ArtifactEntry } from "@steelyard/protocol/records";

/** Hex MD5 over the header and one `path:digest` line an entry, by code points of the path: what names a version's content. */
export function manifestDigest(entries: readonly Pick<ArtifactEntry, "path" | "digest">[]): string {
  const hash = createHash("md5").update("wandb-artifact-manifest-v1\n");
  // UTF-8 bytes order as code points do; UTF-16 units, the default of sort, do not.
  const lines = entries.map(({ path, digest }) => ({ key: Buffer.from(path), line: `${path}:${digest}\n` }));
  lines.sort((one, other) => Buffer.compare(one.key, other.key));
  for (const { line } of lines) hash.update(line);
  return hash.digest("hex");
}

/** `wandb_manifest.json` as the client writes it; where a file lies on this machine is nobody's business. */
export function manifestJson(entries: readonly ArtifactEntry[], storageRegion: string | undefined): string {
  const contents = Object.fromEntries(
    entries.map(({ path, digest, ref, sizeBytes, birthArtifactId, extra }) => [
      path,
      {
        digest,
        ...(ref === "" ? {} : { ref }),
        size: sizeBytes,
        ...(birthArtifactId === "" ? {} : { birthArtifactID: birthArtifactId }),
        ...(extra.length === 0
          ? {}
          : { extra: Object.fromEntries(extra.map(([key, json]) => [key, JSON.parse(json)])) }),
      },
    ]),
  );
  return JSON.stringify({
    version: 1,
    storagePolicy: "wandb-storage-policy-v1",
    storagePolicyConfig: { storageLayout: "V2", ...(storageRegion ? { storageRegion } : {}) },
    contents,
  });
}
