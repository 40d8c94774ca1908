import { readFileSync, writeFileSync } from "node:fs";
import { absolute, joined, type Machine } from "@steelyard/protocol/settings";

/** The user's netrc: where `wandb login` and `steelyard login` keep keys, by host and port. */

/** NETRC when it is set, there or not; else `~/.netrc`, else `~/_netrc`, else the platform's usual name. */
export function netrcPath(machine: Machine): string {
  const given = machine.environment.NETRC;
  if (given) return absolute(machine, given);
  const names = [".netrc", "_netrc"].map((name) => joined(machine, machine.home, name));
  return names.find((path) => machine.exists(path)) ?? names[machine.platform === "win32" ? 1 : 0] ?? "";
}

/** A line that cannot be understood; nothing of the file counts. */
export class NetrcError extends Error {}

interface Entry {
  /** Undefined: the `default` entry. */
  machine: string | undefined;
  password: string | undefined;
}

/** The password for `host[:port]`, exactly; of several the last. The `default` entry serves whoever has none. */
export function netrcPassword(text: string, host: string): string | undefined {
  const entries = parseNetrc(text);
  const own = entries.filter(({ machine }) => machine === host).at(-1);
  return (own ?? entries.filter(({ machine }) => machine === undefined).at(-1))?.password;
}

const FIELDS = new Set(["login", "user", "account", "password"]);

function parseNetrc(text: string): Entry[] {
  const entries: Entry[] = [];
  const words = wordsOf(text);
  for (let at = 0; at < words.length; ) {
    const { word, line } = words[at] ?? { word: "", line: 0 };
    if (word === "macdef") {
      // A macro lasts until an empty line; it has nothing for us.
      const end = words.findIndex((next, i) => i > at && next.afterEmptyLine);
      at = end < 0 ? words.length : end;
      continue;
    }
    if (word !== "machine" && word !== "default")
      throw new NetrcError(`line ${line}: "${word.slice(0, 20)}" where machine or default should be`);
    const entry: Entry = { machine: word === "machine" ? words[++at]?.word : undefined, password: undefined };
    for (at++; FIELDS.has(words[at]?.word ?? ""); at += 2)
      if (words[at]?.word === "password") entry.password = words[at + 1]?.word;
    entries.push(entry);
  }
  return entries;
}

interface Word {
  word: string;
  line: number;
  afterEmptyLine: boolean;
}

/** Words between blanks; in double quotes a backslash takes the next character as it is; `#` begins a comment. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let afterEmptyLine = false;
  for (const [at, content] of text.split(/\r?\n/).entries()) {
    if (content.trim() === "") afterEmptyLine = true;
    for (const [found, quoted] of content.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)) {
      if (found.startsWith("#")) break;
      words.push({
        word: quoted === undefined ? found : quoted.replace(/\\(.)/g, "$1"),
        line: at + 1,
        afterEmptyLine,
      });
      afterEmptyLine = false;
    }
  }
  return words;
}

/**
 * The text with the entry of `host` replaced by one with this password, or without it. What belongs to others stays, in
 * its order.
 */
export function editNetrc(text: string, host: string, password: string | undefined): string {
  const kept: string[] = [];
  let dropping = false;
  for (const line of text.split(/\r?\n/)) {
    const [first, name] = line.trim().split(/\s+/);
    if (first === "machine" || first === "default") dropping = first === "machine" && name === host;
    if (!dropping) kept.push(line);
  }
  while (kept.at(-1)?.trim() === "") kept.pop();
  if (password !== undefined) kept.push(`machine ${host}`, "  login user", `  password ${quoted(password)}`);
  return kept.length > 0 ? `${kept.join("\n")}\n` : "";
}

const quoted = (password: string) =>
  /^[^\s"#\\]+$/.test(password) ? password : `"${password.replace(/["\\]/g, "\\$&")}"`;

/**
 * Keep a key, or (undefined) forget it. A new file is for its owner only; the mode of one that is there stays. False: there
 * is none to forget.
 */
export function writeNetrc(path: string, host: string, password: string | undefined): boolean {
  let before = "";
  try {
    before = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (password === undefined) return false;
  }
  const after = editNetrc(before, host, password);
  if (password === undefined && after.trimEnd() === before.replaceAll("\r\n", "\n").trimEnd()) return false;
  writeFileSync(path, after, { mode: 0o600 });
  return true;
}
