import { readdirSync } from "node:fs";
import { isAbsolute, join, sep } from "node:path";

/**
 * Patterns of file names, as the official client's uploader reads them (Go's `filepath.Match`): `*` and `?` stop at `/`,
 * `[a-z]`, `[^a]`, `\` before any character; and `**`, which does not stop. Our own, because Node has one from 22 on only.
 */
export function globMatcher(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === "\\") source += literal(pattern[++at] ?? "");
    else if (character === "?") source += "[^/]";
    else if (pattern.startsWith("**/", at) && (at === 0 || pattern[at - 1] === "/")) {
      source += "(?:.*/)?";
      at += 2;
    } else if (pattern.startsWith("**", at)) {
      source += ".*";
      at++;
    } else if (character === "*") source += "[^/]*";
    else if (character === "[") {
      const negated = pattern[at + 1] === "^";
      // A ] right at the beginning stands for itself.
      const end = pattern.indexOf("]", at + (negated ? 3 : 2));
      if (end < 0) throw new RangeError(`the pattern ${JSON.stringify(pattern)} has a [ without its ]`);
      const inside = pattern.slice(at + (negated ? 2 : 1), end).replace(/[\\[\]^]/g, "\\$&");
      source += `(?!/)[${negated ? "^" : ""}${inside}]`;
      at = end;
    } else source += literal(character);
  }
  return new RegExp(`^${source}$`, "su");
}

const literal = (character: string) => character.replace(/[$()*+.?[\\\]^{|}/]/, "\\$&");

/** True when something in the text makes it a pattern. */
export const isGlob = (text: string): boolean => /[*?[]/.test(text);

/**
 * Files and folders whose path is of the pattern, sorted; relative ones as seen from `from`. Names that begin with a dot
 * are found only by a pattern that has the dot. Folders that cannot be read hold nothing.
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
      } else if (globMatcher(label).test(entry.name)) {
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
