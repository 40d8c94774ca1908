import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestDigest } from "./manifest.ts";
import { artifactName } from "./staged-artifact.ts";

/** base64 MD5 of `hello`. */
const HELLO = "XUFAKrxLKna5cZ2REBfFkg==";

for (const [name, entries, digest] of [
  ["no entries", {}, "64e7c61456b10382e2f3b571ac24b659"],
  ["one file", { "file1.txt": HELLO }, "a00c2239f036fb656c1dcbf9a32d89b4"],
  ["a file in a folder", { "subdir/file1.txt": HELLO }, "a757208d042e8627b2970d72a71bed5b"],
  [
    "several, whatever their order",
    {
      "nest/nest/file3.txt": "E7c+2uhEOZC+GqjxpIO8Jw==",
      "file1.txt": HELLO,
      "nest/file2.txt": "aGTzidmHZDa8h3j/Bx0bbA==",
    },
    "72414374bfd4b0f60a116e7267845f71",
  ],
  [
    "ordered by code points, not by UTF-16 units",
    {
      "é.txt": "xMpCOKC5I4INzFCab3WEmw==",
      "z.txt": "yB5yjZ1ML2NvBn+JzBSGLA==",
      "Z.txt": "7MvIfktc4v4oMI/Z8qe68w==",
      "😀": "qH/2eaLz5x2RgaZ7dUISLA==",
      "～": "5No7f7vOI0XXdysGdKMY1Q==",
    },
    "8d8060f1916d23988bb155f8f8d24734",
  ],
] as const) {
  test(`the digest of a manifest of ${name} is the official client's`, () => {
    const list = Object.entries(entries).map(([path, digest]) => ({ path, digest }));
    assert.equal(manifestDigest(list), digest);
    assert.equal(manifestDigest(list), manifestDigest(list.reverse()));
  });
}

test("an artifact's name keeps what is allowed in one, and its two ends when it is too long", () => {
  assert.equal(artifactName("source-my project-src/train.ts"), "source-my_project-src_train.ts");
  const long = artifactName(`a${"x".repeat(200)}z`);
  assert.equal(long.length, 128);
  assert.match(long, /^ax+\.\.x+z$/);
});
