/** Which columns a query's text names, told without understanding it: rather one too many than one too few. */

const ALWAYS = ["_step", "_runtime", "_timestamp"];

/** Bare, in quotes of either kind (`h."train/loss"`, `struct_extract(h, 'train/loss')`); case does not matter. */
export function keysNamedIn(sql: string): (column: string) => boolean {
  const text = sql.toLowerCase();
  const words = new Set([
    ...ALWAYS,
    ...(text.match(/[\p{L}\p{N}\p{M}_$]+/gu) ?? []),
    ...between('"', text),
    ...between("'", text),
  ]);
  return (column) => words.has(column.toLowerCase());
}

/** What is between any two quotes: which of them belong together only a parser knows. Within a name each is twice. */
function between(quote: string, text: string): string[] {
  const apart = text.replaceAll(quote + quote, "\0").split(quote);
  return [...text.split(quote), ...apart.map((part) => part.replaceAll("\0", quote))];
}

/** Whether it has columns chosen by a pattern or a function (`COLUMNS('loss.*')`, `* LIKE 'loss%'`). */
export function choosesByPattern(sql: string): boolean {
  return /\bcolumns"?\s*(\(|\/\*|--)|[*/]\s*(--[^\n]*\n\s*)*(not\s+)?(i?like|glob|similar)\b/i.test(sql);
}
