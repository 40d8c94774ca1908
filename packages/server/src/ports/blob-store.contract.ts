import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { SteelyardError } from "../errors.ts";
import type { BlobStore } from "./blob-store.ts";

/** What every blob store must keep. `reopen` closes the store and opens it again on the same data. */
export function testBlobStore(
  name: string,
  open: () => Promise<{ store: BlobStore; reopen(): Promise<BlobStore> }>,
): void {
  const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) & 255));
  const md5 = createHash("md5").update(content).digest("base64");

  test(`${name}: what is put is there, whole and by range, also after reopening`, async () => {
    const { store, reopen } = await open();
    assert.deepEqual(await store.put("a/b_c/d-1", pieces(content)), { sizeBytes: content.length, md5 });
    const again = await reopen();
    assert.deepEqual(await read(again, "a/b_c/d-1"), content);
    assert.deepEqual(await read(again, "a/b_c/d-1", { start: 10, end: 10 }), content.subarray(10, 11));
    assert.deepEqual(
      await read(again, "a/b_c/d-1", { start: 199_990, end: 300_000 }),
      content.subarray(199_990),
    );
    assert.deepEqual(await again.stat("a/b_c/d-1"), { sizeBytes: content.length });
    assert.deepEqual(await again.stats(), { blobs: 1, bytes: content.length });
    await again.close();
  });

  test(`${name}: a key put again holds the new content; deleting is idempotent; absent is undefined`, async () => {
    const { store } = await open();
    await store.put("k", Readable.from([Buffer.from("old")]));
    await store.put("k", Readable.from([Buffer.from("new!")]));
    assert.equal((await read(store, "k"))?.toString(), "new!");
    await store.delete("k");
    await store.delete("k");
    assert.equal(await store.get("k"), undefined);
    assert.equal(await store.stat("k"), undefined);
    assert.equal(await store.get("k/under/it"), undefined);
    assert.deepEqual(await store.put("empty", Readable.from([])), {
      sizeBytes: 0,
      md5: createHash("md5").digest("base64"),
    });
    await store.close();
  });

  test(`${name}: too large, cut off and ill-named content leaves nothing, and the old content stays`, async () => {
    const { store } = await open();
    await store.put("k", Readable.from([Buffer.from("old")]));
    await assert.rejects(store.put("k", pieces(content), { maxBytes: 1000 }), code("too-large"));
    const cut = Readable.from(
      (async function* () {
        yield content.subarray(0, 1000);
        throw new Error("connection lost");
      })(),
    );
    await assert.rejects(store.put("k", cut), /connection lost/);
    assert.equal((await read(store, "k"))?.toString(), "old");
    for (const key of [
      "",
      "/a",
      "a/",
      "a//b",
      "../a",
      "a/../b",
      "A",
      "a.b",
      "a b",
      "a\0",
      "é",
      "a/".repeat(40),
    ]) {
      await assert.rejects(store.put(key, Readable.from([content])), code("bad-request"), key);
      await assert.rejects(store.get(key), code("bad-request"), key);
    }
    assert.deepEqual(await store.stats(), { blobs: 1, bytes: 3 });
    await store.close();
  });

  test(`${name}: many puts of one key at once leave one whole content`, async () => {
    const { store } = await open();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.put("same/key", pieces(Buffer.alloc(100_000, i)))),
    );
    const left = await read(store, "same/key");
    assert.equal(left?.length, 100_000);
    assert.equal(new Set(left).size, 1);
    await store.close();
  });
}

function pieces(content: Buffer): Readable {
  const all: Buffer[] = [];
  for (let at = 0; at < content.length; at += 30_000) all.push(content.subarray(at, at + 30_000));
  return Readable.from(all);
}

async function read(store: BlobStore, key: string, range?: { start: number; end: number }) {
  const stream = await store.get(key, range);
  return stream && (await buffer(stream));
}

function code(wanted: string) {
  return (error: unknown) => error instanceof SteelyardError && error.code === wanted;
}
