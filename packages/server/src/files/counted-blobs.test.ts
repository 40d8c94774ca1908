import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { openFolder } from "../engines/folder/blob-store.ts";
import { testBlobStore } from "../ports/blob-store.contract.ts";
import { countBlobs } from "./counted-blobs.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-counted-"));
after(() => rmSync(root, { recursive: true, force: true }));
let opened = 0;

testBlobStore("counted", async () => {
  const path = join(root, String(opened++));
  const store = countBlobs(await openFolder(path));
  return {
    store,
    async reopen() {
      await store.close();
      return countBlobs(await openFolder(path));
    },
  };
});

test("what is held is counted, and the folder is walked once", async () => {
  const folder = await openFolder(join(root, "walked"));
  await folder.put("before", Readable.from(["12345"]));
  let walks = 0;
  const walk = folder.stats.bind(folder);
  folder.stats = () => {
    walks++;
    return walk();
  };
  const blobs = countBlobs(folder);
  assert.deepEqual(await blobs.stats(), { bytes: 5, blobs: 1 });
  await blobs.put("a", Readable.from(["123"]));
  await blobs.put("before", Readable.from(["1"]));
  assert.deepEqual(await blobs.stats(), { bytes: 4, blobs: 2 });
  await assert.rejects(blobs.put("b", Readable.from(["1234"]), { maxBytes: 2 }));
  await blobs.delete("a");
  await blobs.delete("a");
  assert.deepEqual(await blobs.stats(), { bytes: 1, blobs: 1 });
  assert.deepEqual(await walk(), { bytes: 1, blobs: 1 });
  assert.equal(walks, 1);
  await blobs.close();
});
