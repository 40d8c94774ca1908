import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestDigest, parseManifest, writeManifest } from "./manifest.ts";

const HELLO = "XUFAKrxLKna5cZ2REBfFkg==";

test("the digest of a manifest is the client's own", () => {
  assert.equal(manifestDigest([]), "64e7c61456b10382e2f3b571ac24b659");
  assert.equal(manifestDigest([{ name: "file1.txt", digest: HELLO }]), "a00c2239f036fb656c1dcbf9a32d89b4");
  const several = [
    { name: "nest/nest/file3.txt", digest: "E7c+2uhEOZC+GqjxpIO8Jw==" },
    { name: "file1.txt", digest: HELLO },
    { name: "nest/file2.txt", digest: "aGTzidmHZDa8h3j/Bx0bbA==" },
  ];
  assert.equal(manifestDigest(several), "72414374bfd4b0f60a116e7267845f71");
});

test("entries are ordered by code points, not by UTF-16 units", () => {
  const names = ["é.txt", "z.txt", "Z.txt", "😀", "～"];
  const md5 = [
    "xMpCOKC5I4IM3MPsbQ8ecA==",
    "yB5yjZ1MLNfwZwbJUwjDYw==",
    "7MvIfktc4vqBspxY9Fyuuw==",
    "qH/2eaLz5x2Rgad7dUAhIg==",
    "5NoQ2Nih9tofOmgBMhxoXA==",
  ];
  const order = ["Z.txt", "z.txt", "é.txt", "～", "😀"];
  const entries = names.map((name, at) => ({ name, digest: md5[at] ?? "" }));
  const sorted = order.map((name) => entries.find((entry) => entry.name === name) ?? { name, digest: "" });
  assert.equal(manifestDigest(entries), manifestDigest(sorted));
});

test("a manifest is read as it is written, and refused when it is none", () => {
  const entries = [
    { name: "a/b.txt", digest: HELLO, sizeBytes: 5, ref: null, birthArtifactId: "QXJ0aWZhY3Q6MQ==" },
    { name: "far", digest: "etag", sizeBytes: 0, ref: "s3://bucket/key", birthArtifactId: null },
  ];
  assert.deepEqual(parseManifest(writeManifest(entries)), entries);
  assert.throws(() => parseManifest("[]"), /manifest cannot be read/);
  assert.throws(() => parseManifest('{"version":2,"contents":{}}'), /version/);
  assert.throws(() => parseManifest('{"version":1,"contents":{"../up":{"digest":"x"}}}'), /refused/);
});
