import assert from "node:assert/strict";
import { test } from "node:test";
import { axisNumber } from "./format.ts";

test("an axis has little room: thousands and millions are short", () => {
  const texts = [0, 0.005, 9500, 12_500, 200_000, -4_000_000, 1.5e9, 2e15].map(axisNumber);
  assert.deepEqual(texts, ["0", "0.005", "9500", "12.5k", "200k", "−4M", "1.5G", "2e+15"]);
});
