import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

test("the list of benchmarks says of each what it measures", () => {
  const bench = new URL("bench.mjs", import.meta.url).pathname;
  const lines = execFileSync(process.execPath, [bench, "--list"], { encoding: "utf8" }).trim().split("\n");
  assert.ok(lines.length > 10);
  for (const line of lines) assert.match(line, /^[a-z-]+ +\S.*[.:]$/);
});
