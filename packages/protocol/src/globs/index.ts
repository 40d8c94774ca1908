/**
 * Patterns of file paths in the syntax of the official client's uploader, Go's `filepath.Match`: `*` and `?` stop at `/`,
 * `[a-z]` and `[^a]` are one character of a class, `\` takes the next character as it is; the whole path must match.
 * Beside it `**` goes over `/`, and `**` + `/` may stand for no folder at all.
 */

/** The pattern can match nothing; the message names what would be right. */
export class GlobError extends Error {}

/** Tells whether a path, with `/`, matches. Throws GlobError when the pattern is malformed. */
export function globMatcher(pattern: string): (path: string) => boolean {
  const expression = new RegExp(`^${new GlobReading(pattern).source()}$`, "su");
  return (path) => expression.test(path);
}

/** True when something in the text makes it a pattern. */
export const isGlob = (text: string): boolean => /[*?[]/.test(text);

class GlobReading {
  readonly #pattern: string;
  /** Code points: an emoji is one character for `?`. */
  readonly #letters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#letters = [...pattern];
  }

  source(): string {
    let source = "";
    while (this.#at < this.#letters.length) source += this.#part();
    return source;
  }

  #part(): string {
    const letter = this.#letters[this.#at++] as string;
    if (letter === "?") return "[^/]";
    if (letter === "[") return this.#class();
    if (letter === "\\") return literal(this.#escaped());
    if (letter !== "*") return literal(letter);
    if (this.#letters[this.#at] !== "*") return "[^/]*";
    while (this.#letters[this.#at] === "*") this.#at++;
    if (this.#letters[this.#at] !== "/") return ".*";
    this.#at++;
    return "(?:.*/)?";
  }

  #escaped(): string {
    const letter = this.#letters[this.#at++];
    if (letter === undefined)
      throw new GlobError(`patterns that do not end in \\; ${JSON.stringify(this.#pattern)} does`);
    return letter;
  }

  #class(): string {
    const negated = this.#letters[this.#at] === "^";
    if (negated) this.#at++;
    let members = "";
    do {
      const low = this.#member();
      let high = low;
      if (this.#letters[this.#at] === "-") {
        this.#at++;
        high = this.#member();
      }
      // Of a range the wrong way round there is no character.
      if (low <= high) members += `${inClass(low)}-${inClass(high)}`;
    } while (this.#letters[this.#at] !== "]");
    this.#at++;
    return `[${negated ? "^" : ""}${members}]`;
  }

  #member(): string {
    const letter = this.#letters[this.#at];
    if (letter === undefined)
      throw new GlobError(`patterns with every [ closed by ]; ${JSON.stringify(this.#pattern)} is not`);
    if (letter === "-" || letter === "]")
      throw new GlobError(
        `patterns with a \\ before - and ] in a class; ${JSON.stringify(this.#pattern)} lacks it`,
      );
    this.#at++;
    return letter === "\\" ? this.#escaped() : letter;
  }
}

function literal(letter: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(letter) ? `\\${letter}` : letter;
}

/** Only within a class may `-` be escaped. */
function inClass(letter: string): string {
  return letter === "-" ? "\\-" : literal(letter);
}
