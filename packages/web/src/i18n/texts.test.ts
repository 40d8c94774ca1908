import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXPRESSION_PROBLEMS } from "@steelyard/protocol/expressions";
import { en } from "./en.ts";

test("what may be wrong with an expression is said as the server says it", () => {
  const head = "expression.problem.";
  const own = Object.entries(en).flatMap(([key, text]) =>
    key.startsWith(head) ? [[key.slice(head.length), text]] : [],
  );
  assert.deepEqual(Object.fromEntries(own), EXPRESSION_PROBLEMS);
});

test("every text is shown somewhere", () => {
  const folder = join(import.meta.dirname, "..");
  const source = globSync("**/*.{ts,tsx}", { cwd: folder })
    .filter((path) => !path.startsWith("i18n/"))
    .map((path) => readFileSync(join(folder, path), "utf8"))
    .join("\n");
  // Those that are put together: `state.${…}`.
  const beginnings = new Set(
    Array.from(source.matchAll(/`([\w.]+\.)\$\{/g), ([, beginning]) => beginning ?? ""),
  );
  const unused = Object.keys(en).filter(
    (key) => !source.includes(`"${key}"`) && ![...beginnings].some((beginning) => key.startsWith(beginning)),
  );
  assert.deepEqual(unused, []);
});
