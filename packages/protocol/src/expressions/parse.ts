import { FUNCTIONS, type RowFunction, type RunningFunction } from "./functions.ts";
import { ExpressionError, type Token, tokensOf } from "./tokens.ts";

/** Expressions over keys: `a / b`, `log(x)`, `ma(${train/loss}, 100)`. The language: docs/charts.md. */

export type Node =
  | { kind: "number"; value: number }
  /** Index into `keys`. */
  | { kind: "key"; index: number }
  | { kind: "negate"; of: Node }
  | { kind: "operation"; sign: Sign; left: Node; right: Node }
  | { kind: "row"; name: string; called: RowFunction; of: Node[] }
  | { kind: "running"; name: string; called: RunningFunction; of: Node; parameter: number };
export type Sign = "+" | "-" | "*" | "/" | "%" | "^";

export interface Expression {
  text: string;
  /** What it reads, each once. */
  keys: readonly string[];
  /** Some value depends on rows before. */
  running: boolean;
  root: Node;
}

/** Longer ones are programs. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 64;
export const MAX_EXPRESSION_KEYS = 16;

/** Throws ExpressionError, which says where and what is expected there. */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_LENGTH)
    throw new ExpressionError(MAX_LENGTH, `an expression has at most ${MAX_LENGTH} characters`);
  const parser = new Parser(tokensOf(text));
  const root = parser.all();
  if (parser.keys.length === 0)
    throw new ExpressionError(0, "a key is expected; this is the same number everywhere");
  return { text, keys: parser.keys, running: parser.running, root };
}

class Parser {
  readonly keys: string[] = [];
  running = false;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): Node {
    const node = this.#sum();
    if (this.#token().kind !== "end") this.#expected("an operator (+ - * / % ^) or the end");
    return node;
  }

  #token(): Token {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)] as Token;
  }

  /** The sign that comes next, if it is one of these; it is taken. */
  #sign<const Of extends string>(...signs: Of[]): Of | undefined {
    const token = this.#token();
    if (token.kind !== "sign") return undefined;
    const found = signs.find((sign) => sign === token.sign);
    if (found !== undefined) this.#next++;
    return found;
  }

  #expected(what: string): never {
    const token = this.#token();
    throw new ExpressionError(token.at, `expected ${what}, found ${nameOf(token)}`);
  }

  #sum(): Node {
    return this.#deeper(() => {
      let left = this.#product();
      for (let sign = this.#sign("+", "-"); sign; sign = this.#sign("+", "-"))
        left = { kind: "operation", sign, left, right: this.#product() };
      return left;
    });
  }

  #product(): Node {
    let left = this.#signed();
    for (let sign = this.#sign("*", "/", "%"); sign; sign = this.#sign("*", "/", "%"))
      left = { kind: "operation", sign, left, right: this.#signed() };
    return left;
  }

  /** As in Python, -a ^ b is -(a ^ b). */
  #signed(): Node {
    return this.#deeper(() => {
      const sign = this.#sign("-", "+");
      if (sign === "-") return { kind: "negate", of: this.#signed() };
      return sign === "+" ? this.#signed() : this.#power();
    });
  }

  #power(): Node {
    const left = this.#atom();
    return this.#sign("^") ? { kind: "operation", sign: "^", left, right: this.#signed() } : left;
  }

  #atom(): Node {
    const token = this.#token();
    if (token.kind === "number") {
      this.#next++;
      return { kind: "number", value: token.value };
    }
    if (token.kind === "name") {
      this.#next++;
      return !token.quoted && this.#sign("(")
        ? this.#call(token.name, token.at)
        : this.#key(token.name, token.at);
    }
    if (!this.#sign("(")) this.#expected("a number, a key, a function or (");
    const node = this.#sum();
    if (!this.#sign(")")) this.#expected("an operator or )");
    return node;
  }

  #key(name: string, at: number): Node {
    let index = this.keys.indexOf(name);
    if (index < 0) {
      if (this.keys.length === MAX_EXPRESSION_KEYS)
        throw new ExpressionError(at, `an expression reads at most ${MAX_EXPRESSION_KEYS} keys`);
      index = this.keys.push(name) - 1;
    }
    return { kind: "key", index };
  }

  #call(name: string, at: number): Node {
    const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (!called) {
      const known = Object.keys(FUNCTIONS).join(", ");
      throw new ExpressionError(at, `there is no function ${name}; there are ${known}`);
    }
    const of = [this.#sum()];
    let lastAt = this.#token().at;
    while (this.#sign(",")) {
      lastAt = this.#token().at;
      of.push(this.#sum());
    }
    if (!this.#sign(")")) this.#expected(", or )");
    const [least, most] =
      called.kind === "row" ? [called.least, called.most] : called.parameter ? [2, 2] : [1, 1];
    if (of.length < least || of.length > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`;
      throw new ExpressionError(
        at,
        `${name} takes ${wanted} argument${most === 1 ? "" : "s"}, not ${of.length}`,
      );
    }
    if (called.kind === "row") return { kind: "row", name, called, of };
    this.running = true;
    const parameter = called.parameter ? parameterOf(called.parameter, of[1], name, lastAt) : 0;
    return { kind: "running", name, called, of: of[0] as Node, parameter };
  }

  #deeper(parse: () => Node): Node {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionError(this.#token().at, "this is nested too deeply");
    const node = parse();
    this.#depth--;
    return node;
  }
}

function parameterOf(
  { name: what, least, most, whole }: NonNullable<RunningFunction["parameter"]>,
  node: Node | undefined,
  name: string,
  at: number,
): number {
  const value = node?.kind === "number" ? node.value : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new ExpressionError(
    at,
    `expected ${what} of ${name}, a ${whole ? "whole " : ""}number from ${least} to ${most}`,
  );
}

function nameOf(token: Token): string {
  switch (token.kind) {
    case "end":
      return "the end";
    case "number":
      return String(token.value);
    case "name":
      return token.name;
    case "sign":
      return token.sign;
  }
}
