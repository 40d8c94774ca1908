import { parseRow } from "@steelyard/protocol/history";
import { CommandError } from "../terminal.ts";
import { type ImportedRow, MAX_ROW_CHARACTERS } from "./rows.ts";

/** An object a line, in the dialect of the wire: NaN and infinities may stand bare. Empty lines are passed over. */
export async function* jsonlRows(texts: AsyncIterable<string>): AsyncGenerator<ImportedRow> {
  let line = 0;
  for await (const text of linesOf(texts)) {
    line++;
    if (text.trim() === "") continue;
    try {
      yield { kind: "row", line, values: parseRow(text) };
    } catch (error) {
      yield { kind: "bad", line, reason: (error as Error).message };
    }
  }
}

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  let first = true;
  for await (const part of texts) {
    const lines = (rest + (first ? part.replace(/^\uFEFF/, "") : part)).split("\n");
    first = false;
    rest = lines.pop() ?? "";
    if (rest.length > MAX_ROW_CHARACTERS)
      throw new CommandError(
        `a line is longer than ${MAX_ROW_CHARACTERS} characters; is this a file of JSON lines?`,
      );
    yield* lines;
  }
  if (rest !== "") yield rest;
}
