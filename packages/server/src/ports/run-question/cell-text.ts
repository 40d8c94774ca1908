import { createHash } from "node:crypto";

/** Most characters of a text in its cell; the JSON has it whole. */
const MAX_CELL_TEXT = 1_000;
const HASH_CHARACTERS = 16;

/**
 * A text as its cell has it: whole, or its beginning and a hash of the whole after a NUL, so that two long texts are equal
 * only when they are. Of a cell's text it is that text again.
 */
export function cellText(text: string): string {
  if (text.length <= MAX_CELL_TEXT) return text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, HASH_CHARACTERS);
  return `${text.slice(0, MAX_CELL_TEXT - HASH_CHARACTERS - 1)}\0${hash}`;
}

/** The part of a cell's text that is the user's. */
export function shownText(text: string): string {
  return text.length === MAX_CELL_TEXT && text.charCodeAt(MAX_CELL_TEXT - HASH_CHARACTERS - 1) === 0
    ? text.slice(0, MAX_CELL_TEXT - HASH_CHARACTERS - 1)
    : text;
}
