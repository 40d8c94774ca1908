import assert from "node:assert/strict";
import { test } from "node:test";
import { type ArtifactFields, artifactRecord, EMPTY_ENTRY, readRecord } from "./index.ts";

test("an artifact in a log says all that the server has to be told of it", () => {
  const artifact: ArtifactFields = {
    runId: "abc",
    project: "p",
    entity: "e",
    type: "dataset",
    name: "배포-1",
    digest: "a00c2239f036fb656c1dcbf9a32d89b4",
    description: "two\nlines",
    metadata: '{"rows":3}',
    userCreated: true,
    useAfterCommit: true,
    aliases: ["latest", ""],
    tags: ["a b"],
    distributedId: "group",
    finalize: true,
    clientId: "c".repeat(128),
    sequenceClientId: "s".repeat(128),
    baseId: "QXJ0aWZhY3Q6MQ==",
    ttlDurationS: -2,
    incremental: true,
    storagePolicyConfig: [["storageLayout", '"V2"']],
    entries: [
      {
        ...EMPTY_ENTRY,
        path: "d/file.bin",
        digest: "XUFAKrxLKna5cZ2REBfFkg==",
        sizeBytes: 5_000_000_000,
        localPath: "/tmp/file.bin",
      },
      {
        ...EMPTY_ENTRY,
        path: "ref",
        digest: "etag",
        ref: "s3://b/k",
        birthArtifactId: "QXJ0aWZhY3Q6Mg==",
        mimetype: "text/plain",
        skipCache: true,
        extra: [["etag", '"x"']],
      },
    ],
    manifestFile: "/tmp/entries.jl.gz",
  };
  assert.deepEqual(readRecord(artifactRecord(7, artifact)), { kind: "artifact", artifact });
});
