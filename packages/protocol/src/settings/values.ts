import type { Branch, Kind, Setting } from "./setting.ts";

/** A value that cannot be; the message says what can. */
export class ValueError extends Error {}

const YES = new Set(["1", "true", "t", "yes", "y", "on"]);
const NO = new Set(["0", "false", "f", "no", "n", "off"]);

export interface Parsed {
  /** Undefined = nothing was said. */
  value: unknown;
  warning?: string;
}

/** From a variable or a settings file. A text that is empty or blank says nothing. Throws ValueError. */
export function parseText(setting: Setting, text: string, source: "environment" | "file"): Parsed {
  if (text.trim() === "") return { value: undefined };
  const { value: tidied, warning } = setting.tidy?.(text) ?? { value: text };
  const value = PARSERS[setting.kind](tidied, setting);
  check(setting, value, source);
  return warning === undefined ? { value } : { value, warning };
}

/** From code: the type itself, or a text where the type is written as one. Null and undefined say nothing. */
export function parseGiven(setting: Setting, given: unknown): Parsed {
  if (given === undefined || given === null) return { value: undefined };
  const value = typeOf(setting, given);
  check(setting, value, "code");
  return { value };
}

function typeOf(setting: Setting, given: unknown): unknown {
  switch (setting.kind) {
    case "flag":
      return typeof given === "boolean" ? given : PARSERS.flag(asText(given, "true or false"), setting);
    case "choice":
      return PARSERS.choice(
        typeof given === "boolean" ? String(given) : asText(given, one(setting)),
        setting,
      );
    case "number":
    case "integer":
      return PARSERS[setting.kind](String(given), setting);
    case "list":
      if (typeof given === "string") return PARSERS.list(given, setting);
      if (!Array.isArray(given) || !given.every((item) => typeof item === "string"))
        throw new ValueError("a list of texts");
      return [...new Set(given)];
    case "integers":
      return PARSERS.integers(Array.isArray(given) ? JSON.stringify(given) : String(given), setting);
    case "map":
      return PARSERS.map(typeof given === "string" ? given : JSON.stringify(given), setting);
    case "branch":
      return isBranch(given) ? given : PARSERS.branch(asText(given, BRANCH), setting);
    case "url": {
      const text = asText(given, "a text");
      return setting.tidy?.(text).value ?? text;
    }
    case "text":
    case "path":
      return asText(given, "a text");
  }
}

function asText(given: unknown, allowed: string): string {
  if (typeof given === "string") return given;
  throw new ValueError(allowed);
}

function check(setting: Setting, value: unknown, source: "environment" | "file" | "code"): void {
  if (!setting.check || value === undefined) return;
  for (const text of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const allowed = setting.check(String(text), source);
    if (allowed !== undefined) throw new ValueError(allowed);
  }
}

type Parser = (text: string, setting: Setting) => unknown;

const BRANCH = "RUN?_step=NUMBER, such as a1b2c3d4?_step=100";

const PARSERS: Record<Kind, Parser> = {
  text: (text) => text,
  path: (text) => text,
  url: (text) => text,
  flag(text) {
    const word = text.trim().toLowerCase();
    if (YES.has(word)) return true;
    if (NO.has(word)) return false;
    throw new ValueError("true or false (also 1, t, yes, y, on and 0, f, no, n, off)");
  },
  choice(text, setting) {
    const word = text.trim().toLowerCase();
    if (setting.words && Object.hasOwn(setting.words, word)) return setting.words[word];
    if (setting.choices?.includes(word)) return word;
    throw new ValueError(one(setting));
  },
  list(text) {
    const items = text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    return items.length > 0 ? [...new Set(items)] : undefined;
  },
  number: (text, setting) => inBounds(text, setting, "a number"),
  integer(text, setting) {
    const value = inBounds(text, setting, "a whole number");
    if (!Number.isSafeInteger(value)) throw new ValueError(`a whole number${bounds(setting)}`);
    return value;
  },
  integers(text) {
    const trimmed = text.trim();
    const list = json(trimmed.startsWith("[") ? trimmed : `[${trimmed}]`);
    if (Array.isArray(list) && list.every(Number.isSafeInteger)) return list;
    throw new ValueError("whole numbers: 0,1 or [0, 1]");
  },
  map(text) {
    const value = json(text);
    if (
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((item) => typeof item === "string")
    )
      return value;
    throw new ValueError('a JSON object of texts, such as {"X-Team": "a"}');
  },
  branch(text) {
    const match = /^([^?]+)\?([^=]+)=(.+)$/.exec(text.trim());
    const value = Number(match?.[3]);
    if (!match?.[1] || match[2] !== "_step" || !Number.isFinite(value)) throw new ValueError(BRANCH);
    return { run: match[1], metric: match[2], value } satisfies Branch;
  },
};

function isBranch(given: unknown): given is Branch {
  const { run, metric, value } = (given ?? {}) as Partial<Branch>;
  return typeof run === "string" && metric === "_step" && typeof value === "number" && Number.isFinite(value);
}

function inBounds(text: string, setting: Setting, what: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = setting;
  if (Number.isFinite(value) && value >= min && value <= max) return value;
  throw new ValueError(what + bounds(setting));
}

function bounds({ min, max }: Setting): string {
  if (min === undefined && max === undefined) return "";
  return max === undefined ? ` from ${min}` : ` from ${min ?? "-∞"} to ${max}`;
}

function one(setting: Setting): string {
  return `one of ${(setting.choices ?? []).join(", ")}`;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is allowed, for documents: `true or false`, `one of a, b`. */
export function allowedValues(setting: Setting): string {
  switch (setting.kind) {
    case "flag":
      return "true, false";
    case "choice":
      return (setting.choices ?? []).join(", ");
    case "number":
      return `number${bounds(setting)}`;
    case "integer":
      return `whole number${bounds(setting)}`;
    case "list":
      return "list, separated by commas";
    case "integers":
      return "0,1";
    case "map":
      return '{"name": "value"}';
    case "branch":
      return "RUN?_step=NUMBER";
    case "url":
      return "http(s)://…";
    case "path":
      return "path";
    case "text":
      return "text";
  }
}
