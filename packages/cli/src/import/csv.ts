import { CommandError } from "../terminal.ts";
import { type ImportedRow, MAX_ROW_CHARACTERS } from "./rows.ts";

interface CsvRecord {
  /** Of its first character, from 1. */
  line: number;
  cells: string[];
  problem: string | undefined;
}

/**
 * RFC 4180, as spreadsheets and pandas write it: the first line names the columns; cells in quotes may hold the delimiter,
 * newlines and doubled quotes. An empty cell is no value; numbers, NaN, infinities and true/false are what they say, all
 * else is text. `needed` is a column that has to be there. Throws CommandError when the file has no usable first line.
 */
export async function* csvRows(
  texts: AsyncIterable<string>,
  delimiter: string,
  needed?: string,
): AsyncGenerator<ImportedRow> {
  let names: string[] | undefined;
  for await (const { line, cells, problem } of recordsOf(texts, delimiter)) {
    if (!names) {
      if (problem) throw new CommandError(`line ${line}: ${problem}`);
      names = columnNames(cells);
      if (needed !== undefined && !names.includes(needed))
        throw new CommandError(`there is no column ${needed}; the first line names ${some(names)}`);
      continue;
    }
    if (problem) yield { kind: "bad", line, reason: problem };
    // An empty line, which a file may end with.
    else if (cells.length === 1 && cells[0] === "" && names.length > 1) continue;
    else if (cells.length !== names.length)
      yield {
        kind: "bad",
        line,
        reason: `${cells.length} cells, but the first line names ${names.length} columns`,
      };
    else yield { kind: "row", line, values: valuesOf(names, cells) };
  }
  if (!names) throw new CommandError("the file is empty; its first line must name the columns");
}

/** Names in an error. */
const SHOWN = 20;

const some = (names: readonly string[]): string =>
  names.length > SHOWN
    ? `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`
    : names.join(", ");

function columnNames(cells: readonly string[]): string[] {
  // pandas writes its index without a name, and reads it back under this one.
  const names = cells.map((name, at) => name.trim() || `Unnamed: ${at}`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new CommandError(`line 1 names the column "${twice}" twice`);
  return names;
}

function valuesOf(names: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null);
  for (const [at, name] of names.entries()) {
    const cell = cells[at] ?? "";
    if (cell !== "") values[name] = valueOfCell(cell);
  }
  return values;
}

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const WORDS = new Map<string, unknown>([
  ["nan", Number.NaN],
  ["-nan", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["+inf", Number.POSITIVE_INFINITY],
  ["infinity", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["-infinity", Number.NEGATIVE_INFINITY],
  ["true", true],
  ["false", false],
]);

function valueOfCell(cell: string): unknown {
  if (NUMBER.test(cell)) {
    const number = Number(cell);
    // Whole numbers that a float cannot hold keep their digits.
    return Number.isSafeInteger(number) || !/^\s*[+-]?\d+\s*$/.test(cell)
      ? number
      : BigInt(cell.trim().replace(/^\+/, ""));
  }
  return cell.length <= 9 && WORDS.has(cell.toLowerCase()) ? WORDS.get(cell.toLowerCase()) : cell;
}

/** Between two characters of a record. */
type State = "start" | "plain" | "quoted" | "closed";

async function* recordsOf(texts: AsyncIterable<string>, delimiter: string): AsyncGenerator<CsvRecord> {
  let state: State = "start";
  let [line, beganAt, size] = [1, 1, 0];
  let cells: string[] = [];
  let cell = "";
  let problem: string | undefined;
  let returned = false;
  let first = true;
  const record = (): CsvRecord => {
    const made = { line: beganAt, cells: [...cells, cell], problem };
    [cells, cell, problem, state, size] = [[], "", undefined, "start", 0];
    return made;
  };
  for await (const part of texts) {
    const text = first ? part.replace(/^\uFEFF/, "") : part;
    first = false;
    for (let at = 0; at < text.length; at++) {
      const character = text[at] as string;
      const newline = character === "\n" || character === "\r";
      // \r\n is one end of a line.
      const second = character === "\n" && returned;
      returned = character === "\r";
      if (newline && !second) line++;
      if (state === "quoted") {
        if (character === '"') state = "closed";
        else cell += character;
        if (++size > MAX_ROW_CHARACTERS)
          throw new CommandError(
            `line ${beganAt}: a quote is opened and not closed within ${MAX_ROW_CHARACTERS} characters`,
          );
      } else if (newline) {
        if (!second) yield record();
        beganAt = line;
      } else if (character === delimiter) {
        cells.push(cell);
        cell = "";
        state = "start";
      } else if (character === '"' && state === "start") state = "quoted";
      else if (character === '"' && state === "closed") {
        cell += '"';
        state = "quoted";
      } else {
        if (state === "closed") problem ??= "text behind a closing quote; a quote inside a cell is doubled";
        else state = "plain";
        cell += character;
      }
    }
  }
  if (state === "quoted") problem = "a quote is opened and never closed";
  if (cells.length > 0 || cell !== "" || state !== "start") yield record();
}
