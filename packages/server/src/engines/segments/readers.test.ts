import assert from "node:assert/strict";
import { test } from "node:test";
import type { CalledWorker } from "../worker-calls.ts";
import { Readers } from "./readers.ts";

function counted() {
  const started: number[] = [];
  const readers = new Readers((cacheBytes) => {
    started.push(cacheBytes);
    return { call: async () => "answer" } as unknown as CalledWorker;
  });
  return { started, readers };
}

test("no reader runs before a question is near, and the first question finds the one that was woken", async () => {
  const { started, readers } = counted();
  assert.equal(started.length, 0);
  readers.wake();
  readers.wake();
  assert.equal(started.length, 1);
  assert.equal(await readers.ask("counts", []), "answer");
  assert.equal(started.length, 1);
});

test("a question that comes unannounced starts its reader", async () => {
  const { started, readers } = counted();
  assert.equal(await readers.ask("counts", []), "answer");
  assert.equal(started.length, 1);
});
