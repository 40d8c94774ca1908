import assert from "node:assert/strict";
import { test } from "node:test";
import { isFinal, retryAfterMs, waitMs } from "./retry.ts";

test("waits double from the first to the longest, each up to a quarter longer", () => {
  const patience = { retries: 20, firstWaitMs: 2000, longestWaitMs: 60_000, timeoutMs: 0 };
  for (let tried = 0; tried < 20; tried++) {
    const wait = waitMs(tried, patience);
    const least = Math.min(60_000, 2000 * 2 ** tried);
    assert.ok(wait >= least && wait <= Math.min(60_000, least * 1.25), `${tried}: ${wait}`);
  }
});

test("Retry-After: seconds, fractions, a date, what is past, what is nothing", () => {
  const now = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT");
  assert.equal(retryAfterMs("3", now), 3000);
  assert.equal(retryAfterMs("0.5", now), 500);
  assert.equal(retryAfterMs("0", now), 0);
  assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:28:07 GMT", now), 7000);
  assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:00:00 GMT", now), 0);
  for (const nothing of [undefined, "", " ", "soon", "-1"])
    assert.equal(retryAfterMs(nothing, now), undefined);
});

test("what is tried again: as the official client", () => {
  const final = [400, 401, 402, 403, 404, 407, 409, 410, 413, 422, 501];
  for (let status = 400; status < 620; status++)
    assert.equal(isFinal(status), final.includes(status), String(status));
});
