import type { Expression, Node, Sign } from "./parse.ts";

/**
 * Hot: a long run is evaluated over whole columns of rows, an operation at a time; nothing is looked up or allocated per
 * row.
 */

/** Of one key, a value per row; or what is the same in every row. */
type Values = Float64Array | number;
type Step = (columns: readonly Float64Array[], rows: number) => Values;

/**
 * To be called with one part of the rows after the other, in order of step: `columns` has the values of `keys`. A new one
 * for each run: it remembers the rows before.
 */
export function evaluator(
  expression: Expression,
): (columns: readonly Float64Array[], rows: number) => Float64Array {
  const step = stepOf(expression.root);
  return (columns, rows) => {
    const values = step(columns, rows);
    return typeof values === "number" ? new Float64Array(rows).fill(values) : values.subarray(0, rows);
  };
}

function stepOf(node: Node): Step {
  switch (node.kind) {
    case "number":
      return () => node.value;
    case "key":
      return (columns) => columns[node.index] as Float64Array;
    case "negate":
      return mapped([stepOf(node.of)], (value) => -value);
    case "operation":
      return mapped([stepOf(node.left), stepOf(node.right)], OPERATIONS[node.sign]);
    case "row":
      return mapped(node.of.map(stepOf), node.called.of);
    case "running":
      // Also of a constant: what is so far grows.
      return mapped([stepOf(node.of)], node.called.begin(node.parameter), false);
  }
}

export const OPERATIONS: Record<Sign, (left: number, right: number) => number> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  // The sign is that of the right one, as in Python.
  "%": (left, right) => left - right * Math.floor(left / right),
  "^": (left, right) => left ** right,
};

function mapped(of: readonly Step[], map: (...values: number[]) => number, once = true): Step {
  return (columns, rows) => {
    const given = of.map((step) => step(columns, rows));
    if (once && given.every((values) => typeof values === "number")) return map(...(given as number[]));
    const out = new Float64Array(rows);
    const [first = 0, second = 0] = given;
    if (given.length === 1) for (let row = 0; row < rows; row++) out[row] = map(at(first, row));
    else if (given.length === 2)
      for (let row = 0; row < rows; row++) out[row] = map(at(first, row), at(second, row));
    else {
      const values = new Array<number>(given.length);
      for (let row = 0; row < rows; row++) {
        for (let which = 0; which < values.length; which++) values[which] = at(given[which] as Values, row);
        out[row] = map(...values);
      }
    }
    return out;
  };
}

function at(values: Values, row: number): number {
  return typeof values === "number" ? values : (values[row] as number);
}
