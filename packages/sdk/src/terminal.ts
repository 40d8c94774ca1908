import { MAX_LINE, styleAfter, TerminalLine } from "./terminal-line.ts";

/** A line of console output that is new or was rewritten. */
export interface ConsoleLine {
  number: number;
  stream: "stdout" | "stderr";
  text: string;
  /** When it was begun; later changes do not move it. */
  atMs: number;
}

type Stream = ConsoleLine["stream"];

/** Lines that can still be reached by the cursor; those above are what they are. */
const VIEW_LINES = 32;
/** Characters of changed lines that are kept: a server that is away must not fill the process. The log has everything. */
const MAX_WAITING = 32 * 2 ** 20;
/** What a line costs beside its text, in characters. */
const LINE_COST = 50;
/** What moves the cursor, erases or sets colours: group 1 = parameters, 2 = letter of a control sequence. Titles are dropped. */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /\r\n|[\n\r\b]|\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;
/** A control sequence that the next write may complete. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CUT = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$/;
/** No sequence is longer: what is, is text. */
const LONGEST_CUT = 1024;
/** Of a line too long for one. */
const PIECES = new RegExp(`.{1,${MAX_LINE}}`, "gsu");

/** One stream's lines and cursor. */
interface View {
  lines: TerminalLine[];
  row: number;
  column: number;
  style: string;
  /** The beginning of a sequence that is not complete yet. */
  cut: string;
}

const newView = (): View => ({ lines: [], row: 0, column: 0, style: "", cut: "" });

/**
 * Console text as lines, the way a terminal shows it: a carriage return goes back to the line's beginning and what follows
 * is written over it, so that a progress bar is one line that changes; the cursor moves among the last lines, which can be
 * erased, and colours stay with the characters they were written in. Clearing the screen begins a new line: a log keeps
 * what a screen forgets. Each stream has its own view; numbers are given in order of appearance.
 */
export class Terminal {
  #next: number;
  readonly #views: Record<Stream, View> = {
    stdout: newView(),
    stderr: newView(),
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
    const all = view.cut + text;
    view.cut = CUT.exec(all)?.[0] ?? "";
    if (view.cut.length > LONGEST_CUT) view.cut = "";
    const end = all.length - view.cut.length;
    let from = 0;
    for (const control of all.matchAll(CONTROL)) {
      if (control.index >= end) break;
      if (control.index > from) this.#put(view, stream, all.slice(from, control.index), atMs);
      from = control.index + control[0].length;
      this.#control(view, stream, control, atMs);
    }
    if (end > from) this.#put(view, stream, all.slice(from, end), atMs);
  }

  #control(
    view: View,
    stream: Stream,
    [sequence, parameters = "", letter]: RegExpExecArray,
    atMs: number,
  ): void {
    if (letter === undefined) {
      if (sequence === "\r") view.column = 0;
      else if (sequence === "\b") view.column = Math.max(0, view.column - 1);
      else if (sequence.endsWith("\n")) this.#newLine(view, stream, atMs);
      return;
    }
    // Of private modes, such as a hidden cursor, a log shows nothing.
    if (!/^[\d;:]*$/.test(parameters)) return;
    const number = Number.parseInt(parameters, 10) || 0;
    const count = Math.max(1, number);
    switch (letter) {
      case "m":
        view.style = styleAfter(view.style, parameters);
        break;
      case "A":
      case "F":
        view.row = Math.max(0, view.row - count);
        if (letter === "F") view.column = 0;
        break;
      case "B":
      case "E":
        for (let at = 0; at < Math.min(count, VIEW_LINES); at++) {
          this.#lineOf(view, stream, atMs);
          this.#down(view);
        }
        if (letter === "E") view.column = 0;
        break;
      case "C":
        view.column = Math.min(MAX_LINE, view.column + count);
        break;
      case "D":
        view.column = Math.max(0, view.column - count);
        break;
      case "G":
        view.column = Math.min(MAX_LINE, count - 1);
        break;
      case "K":
        this.#erase(view.lines[view.row], stream, view.column, number);
        break;
      case "J":
        if (number > 0) this.#newScreen(view, stream, atMs);
        else {
          this.#erase(view.lines[view.row], stream, view.column, 0);
          for (const line of view.lines.slice(view.row + 1)) this.#erase(line, stream, 0, 2);
        }
        break;
      case "H":
      case "f":
        this.#newScreen(view, stream, atMs);
        break;
    }
  }

  #newScreen(view: View, stream: Stream, atMs: number): void {
    view.row = Math.max(0, view.lines.length - 1);
    if (view.lines[view.row]?.text) this.#newLine(view, stream, atMs);
    view.column = 0;
  }

  /** 0: from the column on, 1: up to it, 2: all of the line. */
  #erase(line: TerminalLine | undefined, stream: Stream, column: number, what: number): void {
    if (!line) return;
    if (what === 1) line.blank(column + 1);
    else line.cut(what === 0 ? column : 0);
    this.#change(line, stream);
  }

  #newLine(view: View, stream: Stream, atMs: number): void {
    // An empty line is a line.
    this.#lineOf(view, stream, atMs);
    this.#down(view);
    view.column = 0;
  }

  /** Whole lines of their own, which no cursor reaches; what is too long for one is several. */
  lines(text: string, atMs: number): void {
    for (const line of text.replace(/\r?\n$/, "").split(/\r?\n/))
      for (const part of line.match(PIECES) ?? [""])
        this.#change({ number: this.#next++, text: part, atMs }, "stdout");
  }

  #down(view: View): void {
    view.row++;
    if (view.row < VIEW_LINES) return;
    view.lines.shift();
    view.row--;
  }

  /** The line under the cursor, and those above it that nobody wrote to. */
  #lineOf(view: View, stream: Stream, atMs: number): TerminalLine {
    while (view.lines.length <= view.row) {
      const line = new TerminalLine(this.#next++, atMs);
      view.lines.push(line);
      this.#change(line, stream);
    }
    return view.lines[view.row] as TerminalLine;
  }

  #put(view: View, stream: Stream, part: string, atMs: number): void {
    const line = this.#lineOf(view, stream, atMs);
    view.column += line.put(view.column, part, view.style);
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

  #change({ number, text, atMs }: Pick<TerminalLine, "number" | "text" | "atMs">, stream: Stream): void {
    const known = this.#changed.get(number);
    if (known) this.#forget(known);
    this.#changed.set(number, { number, text, atMs, stream });
    this.#characters += text.length + LINE_COST;
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
