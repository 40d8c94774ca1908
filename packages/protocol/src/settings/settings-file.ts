/**
 * Settings files: INI with one section that counts, `[default]`, read as Python's configparser reads them (see
 * data of `wandb init`): keys in any case, `=` or `:`, comments only on lines of their own, indented lines go on with the
 * value, `%(key)s` is replaced. A `%` alone stands for itself, which configparser refuses.
 */
export interface FileEntry {
  /** Lower case. */
  key: string;
  value: string;
  /** From 1. */
  line: number;
}

/** A file that cannot be read as a whole; nothing of it counts. */
export class SettingsFileError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const SECTION = "default";
/** Configparser's: gives values to the others, and nothing by itself. */
const BASE_SECTION = "DEFAULT";
const MAX_NESTED = 10;

/** Throws SettingsFileError. */
export function parseSettingsFile(text: string): FileEntry[] {
  const sections = new Map<string, Map<string, FileEntry>>();
  let section: Map<string, FileEntry> | undefined;
  let open: FileEntry | undefined;
  for (const [at, raw] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = at + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith("#") || content.startsWith(";")) continue;
    if (open && /^\s/.test(raw)) {
      open.value += `\n${content}`;
      continue;
    }
    open = undefined;
    const header = /^\[([^\]]+)\]$/.exec(content)?.[1];
    if (header !== undefined) {
      if (sections.has(header)) throw new SettingsFileError(line, `section [${header}] is there twice`);
      section = new Map();
      sections.set(header, section);
      continue;
    }
    if (!section) throw new SettingsFileError(line, "a line before the first section; begin with [default]");
    const pair = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(content);
    if (!pair) throw new SettingsFileError(line, `"${content}" is no line of the form key = value`);
    const key = (pair[1] ?? "").toLowerCase();
    if (section.has(key)) throw new SettingsFileError(line, `${key} is there twice`);
    open = { key, value: pair[2] ?? "", line };
    section.set(key, open);
  }
  const own = sections.get(SECTION);
  if (!own) return [];
  const all = new Map([...(sections.get(BASE_SECTION) ?? []), ...own]);
  return [...all.values()].map((entry) => ({ ...entry, value: interpolated(entry.value, all, MAX_NESTED) }));
}

function interpolated(value: string, all: ReadonlyMap<string, FileEntry>, depth: number): string {
  return value.replace(/%%|%\(([^)]+)\)s/g, (found, name?: string) => {
    if (found === "%%") return "%";
    const other = all.get((name ?? "").toLowerCase());
    return other && depth > 0 ? interpolated(other.value, all, depth - 1) : found;
  });
}

/**
 * The text of a settings file with these values set (undefined: removed). Comments, other sections and keys stay as they
 * are.
 */
export function editSettingsFile(
  text: string,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const kept: string[] = [];
  const left = new Map(Object.entries(changes).map(([key, value]) => [key.toLowerCase(), value]));
  let here = false;
  let dropping = false;
  let end = -1;
  for (const line of lines) {
    const header = /^\s*\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (header !== undefined) here = header === SECTION;
    if (dropping && /^\s+\S/.test(line)) continue;
    dropping = false;
    const key = here ? /^([^\s#;=:[][^=:]*?)\s*[=:]/.exec(line)?.[1]?.toLowerCase() : undefined;
    if (key !== undefined && left.has(key)) {
      const value = left.get(key);
      left.delete(key);
      dropping = true;
      if (value !== undefined) kept.push(entryText(key, value));
    } else kept.push(line);
    if (here && line.trim() !== "") end = kept.length;
  }
  const added = [...left].flatMap(([key, value]) => (value === undefined ? [] : [entryText(key, value)]));
  if (end < 0) kept.push(...(kept.length > 0 ? [""] : []), `[${SECTION}]`, ...added);
  else kept.splice(end, 0, ...added);
  while (kept.at(-1)?.trim() === "") kept.pop();
  return `${kept.join("\n")}\n\n`;
}

/** `%` would begin an interpolation, a line without indent another key. */
function entryText(key: string, value: string): string {
  return `${key} = ${value.replaceAll("%", "%%").replaceAll("\n", "\n\t")}`;
}
