/** What may be wrong with an expression. A page that speaks another language has the same in it. */
export const EXPRESSION_PROBLEMS = {
  tooLong: "an expression has at most {most} characters",
  noKey: "a key is expected; this is the same number everywhere",
  operator: "expected an operator (+ - * / % ^) or the end, found {found}",
  value: "expected a number, a key, a function or (, found {found}",
  operatorOrClose: "expected an operator or ), found {found}",
  commaOrClose: "expected , or ), found {found}",
  end: "the end",
  tooManyKeys: "an expression reads at most {most} keys",
  noFunction: "there is no function {name}; there are {known}",
  arguments: "{name} takes {wanted} arguments, not {given}",
  oneArgument: "{name} takes 1 argument, not {given}",
  wholeParameter: "expected {what} of {name}, a whole number from {least} to {most}",
  parameter: "expected {what} of {name}, a number from {least} to {most}",
  rows: "the number of rows",
  weight: "the weight of what was before",
  tooDeep: "this is nested too deeply",
  unclosed: "the key that begins with {open} has no {close} at its end",
  emptyKey: "a key is expected between {open} and {close}",
  character: "{found} has no meaning here; write a key that has it as {quoted}",
} as const;
export type ExpressionProblem = keyof typeof EXPRESSION_PROBLEMS;

/** A value that is a problem's name itself has words of its own. */
export type ProblemValues = Record<string, string | number | { problem: ExpressionProblem }>;

/** What is wrong with an expression, where (0 = its first character), and what may stand there. */
export class ExpressionError extends Error {
  readonly at: number;
  readonly problem: ExpressionProblem;
  readonly values: ProblemValues;

  constructor(at: number, problem: ExpressionProblem, values: ProblemValues = {}) {
    const text = EXPRESSION_PROBLEMS[problem].replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "object" ? EXPRESSION_PROBLEMS[value.problem] : String(value ?? whole);
    });
    super(`character ${at + 1}: ${text}`);
    this.name = "ExpressionError";
    this.at = at;
    this.problem = problem;
    this.values = values;
  }
}
