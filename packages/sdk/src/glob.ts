import { readdirSync } from "node:fs";
import { isAbsolute, join, sep } from "node:path";
import { globMatcher, isGlob } from "@steelyard/protocol/globs";

/**
 * Files and folders whose path is of the pattern, sorted; relative ones as seen from `from`. Names that begin with a dot
 * are found only by a pattern that has the dot. Folders that cannot be read hold nothing. Our own, because Node has one
 * from 22 on only.
 */
export function globPaths(pattern: string, from = process.cwd()): string[] {
  const slashed = sep === "\\" ? pattern.replaceAll(sep, "/") : pattern;
  const absolute = isAbsolute(pattern);
  const labels = slashed.split("/").filter((label, at) => label !== "." && (label !== "" || at === 0));
  const fixed = labels.findIndex(isGlob);
  const base = fixed < 0 ? labels.slice(0, -1) : labels.slice(0, fixed);
  const rest = labels.slice(base.length);
  const found = new Set<string>();
  const below = (folder: string, at: number): void => {
    const label = rest[at];
    if (label === undefined) return;
    if (label === "**") below(folder, at + 1);
    for (const entry of entriesOf(absolute ? folder || "/" : join(from, folder))) {
      const path = folder === "" && !absolute ? entry.name : `${folder}/${entry.name}`;
      const hidden = entry.name.startsWith(".") && !label.startsWith(".");
      if (hidden) continue;
      if (label === "**") {
        if (at === rest.length - 1) found.add(path);
        if (entry.isDirectory()) below(path, at);
      } else if (globMatcher(label)(entry.name)) {
        if (at === rest.length - 1) found.add(path);
        else below(path, at + 1);
      }
    }
  };
  below(base.join("/"), 0);
  return [...found].sort();
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
