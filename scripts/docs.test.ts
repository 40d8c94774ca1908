import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDocument } from "./docs.mjs";

test("docs/server.md says the settings that config.ts has", () => {
  const { before, text } = serverDocument();
  assert.equal(before, text, "run: node scripts/docs.mjs");
});
