import { ExpressionError, FUNCTIONS, parseExpression } from "@steelyard/protocol/expressions";
import { t } from "../i18n/index.ts";

/** What is wrong with an expression, in the current language; undefined when nothing is. */
export interface Problem {
  /** The character that it is at, counted from 0. */
  at: number;
  text: string;
}

export function problemIn(text: string): Problem | undefined {
  try {
    parseExpression(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const values = Object.entries(error.values).map(([name, value]) => [
      name,
      typeof value === "object" ? t(`expression.problem.${value.problem}`) : value,
    ]);
    const what = t(`expression.problem.${error.problem}`, Object.fromEntries(values));
    return { at: error.at, text: t("expression.at", { at: error.at + 1, what }) };
  }
}

/** Keys that it reads; none of one that is wrong. */
export function keysIn(text: string): readonly string[] {
  try {
    return parseExpression(text).keys;
  } catch {
    return [];
  }
}

/** May stand in an expression without quotes. */
const PLAIN = /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}\p{N}_]+)*$/u;

/** A key as an expression has it. */
export function keyText(key: string): string {
  if (PLAIN.test(key)) return key;
  return key.includes("}") ? `"${key}"` : `\${${key}}`;
}

export interface Suggestion {
  /** What is put into the text. */
  insert: string;
  kind: "key" | "config" | "summary" | "function";
}

/** Everything that may be written: keys, numbers of the runs (`config.lr`), functions. */
export function suggestions(keys: readonly string[], paths: readonly string[]): Suggestion[] {
  return [
    ...keys.map((key): Suggestion => ({ insert: keyText(key), kind: "key" })),
    ...Object.keys(FUNCTIONS).map((name): Suggestion => ({ insert: `${name}(`, kind: "function" })),
    ...paths.flatMap((path): Suggestion[] => {
      const [, kind, key] = /^(config|summary)\.([^}]+)$/.exec(path) ?? [];
      return kind && key ? [{ insert: `\${${kind}:${key}}`, kind: kind as "config" | "summary" }] : [];
    }),
  ];
}

/** What is being written before the caret, with the quotes that it is in; a slash may belong to a key or divide. */
const WORDS = [/\$\{[^}]*$/u, /[\p{L}_][\p{L}\p{N}_./]*$/u, /[\p{L}_][\p{L}\p{N}_.]*$/u];
const MOST = 8;

/** What may be meant by the word before the caret, what begins so first; `from`: where the word begins. */
export function meant(
  all: readonly Suggestion[],
  text: string,
  caret: number,
): { from: number; found: Suggestion[] } {
  const before = text.slice(0, caret);
  for (const pattern of WORDS) {
    const word = pattern.exec(before)?.[0];
    if (!word) continue;
    const wanted = word.replace(/^\$\{/, "").toLowerCase();
    const bare = ({ insert }: Suggestion) => insert.replace(/^\$\{|[}(]$/g, "").toLowerCase();
    const found = all
      .filter((one) => bare(one).includes(wanted) && one.insert !== word)
      .sort((a, b) => Number(!bare(a).startsWith(wanted)) - Number(!bare(b).startsWith(wanted)))
      .slice(0, MOST);
    if (found.length > 0) return { from: caret - word.length, found };
  }
  // After a sign, or at the beginning, any key.
  return /(^|[-+*/%^(,])\s*$/.test(before)
    ? { from: caret, found: all.filter(({ kind }) => kind === "key").slice(0, MOST) }
    : { from: caret, found: [] };
}
