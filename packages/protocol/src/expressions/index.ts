export { evaluator } from "./evaluate.ts";
export { FUNCTIONS } from "./functions.ts";
export { type MonotoneExpression, monotoneExpression } from "./monotone.ts";
export { boundText, type Expression, MAX_EXPRESSION_KEYS, parseExpression } from "./parse.ts";
export { EXPRESSION_PROBLEMS, ExpressionError, type ExpressionProblem } from "./problems.ts";
