// `node scripts/docs.mjs`: the generated parts of docs/, from the tables they describe. A test fails when they are stale.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OPTIONS } from "../packages/server/src/config.ts";
import { ROOT } from "./toolchain.mjs";

/** The text of docs/server.md with its settings table made anew. */
export function serverDocument() {
  const path = join(ROOT, "docs", "server.md");
  const rows = Object.values(OPTIONS).map(
    ({ variable, flag, default: value, text }) =>
      `| \`${variable}\` | ${flag ? `\`${flag}\`` : "–"} | ${value ? `\`${value}\`` : "–"} | ${text} |`,
  );
  const table = ["| variable | flag | default | |", "|---|---|---|---|", ...rows].join("\n");
  const before = readFileSync(path, "utf8");
  const text = before.replace(
    /<!-- generated: settings -->[\s\S]*?<!-- end -->/,
    () => `<!-- generated: settings -->\n\n${table}\n\n<!-- end -->`,
  );
  return { path, before, text };
}

if (process.argv[1] === import.meta.filename) {
  const { path, text } = serverDocument();
  writeFileSync(path, text);
}
