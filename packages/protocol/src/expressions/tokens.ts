import { ExpressionError } from "./problems.ts";

/** From the text of an expression to its words. */

export type Token =
  | { kind: "number"; at: number; value: number }
  /** `quoted` can only be a key, whatever follows. */
  | { kind: "name"; at: number; end: number; name: string; quoted: boolean }
  | { kind: "sign"; at: number; sign: string }
  | { kind: "end"; at: number };

const SPACE = /\s*/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
/** As in Python, with the dots of nested keys. */
const NAME = /[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*/uy;
const SIGN = /\*\*|[-+*/%^(),]/y;
/** Keys with other characters: `${train/loss}`, "train/loss" or `train/loss`. */
const QUOTES: readonly [open: string, close: string][] = [
  ["${", "}"],
  ['"', '"'],
  ["`", "`"],
];

export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found) at += found.length;
    return found || undefined;
  };
  for (;;) {
    take(SPACE);
    const start = at;
    if (at >= text.length) {
      tokens.push({ kind: "end", at });
      return tokens;
    }
    const quote = QUOTES.find(([open]) => text.startsWith(open, at));
    if (quote) {
      const [open, close] = quote;
      const end = text.indexOf(close, at + open.length);
      if (end < 0) throw new ExpressionError(start, "unclosed", { open, close });
      const name = text.slice(at + open.length, end);
      if (name === "") throw new ExpressionError(start, "emptyKey", { open, close });
      at = end + close.length;
      tokens.push({ kind: "name", at: start, end: at, name, quoted: true });
      continue;
    }
    const number = take(NUMBER);
    if (number !== undefined) {
      tokens.push({ kind: "number", at: start, value: Number(number) });
      continue;
    }
    const name = take(NAME);
    if (name !== undefined) {
      tokens.push({ kind: "name", at: start, end: at, name, quoted: false });
      continue;
    }
    const sign = take(SIGN);
    if (sign === undefined) {
      const found = String.fromCodePoint(text.codePointAt(at) ?? 0);
      throw new ExpressionError(start, "character", { found, quoted: `\${…}` });
    }
    tokens.push({ kind: "sign", at: start, sign: sign === "**" ? "^" : sign });
  }
}
