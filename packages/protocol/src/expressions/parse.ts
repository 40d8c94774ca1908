import { FUNCTIONS, type RowFunction, type RunningFunction } from "./functions.ts";
import { ExpressionError, type ExpressionProblem } from "./problems.ts";
import { type Token, tokensOf } from "./tokens.ts";

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
  /**
   * Values of the run itself, `config:lr` or `summary:best`, in the order in which they stand in the text. They have no
   * value here: `boundText` puts a run's own in their place.
   */
  constants: readonly { name: string; at: number; end: number }[];
  /** Some value depends on rows before. */
  running: boolean;
  root: Node;
}

/** Longer ones are programs. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 64;
export const MAX_EXPRESSION_KEYS = 16;
/** What a constant may become longer by when it is a number. */
const MAX_NUMBER = 16;
const CONSTANT = /^(config|summary):./;

/** Throws ExpressionError, which says where and what is expected there. */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_LENGTH) throw new ExpressionError(MAX_LENGTH, "tooLong", { most: MAX_LENGTH });
  const parser = new Parser(tokensOf(text));
  const root = parser.all();
  const { keys, constants, running } = parser;
  if (keys.length === 0) throw new ExpressionError(0, "noKey");
  if (text.length + constants.length * MAX_NUMBER > MAX_LENGTH)
    throw new ExpressionError(MAX_LENGTH, "tooLong", { most: MAX_LENGTH });
  return { text, keys, constants, running, root };
}

/**
 * The text with numbers in place of its constants; undefined when a run lacks one of them, or has no finite number there.
 */
export function boundText(
  { text, constants }: Expression,
  constantOf: (constant: string) => number | undefined,
): string | undefined {
  let bound = "";
  let from = 0;
  for (const { name, at, end } of constants) {
    const value = constantOf(name);
    if (value === undefined || !Number.isFinite(value)) return undefined;
    bound += `${text.slice(from, at)}(${value})`;
    from = end;
  }
  return bound + text.slice(from);
}

class Parser {
  readonly keys: string[] = [];
  readonly constants: { name: string; at: number; end: number }[] = [];
  running = false;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): Node {
    const node = this.#sum();
    if (this.#token().kind !== "end") this.#expected("operator");
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

  #expected(problem: ExpressionProblem): never {
    const token = this.#token();
    throw new ExpressionError(token.at, problem, { found: nameOf(token) });
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
      return !token.quoted && this.#sign("(") ? this.#call(token.name, token.at) : this.#key(token);
    }
    if (!this.#sign("(")) this.#expected("value");
    const node = this.#sum();
    if (!this.#sign(")")) this.#expected("operatorOrClose");
    return node;
  }

  #key({ name, at, end, quoted }: Token & { kind: "name" }): Node {
    if (quoted && CONSTANT.test(name)) {
      this.constants.push({ name, at, end });
      return { kind: "number", value: Number.NaN };
    }
    let index = this.keys.indexOf(name);
    if (index < 0) {
      if (this.keys.length === MAX_EXPRESSION_KEYS)
        throw new ExpressionError(at, "tooManyKeys", { most: MAX_EXPRESSION_KEYS });
      index = this.keys.push(name) - 1;
    }
    return { kind: "key", index };
  }

  #call(name: string, at: number): Node {
    const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (!called) {
      const known = Object.keys(FUNCTIONS).join(", ");
      throw new ExpressionError(at, "noFunction", { name, known });
    }
    const of = [this.#sum()];
    let lastAt = this.#token().at;
    while (this.#sign(",")) {
      lastAt = this.#token().at;
      of.push(this.#sum());
    }
    if (!this.#sign(")")) this.#expected("commaOrClose");
    const [least, most] =
      called.kind === "row" ? [called.least, called.most] : called.parameter ? [2, 2] : [1, 1];
    if (of.length < least || of.length > most) {
      const wanted = least === most ? least : `${least}–${most}`;
      const problem = wanted === 1 ? "oneArgument" : "arguments";
      throw new ExpressionError(at, problem, { name, wanted, given: of.length });
    }
    if (called.kind === "row") return { kind: "row", name, called, of };
    this.running = true;
    const parameter = called.parameter ? parameterOf(called.parameter, of[1], name, lastAt) : 0;
    return { kind: "running", name, called, of: of[0] as Node, parameter };
  }

  #deeper(parse: () => Node): Node {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionError(this.#token().at, "tooDeep");
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
  throw new ExpressionError(at, whole ? "wholeParameter" : "parameter", {
    what: { problem: what },
    name,
    least,
    most,
  });
}

function nameOf(token: Token): string | { problem: "end" } {
  switch (token.kind) {
    case "end":
      return { problem: "end" };
    case "number":
      return String(token.value);
    case "name":
      return token.name;
    case "sign":
      return token.sign;
  }
}
