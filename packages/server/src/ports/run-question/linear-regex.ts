/**
 * Regular expressions of the RE2 dialect whose matching time grows with text × pattern, never faster: filters come from
 * outside, and JavaScript's own engine can be made to hang by twenty characters. A pattern becomes a small automaton
 * (Thompson), all of whose states are followed at once; the answer is only whether the text has a match somewhere.
 *
 * Back-references and look-around are not in the dialect and are refused.
 */

/** States an automaton may have; counted repetition multiplies them. */
const MAX_STATES = 2_000;
const MAX_PATTERN = 1_000;
const MAX_REPEAT = 1_000;

type CharTest = ((codePoint: number) => boolean) & { literal?: Literal };
type Node =
  | { kind: "char"; test: CharTest }
  | { kind: "assert"; what: "start" | "end" | "word" | "not-word" | "line-start" | "line-end" }
  | { kind: "sequence"; parts: Node[] }
  | { kind: "either"; parts: Node[] }
  | { kind: "repeat"; part: Node; min: number; max: number };

/** The one character of a pattern that is matched as it stands. */
interface Literal {
  codePoint: number;
  ignoreCase: boolean;
}

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  multiline: boolean;
}

/** What is wrong with a pattern and where; the caller makes it an error for its client. */
export class PatternError extends Error {}

/** Character steps that one filter's patterns may take over all the texts of a project. */
export const FILTER_BUDGET = 200_000_000;

/** Work left before a question is refused; shared by all texts of one filter. */
export interface Budget {
  steps: number;
}

export interface LinearRegex {
  /** Does the pattern occur in the text? Throws PatternError when the budget is used up. */
  test(text: string, budget?: Budget): boolean;
}

export function compileLinearRegex(pattern: string): LinearRegex {
  if (pattern.length > MAX_PATTERN) throw new PatternError(`is longer than ${MAX_PATTERN} characters`);
  const parsed = new PatternParser(pattern).parse();
  const program = new Program();
  program.build(parsed, program.accept);
  const plain = plainSearch(parsed);
  return { test: (text, budget) => plain?.(text) ?? run(program, text, budget) };
}

const ASCII = /^[\0-\x7f]*$/;

/** What people type into a search field is a word: found by the engine's own search, where case is ASCII's. */
function plainSearch(parsed: Node): ((text: string) => boolean | undefined) | undefined {
  if (parsed.kind !== "sequence") return undefined;
  const literals = parsed.parts.map((part) => (part.kind === "char" ? part.test.literal : undefined));
  const ignoreCase = literals[0]?.ignoreCase ?? false;
  if (literals.some((literal) => literal?.ignoreCase !== ignoreCase)) return undefined;
  const word = String.fromCodePoint(...literals.map((literal) => literal?.codePoint ?? 0));
  if (!ASCII.test(word)) return undefined;
  if (!ignoreCase) return (text) => text.includes(word);
  const lower = word.toLowerCase();
  return (text) => (ASCII.test(text) ? text.toLowerCase().includes(lower) : undefined);
}

const isWord: CharTest = (c) =>
  (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95 || (c >= 97 && c <= 122);
const isDigit: CharTest = (c) => c >= 48 && c <= 57;
const isSpace: CharTest = (c) => c === 32 || (c >= 9 && c <= 13);
const not =
  (test: CharTest): CharTest =>
  (c) =>
    !test(c);

function literal(codePoint: number, flags: Flags): CharTest {
  const { ignoreCase } = flags;
  const lower = fold(codePoint);
  const test = ignoreCase
    ? (c: number) => c === codePoint || fold(c) === lower
    : (c: number) => c === codePoint;
  return Object.assign(test, { literal: { codePoint, ignoreCase } });
}

function fold(codePoint: number): number {
  if (codePoint < 128) return codePoint >= 65 && codePoint <= 90 ? codePoint + 32 : codePoint;
  return String.fromCodePoint(codePoint).toLowerCase().codePointAt(0) ?? codePoint;
}

class PatternParser {
  readonly #chars: string[];
  #at = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false };

  constructor(pattern: string) {
    this.#chars = [...pattern];
  }

  parse(): Node {
    const node = this.#either(0);
    if (this.#at < this.#chars.length) throw this.#wrong("has a ) without its (");
    return node;
  }

  #wrong(problem: string): PatternError {
    return new PatternError(`${problem} at character ${this.#at + 1}`);
  }

  #either(depth: number): Node {
    if (depth > 100) throw this.#wrong("has too many groups in groups");
    const parts = [this.#sequence(depth)];
    while (this.#eat("|")) parts.push(this.#sequence(depth));
    return parts.length === 1 && parts[0] ? parts[0] : { kind: "either", parts };
  }

  #eat(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #sequence(depth: number): Node {
    const parts: Node[] = [];
    while (this.#at < this.#chars.length) {
      const char = this.#chars[this.#at];
      if (char === "|" || char === ")") break;
      const atom = this.#atom(depth);
      if (atom) parts.push(this.#repeated(atom));
    }
    return { kind: "sequence", parts };
  }

  #repeated(part: Node): Node {
    let node = part;
    for (;;) {
      const range = this.#quantifier();
      if (!range) return node;
      // Laziness changes which match is found, never whether there is one.
      this.#eat("?");
      node = { kind: "repeat", part: node, ...range };
    }
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#eat("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#eat("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#eat("?")) return { min: 0, max: 1 };
    if (this.#chars[this.#at] !== "{") return undefined;
    const match = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.#chars.slice(this.#at, this.#at + 14).join(""));
    if (!match) return undefined;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] ? Number(match[3]) : Number.POSITIVE_INFINITY;
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && (max > MAX_REPEAT || max < min))) {
      throw this.#wrong("has a repetition count that is too large or backwards");
    }
    this.#at += match[0].length;
    return { min, max };
  }

  #atom(depth: number): Node | undefined {
    const char = this.#chars[this.#at++] ?? "";
    const flags = this.#flags;
    if (char === "(") return this.#group(depth);
    if (char === "[") return { kind: "char", test: this.#charClass() };
    if (char === "^") return { kind: "assert", what: flags.multiline ? "line-start" : "start" };
    if (char === "$") return { kind: "assert", what: flags.multiline ? "line-end" : "end" };
    if (char === ".") return { kind: "char", test: flags.dotAll ? () => true : (c) => c !== 10 };
    if (char === "*" || char === "+" || char === "?") {
      this.#at--;
      throw this.#wrong(`has a ${char} with nothing to repeat`);
    }
    if (char === "\\") return this.#escape();
    return { kind: "char", test: literal(char.codePointAt(0) ?? 0, flags) };
  }

  #group(depth: number): Node | undefined {
    const outer = this.#flags;
    if (this.#eat("?")) {
      const rest = this.#chars.slice(this.#at, this.#at + 80).join("");
      const named = /^P?<[A-Za-z_]\w*>/.exec(rest);
      const flagged = /^([ims]*)(-[ims]+)?([:)])/.exec(rest);
      if (named) {
        this.#at += named[0].length;
      } else if (flagged) {
        this.#at += flagged[0].length;
        this.#flags = withFlags(outer, flagged[1] ?? "", (flagged[2] ?? "").slice(1));
        // `(?i)` holds to the end of the group around it.
        if (flagged[3] === ")") return undefined;
      } else {
        throw this.#wrong("has a group of a kind that is not known (look-around is not)");
      }
    }
    const node = this.#either(depth + 1);
    if (!this.#eat(")")) throw this.#wrong("has a ( without its )");
    this.#flags = outer;
    return node;
  }

  #escape(): Node {
    const char = this.#chars[this.#at] ?? "";
    if (char === "b" || char === "B") {
      this.#at++;
      return { kind: "assert", what: char === "b" ? "word" : "not-word" };
    }
    if (char === "A" || char === "z") {
      this.#at++;
      return { kind: "assert", what: char === "A" ? "start" : "end" };
    }
    if (char === "Q") return this.#quoted();
    return { kind: "char", test: this.#escapedTest() };
  }

  /** `\Q…\E`: as it stands. */
  #quoted(): Node {
    this.#at++;
    const parts: Node[] = [];
    while (this.#at < this.#chars.length) {
      if (this.#chars[this.#at] === "\\" && this.#chars[this.#at + 1] === "E") {
        this.#at += 2;
        break;
      }
      const char = this.#chars[this.#at++] ?? "";
      parts.push({ kind: "char", test: literal(char.codePointAt(0) ?? 0, this.#flags) });
    }
    return { kind: "sequence", parts };
  }

  /** After a backslash; used in classes too. */
  #escapedTest(): CharTest {
    const char = this.#chars[this.#at];
    if (char === undefined) throw this.#wrong("ends in a backslash");
    this.#at++;
    const named = { d: isDigit, w: isWord, s: isSpace, D: not(isDigit), W: not(isWord), S: not(isSpace) }[
      char
    ];
    if (named) return named;
    if (char === "p" || char === "P") return this.#property(char === "P");
    return literal(this.#escapedChar(char), this.#flags);
  }

  #escapedChar(char: string): number {
    const control = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 }[char];
    if (control !== undefined) return control;
    if (char === "x") {
      const match = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(
        this.#chars.slice(this.#at, this.#at + 8).join(""),
      );
      if (!match) throw this.#wrong("has a \\x without two hexadecimal digits");
      this.#at += match[0].length;
      return Number.parseInt(match[1] ?? match[2] ?? "0", 16);
    }
    if (/[0-9A-Za-z]/.test(char)) throw this.#wrong(`has \\${char}, which is not known`);
    return char.codePointAt(0) ?? 0;
  }

  /** `\pL`, `\p{Greek}`: what JavaScript knows of Unicode. */
  #property(negated: boolean): CharTest {
    const match = /^(?:\{(\^?)(\w{1,40})\}|(\w))/.exec(this.#chars.slice(this.#at, this.#at + 44).join(""));
    const name = match?.[2] ?? match?.[3];
    if (!match || !name) throw this.#wrong("has a \\p without a name");
    this.#at += match[0].length;
    const tests = [name, `Script=${name}`].map(unicodeClass);
    const found = tests.find((test) => test !== undefined);
    if (!found) throw this.#wrong(`has \\p{${name}}, which is not known`);
    return negated !== (match[1] === "^") ? not(found) : found;
  }

  #charClass(): CharTest {
    const negated = this.#eat("^");
    const tests: CharTest[] = [];
    let first = true;
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === undefined) throw this.#wrong("has a [ without its ]");
      if (char === "]" && !first) break;
      first = false;
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#chars.slice(this.#at, this.#at + 14).join(""));
      if (posix) {
        this.#at += posix[0].length;
        const named = POSIX[posix[2] ?? ""];
        if (!named) throw this.#wrong(`has [:${posix[2]}:], which is not known`);
        tests.push(posix[1] ? not(named) : named);
      } else {
        tests.push(this.#classItem());
      }
    }
    this.#at++;
    return negated ? (c) => !tests.some((test) => test(c)) : (c) => tests.some((test) => test(c));
  }

  #classItem(): CharTest {
    const start = this.#classChar();
    if (typeof start === "function") return start;
    if (this.#chars[this.#at] !== "-" || this.#chars[this.#at + 1] === "]")
      return literal(start, this.#flags);
    this.#at++;
    const end = this.#classChar();
    if (typeof end === "function" || end < start) throw this.#wrong("has a range that goes backwards");
    if (!this.#flags.ignoreCase) return (c) => c >= start && c <= end;
    const inside = (c: number) => c >= start && c <= end;
    return (c) =>
      inside(c) || inside(fold(c)) || inside(String.fromCodePoint(c).toUpperCase().codePointAt(0) ?? c);
  }

  #classChar(): number | CharTest {
    const char = this.#chars[this.#at];
    if (char === undefined) throw this.#wrong("has a [ without its ]");
    this.#at++;
    if (char !== "\\") return char.codePointAt(0) ?? 0;
    const next = this.#chars[this.#at] ?? "";
    if (/[dwsDWSpP]/.test(next) || next === "") return this.#escapedTest();
    this.#at++;
    return this.#escapedChar(next);
  }
}

const between =
  (from: number, to: number): CharTest =>
  (c) =>
    c >= from && c <= to;
const isAlpha: CharTest = (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
const POSIX: Record<string, CharTest> = {
  alpha: isAlpha,
  digit: isDigit,
  alnum: (c) => isAlpha(c) || isDigit(c),
  upper: between(65, 90),
  lower: between(97, 122),
  space: isSpace,
  word: isWord,
  punct: (c) => c > 32 && c < 127 && !isAlpha(c) && !isDigit(c),
};

function unicodeClass(name: string): CharTest | undefined {
  try {
    // One character at a time: nothing in it can be slow.
    const regex = new RegExp(`^\\p{${name}}$`, "u");
    return (c) => regex.test(String.fromCodePoint(c));
  } catch {
    return undefined;
  }
}

function withFlags(flags: Flags, on: string, off: string): Flags {
  const value = (letter: string, now: boolean) =>
    on.includes(letter) ? true : off.includes(letter) ? false : now;
  return {
    ignoreCase: value("i", flags.ignoreCase),
    dotAll: value("s", flags.dotAll),
    multiline: value("m", flags.multiline),
  };
}

type State =
  | { kind: "accept" }
  | { kind: "char"; test: CharTest; next: number }
  | { kind: "assert"; what: string; next: number }
  | { kind: "split"; next: number[] };

class Program {
  readonly states: State[] = [{ kind: "accept" }];
  readonly accept = 0;
  start = 0;

  #add(state: State): number {
    if (this.states.length >= MAX_STATES) throw new PatternError("repeats too much; make it simpler");
    return this.states.push(state) - 1;
  }

  build(node: Node, next: number): number {
    this.start = this.#build(node, next);
    return this.start;
  }

  #build(node: Node, next: number): number {
    switch (node.kind) {
      case "char":
        return this.#add({ kind: "char", test: node.test, next });
      case "assert":
        return this.#add({ kind: "assert", what: node.what, next });
      case "sequence":
        return node.parts.reduceRight((after, part) => this.#build(part, after), next);
      case "either":
        return this.#add({ kind: "split", next: node.parts.map((part) => this.#build(part, next)) });
      case "repeat": {
        let entry = next;
        if (node.max === Number.POSITIVE_INFINITY) {
          const loop: State = { kind: "split", next: [next] };
          entry = this.#add(loop);
          loop.next.push(this.#build(node.part, entry));
        } else {
          for (let i = node.min; i < node.max; i++) {
            entry = this.#add({ kind: "split", next: [next, this.#build(node.part, entry)] });
          }
        }
        for (let i = 0; i < node.min; i++) entry = this.#build(node.part, entry);
        return entry;
      }
    }
  }
}

function run(program: Program, text: string, budget: Budget | undefined): boolean {
  const { states } = program;
  const seen = new Int32Array(states.length).fill(-1);
  let current: number[] = [];
  let following: number[] = [];
  const stack: number[] = [];
  let previous = -1;
  let steps = 0;

  /** Put a state and all it reaches without a character on the list; true when one accepts. */
  const follow = (list: number[], from: number, position: number, before: number, after: number): boolean => {
    stack.push(from);
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      if (seen[index] === position) continue;
      seen[index] = position;
      steps++;
      const state = states[index];
      if (!state) continue;
      if (state.kind === "accept") {
        stack.length = 0;
        return true;
      }
      if (state.kind === "split") stack.push(...state.next);
      else if (state.kind === "assert") {
        if (holds(state.what, before, after)) stack.push(state.next);
      } else list.push(index);
    }
    return false;
  };

  for (let at = 0; ; ) {
    const here = text.codePointAt(at) ?? -1;
    // Unanchored: a match may begin at every character.
    if (follow(current, program.start, at, previous, here)) return true;
    if (here === -1) return false;
    const width = here > 0xffff ? 2 : 1;
    const after = text.codePointAt(at + width) ?? -1;
    following.length = 0;
    let found = false;
    for (const index of current) {
      const state = states[index];
      if (state?.kind === "char" && state.test(here)) {
        found ||= follow(following, state.next, at + width, here, after);
      }
    }
    if (found) return true;
    steps += current.length;
    if (budget) {
      budget.steps -= steps;
      steps = 0;
      if (budget.steps < 0) throw new PatternError("takes too long on this many runs; make it simpler");
    }
    [current, following] = [following, current];
    previous = here;
    at += width;
  }
}

function holds(what: string, before: number, after: number): boolean {
  if (what === "start") return before === -1;
  if (what === "end") return after === -1;
  if (what === "line-start") return before === -1 || before === 10;
  if (what === "line-end") return after === -1 || after === 10;
  const boundary = isWord(before) !== isWord(after);
  return what === "word" ? boundary : !boundary;
}
