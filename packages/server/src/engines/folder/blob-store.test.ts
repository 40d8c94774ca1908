import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { testBlobStore } from "../../ports/blob-store.contract.ts";
import { openFolder } from "./blob-store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-folder-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

testBlobStore("folder", async () => {
  const path = join(root, String(folders++));
  const store = await openFolder(path);
  return {
    store,
    async reopen() {
      await store.close();
      return openFolder(path);
    },
  };
});

test("folder: drafts of a killed server are removed at start", async () => {
  const path = join(root, "killed");
  await (await openFolder(path)).put("kept", Readable.from([Buffer.from("x")]));
  writeFileSync(join(path, "incoming", "half"), "half");
  const store = await openFolder(path);
  assert.deepEqual(readdirSync(join(path, "incoming")), []);
  assert.ok(existsSync(join(path, "blobs", "kept")));
  await store.close();
});
