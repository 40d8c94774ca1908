/**
 * JSON as the client writes it: RFC 8259 plus the bare tokens `NaN`, `Infinity` and `-Infinity` wherever a value may
 * stand. Rows, events, summaries, configs, tables and artifact metadata come in this dialect.
 */

/** Deeper nesting than this is refused where the text is not plain JSON, and when writing: it is no data of a run. */
export const MAX_JSON_DEPTH = 1000;

/** Throws SyntaxError. Plain JSON costs one `JSON.parse`; only a text that it refuses is read token by token. */
export function parseExtendedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Both letters are in every one of the extra tokens; an ordinary broken text is not worth a second reading.
    if (!text.includes("NaN") && !text.includes("Infinity")) throw cause;
    return new ExtendedReader(text).document();
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS: readonly (readonly [string, unknown])[] = [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["true", true],
  ["false", false],
  ["null", null],
];

/** A line of history or system metrics: throws SyntaxError with the reason for which a store refuses it. */
export function parseRow(line: string): Record<string, unknown> {
  let row: unknown;
  try {
    row = parseExtendedJson(line);
  } catch (cause) {
    throw new SyntaxError(`not JSON: ${(cause as Error).message.slice(0, 200)}`, { cause });
  }
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as Record<string, unknown>;
  throw new SyntaxError("not a JSON object");
}

class ExtendedReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at !== this.#text.length) this.#fail("the end");
    return value;
  }

  #value(): unknown {
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
    }
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return Number(this.#match(NUMBER, "a value"));
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_JSON_DEPTH) throw new SyntaxError(`JSON is nested deeper than ${MAX_JSON_DEPTH}`);
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#space();
    if (this.#take("}")) return object;
    for (;;) {
      this.#space();
      const key = this.#string();
      this.#space();
      if (!this.#take(":")) this.#fail("':'");
      const value = this.#value();
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        object[key] = value;
      }
      this.#space();
      if (this.#take("}")) return object;
      if (!this.#take(",")) this.#fail("',' or '}'");
    }
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    this.#space();
    if (this.#take("]")) return array;
    for (;;) {
      array.push(this.#value());
      this.#space();
      if (this.#take("]")) return array;
      if (!this.#take(",")) this.#fail("',' or ']'");
    }
  }

  /** By search, not by pattern: a string of 10 MB would overflow the stack of a regular expression. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail("a string");
    let end = start;
    for (;;) {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) this.#fail("a closing quote");
      let backslashes = 0;
      while (this.#text[end - 1 - backslashes] === "\\") backslashes++;
      if (backslashes % 2 === 0) break;
    }
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, end + 1)) as string;
  }

  #match(pattern: RegExp, wanted: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return this.#fail(wanted);
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`JSON wants ${wanted} at position ${this.#at}`);
  }
}

/**
 * The inverse: numbers keep every bit (-0 too), NaN and ±Infinity are bare. What JSON has no word for (undefined,
 * functions, symbols) is left out of objects and null elsewhere, as in JSON.stringify; `toJSON` is honoured.
 */
export function stringifyExtendedJson(value: unknown): string {
  return write(value, 0) ?? "null";
}

function write(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "string":
      return JSON.stringify(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return "null";
  if (depth >= MAX_JSON_DEPTH) throw new RangeError(`value is nested deeper than ${MAX_JSON_DEPTH}`);
  if (Array.isArray(value)) {
    let text = "[";
    for (let i = 0; i < value.length; i++) {
      if (i > 0) text += ",";
      text += write(value[i], depth + 1) ?? "null";
    }
    return `${text}]`;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), depth + 1);
  let text = "{";
  for (const [key, member] of Object.entries(value)) {
    const written = write(member, depth + 1);
    if (written === undefined) continue;
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(key)}:${written}`;
  }
  return `${text}}`;
}

/**
 * True for an object that is a group of keys rather than a value: not a list, not a media object (which names itself by
 * `_type`), not empty (an empty map is a value, or it would vanish).
 */
export function isKeyGroup(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (typeof (value as Record<string, unknown>)._type === "string") return false;
  for (const _ in value) return true;
  return false;
}

/** Leaves with their dotted keys: `{"a": {"b": 1}}` gives `["a.b", 1]`. Lists and media objects are leaves. */
export function* flattenKeys(object: object): Generator<[key: string, value: unknown], void, undefined> {
  yield* flatten(object as Record<string, unknown>, "", 0);
}

function* flatten(
  object: Record<string, unknown>,
  prefix: string,
  depth: number,
): Generator<[key: string, value: unknown], void, undefined> {
  for (const [name, value] of Object.entries(object)) {
    if (depth < MAX_KEY_DEPTH && isKeyGroup(value)) yield* flatten(value, `${prefix}${name}.`, depth + 1);
    else yield [prefix + name, value];
  }
}

/** Groups nested deeper than this are values of the key above. */
export const MAX_KEY_DEPTH = 32;
