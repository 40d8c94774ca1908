/** A line of console output that is new or was rewritten. */
export interface ConsoleLine {
  number: number;
  stream: "stdout" | "stderr";
  text: string;
  /** When it was begun; later changes do not move it. */
  atMs: number;
}

/** Lines that can still be reached by the cursor; those above are what they are. */
const VIEW_LINES = 32;
/** Characters of a line that are kept; further ones are dropped, as by the official client. */
const MAX_LINE = 4096;
/** Characters of changed lines that are kept: a server that is away must not fill the process. The log has everything. */
const MAX_WAITING = 32 * 2 ** 20;
/** What a line costs beside its text, in characters. */
const LINE_COST = 50;
/** What moves the cursor. Everything else, colours among it, is text: the page shows it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const MOVES = /(\r\n|\n|\r|\x1b\[A|\x1b\[B)/;
const ASTRAL = /[\ud800-\udfff]/;

type Line = Omit<ConsoleLine, "stream">;

/** One stream's lines and cursor. */
interface View {
  lines: Line[];
  row: number;
  column: number;
}

/**
 * Console text as lines, the way a terminal shows it: a carriage return goes back to the line's beginning and what follows
 * is written over it, so that a progress bar is one line that changes; the cursor goes up and down among the last lines.
 * Each stream has its own view; numbers are given in order of appearance.
 */
export class Terminal {
  #next: number;
  readonly #views: Record<"stdout" | "stderr", View> = {
    stdout: { lines: [], row: 0, column: 0 },
    stderr: { lines: [], row: 0, column: 0 },
  };
  readonly #changed = new Map<number, ConsoleLine>();
  #characters = 0;
  /** Lines that nobody took in time. */
  dropped = 0;

  constructor(firstNumber: number) {
    this.#next = firstNumber;
  }

  write(stream: "stdout" | "stderr", text: string, atMs: number): void {
    const view = this.#views[stream];
    for (const part of text.split(MOVES)) {
      switch (part) {
        case "":
          break;
        case "\n":
        case "\r\n":
          // An empty line is a line.
          this.#lineOf(view, stream, atMs);
          this.#down(view);
          view.column = 0;
          break;
        case "\r":
          view.column = 0;
          break;
        case "\x1b[A":
          view.row = Math.max(0, view.row - 1);
          break;
        case "\x1b[B":
          this.#lineOf(view, stream, atMs);
          this.#down(view);
          break;
        default:
          this.#put(view, stream, part, atMs);
      }
    }
  }

  #down(view: View): void {
    view.row++;
    if (view.row < VIEW_LINES) return;
    view.lines.shift();
    view.row--;
  }

  /** The line under the cursor, and those above it that nobody wrote to. */
  #lineOf(view: View, stream: "stdout" | "stderr", atMs: number): Line {
    while (view.lines.length <= view.row) {
      const line = { number: this.#next++, text: "", atMs };
      view.lines.push(line);
      this.#change(line, stream);
    }
    return view.lines[view.row] as Line;
  }

  #put(view: View, stream: "stdout" | "stderr", part: string, atMs: number): void {
    const line = this.#lineOf(view, stream, atMs);
    line.text = written(line.text, view.column, part);
    view.column += ASTRAL.test(part) ? [...part].length : part.length;
    this.#change(line, stream);
  }

  /**
   * Changed lines, lowest number first, as stretches of consecutive numbers: about `maxCharacters` of them, one at least.
   * What is not taken stays changed.
   */
  take(maxCharacters: number): ConsoleLine[][] {
    const stretches: ConsoleLine[][] = [];
    let characters = 0;
    let before = Number.NaN;
    for (const line of [...this.#changed.values()].sort((a, b) => a.number - b.number)) {
      if (characters > maxCharacters) break;
      characters += line.text.length;
      this.#forget(line);
      if (line.number === before + 1) stretches.at(-1)?.push(line);
      else stretches.push([line]);
      before = line.number;
    }
    return stretches;
  }

  #change(line: Line, stream: "stdout" | "stderr"): void {
    const known = this.#changed.get(line.number);
    if (known) this.#forget(known);
    const changed = { ...line, stream };
    this.#changed.set(line.number, changed);
    this.#characters += line.text.length + LINE_COST;
    while (this.#characters > MAX_WAITING && this.#changed.size > 1) {
      const [oldest] = this.#changed.values();
      this.#forget(oldest as ConsoleLine);
      this.dropped++;
    }
  }

  #forget({ number, text }: ConsoleLine): void {
    this.#changed.delete(number);
    this.#characters -= text.length + LINE_COST;
  }

  get changed(): boolean {
    return this.#changed.size > 0;
  }
}

/** `part` over `before` from that character on. Characters are code points: an emoji is one. */
function written(before: string, column: number, part: string): string {
  if (!ASTRAL.test(before) && !ASTRAL.test(part)) {
    const start = before.length < column ? before.padEnd(column) : before.slice(0, column);
    return (start + part + before.slice(column + part.length)).slice(0, MAX_LINE);
  }
  const characters = [...before];
  while (characters.length < column) characters.push(" ");
  const added = [...part];
  characters.splice(column, added.length, ...added);
  return characters.slice(0, MAX_LINE).join("");
}
