import assert from "node:assert/strict";
import { test } from "node:test";
import { humanSize, sizeOfText } from "./sizes.ts";

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

test("sizes are read in powers of 1000, of 1024 where they say so, and not at all where in doubt", () => {
  for (const [text, bytes] of [
    ["10GB", 10e9],
    ["0", 0],
    ["4096", 4096],
    ["512 b", 512],
    ["1.5 kb", 1500],
    ["2MiB", 2 * 2 ** 20],
    [" 3TB ", 3e12],
    ["1eb", 1e18],
    // The official client takes these for so many bytes, and deletes nearly everything.
    ["10G", undefined],
    ["10XB", undefined],
    ["GB", undefined],
    ["", undefined],
    ["-1", undefined],
    ["1iB", undefined],
    ["1,5GB", undefined],
  ] as const)
    assert.equal(sizeOfText(text), bytes, text);
});
