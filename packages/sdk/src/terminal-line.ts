/** Characters of a line that are kept; further ones are dropped, as by the official client. */
export const MAX_LINE = 4096;
const ASTRAL = /[\ud800-\udfff]/;

/**
 * A line of a terminal: characters, each with the colours and attributes it was written in. Characters are code points: an
 * emoji is one. What has no style stays a plain text, which nearly every line is.
 */
export class TerminalLine {
  readonly number: number;
  /** When it was begun; later changes do not move it. */
  readonly atMs: number;
  #plain = "";
  /** In place of `#plain` once there is a style or a character of two units. */
  #cells: { characters: string[]; styles: string[] } | undefined;

  constructor(number: number, atMs: number) {
    this.number = number;
    this.atMs = atMs;
  }

  /** `part` over what is there, from that column on; returns how many columns it takes. */
  put(column: number, part: string, style: string): number {
    if (style === "" && this.#cells === undefined && !ASTRAL.test(part)) {
      const before = this.#plain;
      const start = before.length < column ? before.padEnd(column) : before.slice(0, column);
      this.#plain = (start + part + before.slice(column + part.length)).slice(0, MAX_LINE);
      return part.length;
    }
    const { characters, styles } = this.#asCells();
    const added = [...part];
    for (let at = characters.length; at < Math.min(column, MAX_LINE); at++) {
      characters.push(" ");
      styles.push("");
    }
    for (let at = 0; at < added.length && column + at < MAX_LINE; at++) {
      characters[column + at] = added[at] as string;
      styles[column + at] = style;
    }
    return added.length;
  }

  #asCells(): { characters: string[]; styles: string[] } {
    if (!this.#cells) {
      const characters = [...this.#plain];
      this.#cells = { characters, styles: characters.map(() => "") };
      this.#plain = "";
    }
    return this.#cells;
  }

  /** What stands from that column on goes. */
  cut(column: number): void {
    if (!this.#cells) this.#plain = this.#plain.slice(0, column);
    else
      for (const cells of [this.#cells.characters, this.#cells.styles])
        cells.length = Math.min(cells.length, column);
  }

  /** Blanks up to that column. */
  blank(column: number): void {
    const length = this.#cells?.characters.length ?? this.#plain.length;
    if (length <= column) this.cut(0);
    else this.put(0, " ".repeat(column), "");
  }

  /** With the sequences that set each style, and an end to the last. */
  get text(): string {
    if (!this.#cells) return this.#plain;
    const { characters, styles } = this.#cells;
    let text = "";
    let now = "";
    for (const [at, character] of characters.entries()) {
      const style = styles[at] as string;
      if (style !== now) text += style === "" ? "\x1b[0m" : `\x1b[${now === "" ? "" : "0;"}${style}m`;
      now = style;
      text += character;
    }
    return now === "" ? text : `${text}\x1b[0m`;
  }
}

/** The style after a sequence `ESC [ parameters m`; a style is the parameters that make it, "" is none. */
export function styleAfter(before: string, parameters: string): string {
  let codes = before === "" ? [] : splitCodes(before);
  for (const code of splitCodes(parameters)) {
    const number = Number.parseInt(code, 10) || 0;
    if (number === 0) codes = [];
    else {
      const [group, sets] = groupOf(number);
      codes = codes.filter((other) => group === "" || groupOf(Number.parseInt(other, 10))[0] !== group);
      if (sets) codes.push(code);
    }
  }
  return codes.join(";");
}

/** `38;5;n`, `38;2;r;g;b` and those of 48 and 58 are one code of several numbers. */
function splitCodes(parameters: string): string[] {
  const numbers = parameters.split(";");
  const codes: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    const wide = ["38", "48", "58"].includes(numbers[at] as string);
    const count = !wide ? 1 : numbers[at + 1] === "2" ? 5 : 3;
    codes.push(numbers.slice(at, at + count).join(";"));
    at += count;
  }
  return codes;
}

/** What a code replaces, and whether it sets something (or only ends it); "" when it means nothing here. */
function groupOf(code: number): [group: string, sets: boolean] {
  if (code === 1 || code === 2 || code === 22) return ["weight", code !== 22];
  if (code === 4 || code === 21 || code === 24) return ["underline", code !== 24];
  if (code >= 3 && code <= 9) return [code === 6 ? "5" : String(code), true];
  if (code >= 23 && code <= 29) return [String(code - 20), false];
  if ((code >= 30 && code <= 39) || (code >= 90 && code <= 97)) return ["colour", code !== 39];
  if ((code >= 40 && code <= 49) || (code >= 100 && code <= 107)) return ["ground", code !== 49];
  if (code === 58 || code === 59) return ["line", code === 58];
  return ["", false];
}
