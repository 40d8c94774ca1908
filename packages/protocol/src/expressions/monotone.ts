import { OPERATIONS } from "./evaluate.ts";
import type { Expression, Node } from "./parse.ts";

/**
 * An expression of one key that grows, or falls, with it wherever it is defined: the least value of a bucket comes from
 * the least of the key or from the greatest, so that summaries of the key are enough.
 */
export interface MonotoneExpression {
  key: string;
  grows: boolean;
  /** a × key + b: the mean maps as well, and what is not finite stays so. */
  affine: boolean;
  of: (value: number) => number;
}

type Found = number | Omit<MonotoneExpression, "key">;

/** Undefined for an expression that is not known to be one. */
export function monotoneExpression({ keys, running, root }: Expression): MonotoneExpression | undefined {
  const [key, other] = keys;
  if (key === undefined || other !== undefined || running) return undefined;
  const found = foundIn(root);
  return typeof found === "object" ? { key, ...found } : undefined;
}

/** A number: the same everywhere. */
function foundIn(node: Node): Found | undefined {
  switch (node.kind) {
    case "number":
      return node.value;
    case "key":
      return { grows: true, affine: true, of: (value) => value };
    case "negate": {
      const of = foundIn(node.of);
      return typeof of === "number" ? -of : of && after(of, (value) => -value, false, true);
    }
    case "operation":
      return operation(node);
    case "row":
      return row(node);
    case "running":
      return undefined;
  }
}

function after(
  { grows, affine, of }: Omit<MonotoneExpression, "key">,
  then: (value: number) => number,
  growing: boolean,
  affinely: boolean,
): Found {
  return { grows: grows === growing, affine: affine && affinely, of: (value) => then(of(value)) };
}

function operation({ sign, left, right }: Node & { kind: "operation" }): Found | undefined {
  const [a, b] = [foundIn(left), foundIn(right)];
  const does = OPERATIONS[sign];
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "number" && typeof b === "number") return does(a, b);
  const constant = typeof a === "number" ? a : b;
  // Of two that depend on the key nothing is known.
  if (typeof constant !== "number" || !Number.isFinite(constant)) return undefined;
  if (typeof b === "object") {
    if (sign === "+") return after(b, (value) => does(constant, value), true, true);
    if (sign === "-") return after(b, (value) => does(constant, value), false, true);
    if (sign === "*" && constant !== 0) return after(b, (value) => does(constant, value), constant > 0, true);
    return undefined;
  }
  if (typeof a !== "object") return undefined;
  if (sign === "+" || sign === "-") return after(a, (value) => does(value, constant), true, true);
  if ((sign === "*" || sign === "/") && constant !== 0)
    return after(a, (value) => does(value, constant), constant > 0, true);
  return undefined;
}

function row({ name, called, of }: Node & { kind: "row" }): Found | undefined {
  const given = of.map(foundIn);
  if (given.some((one) => one === undefined)) return undefined;
  if (given.every((one) => typeof one === "number")) return called.of(...(given as number[]));
  const [first] = given;
  if (called.monotone && typeof first === "object")
    return after(first, called.of, called.monotone > 0, false);
  const changing = given.filter((one) => typeof one === "object");
  const [one] = changing;
  const keeps = name === "min" || name === "max" || (name === "clamp" && one === first);
  if (!keeps || !one || changing.length > 1 || given.some(Number.isNaN)) return undefined;
  return after(
    one,
    (value) => called.of(...given.map((of) => (typeof of === "number" ? of : value))),
    true,
    false,
  );
}
