export { evaluator } from "./evaluate.ts";
export { FUNCTIONS } from "./functions.ts";
export { type MonotoneExpression, monotoneExpression } from "./monotone.ts";
export { type Expression, MAX_EXPRESSION_KEYS, parseExpression } from "./parse.ts";
export { ExpressionError } from "./tokens.ts";
