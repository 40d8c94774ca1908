import assert from "node:assert/strict";
import { test } from "node:test";
import { humanSize } from "./sizes.ts";

test("sizes are written as the official client writes them", () => {
  for (const [bytes, text] of [
    [0, "0.0B"],
    [7, "7.0B"],
    [1023, "1023.0B"],
    [1024, "1.0KB"],
    [1_550_000, "1.6MB"],
    [1_023_950, "1.0MB"],
    [5 * 10 ** 21, "5000.0EB"],
  ] as const)
    assert.equal(humanSize(bytes), text);
});
