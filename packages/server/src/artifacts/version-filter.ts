import { SteelyardError } from "../errors.ts";
import { compileLinearRegex, PatternError } from "../ports/run-question/linear-regex.ts";

/**
 * Filters and order of collections and versions: small JSON questions over lists short enough to be walked. The fields are
 * those the list's owner names; a field it does not know is no value.
 */
export type FieldTest = (fields: Record<string, unknown>) => boolean;
type Scalar = string | number | boolean | null;

const MAX_TEXT = 100_000;
const MAX_DEPTH = 20;
const REGEX_STEPS = 10_000_000;

/** Absent and `{}` are everything. Throws invalid-filter. */
export function parseFilter(text: string | null | undefined): FieldTest {
  if (text == null || text.trim() === "") return () => true;
  if (text.length > MAX_TEXT) throw wrong(`is longer than ${MAX_TEXT} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("is not JSON");
  }
  return value === null ? () => true : objectTest(value, 0);
}

export const matches = (test: FieldTest, fields: Record<string, unknown>): boolean => test(fields);

function objectTest(value: unknown, depth: number): FieldTest {
  if (depth > MAX_DEPTH) throw wrong("is nested too deep");
  const tests = entriesOf(value).map(([key, entry]): FieldTest => {
    if (key === "$and" || key === "$or") {
      if (!Array.isArray(entry)) throw wrong(`${key} must have a list`);
      const parts = entry.map((part) => objectTest(part, depth + 1));
      return key === "$and"
        ? (fields) => parts.every((part) => part(fields))
        : (fields) => parts.some((part) => part(fields));
    }
    if (key === "$not") {
      const part = objectTest(entry, depth + 1);
      return (fields) => !part(fields);
    }
    if (key.startsWith("$")) throw wrong(`does not know ${key.slice(0, 40)}`);
    const name = camelCase(key);
    const test = valueTest(entry, depth + 1);
    return (fields) => test(fields[name]);
  });
  return (fields) => tests.every((test) => test(fields));
}

function valueTest(wanted: unknown, depth: number): (found: unknown) => boolean {
  if (depth > MAX_DEPTH) throw wrong("is nested too deep");
  if (typeof wanted !== "object" || wanted === null) return equals(scalar(wanted));
  const tests = entriesOf(wanted).map(([operator, operand]) => operatorTest(operator, operand, depth));
  return (found) => tests.every((test) => test(found));
}

function operatorTest(operator: string, operand: unknown, depth: number): (found: unknown) => boolean {
  switch (operator) {
    case "$eq":
      return equals(scalar(operand));
    case "$ne": {
      const same = equals(scalar(operand));
      return (found) => !same(found);
    }
    case "$in":
    case "$nin": {
      if (!Array.isArray(operand)) throw wrong(`${operator} must have a list`);
      const any = operand.map((value) => equals(scalar(value)));
      return (found) => any.some((same) => same(found)) === (operator === "$in");
    }
    case "$lt":
    case "$lte":
    case "$gt":
    case "$gte": {
      const bound = scalar(operand);
      return (found) => {
        if (bound === null || typeof found !== typeof bound) return false;
        const value = found as string | number;
        if (operator === "$lt") return value < bound;
        if (operator === "$lte") return value <= bound;
        return operator === "$gt" ? value > bound : value >= bound;
      };
    }
    case "$exists":
      return (found) => (found !== undefined && found !== null) === Boolean(operand);
    case "$contains":
      return (found) => each(found).some((text) => text.includes(String(operand)));
    case "$regex": {
      const regex = compile(String(operand));
      const budget = { steps: REGEX_STEPS };
      return (found) => each(found).some((text) => regex.test(text, budget));
    }
    case "$not": {
      const test = valueTest(operand, depth + 1);
      return (found) => !test(found);
    }
    default:
      throw wrong(`does not know ${operator.slice(0, 40)}`);
  }
}

function compile(pattern: string) {
  try {
    return compileLinearRegex(pattern);
  } catch (error) {
    if (error instanceof PatternError) throw wrong(`$regex ${error.message}`);
    throw error;
  }
}

/** A list has a value when one of its items is it. */
const equals =
  (wanted: Scalar) =>
  (found: unknown): boolean =>
    Array.isArray(found) ? found.includes(wanted) : (found ?? null) === wanted;

const each = (found: unknown): string[] =>
  (Array.isArray(found) ? found : [found]).filter((item): item is string => typeof item === "string");

function scalar(value: unknown): Scalar {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value as Scalar;
  throw wrong("compares with something that is no text, number or boolean");
}

function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("must be an object");
  return Object.entries(value);
}

/** `+name`, `-created_at`; without an order the list stays as it is. */
export function orderedBy<Row>(
  rows: readonly Row[],
  order: string | null | undefined,
  fieldsOf: (row: Row) => Record<string, unknown>,
): readonly Row[] {
  const wanted = /^([+-]?)(\w+)$/.exec(order?.split(",")[0]?.trim() ?? "");
  if (!wanted) return rows;
  const name = camelCase(wanted[2] ?? "");
  const direction = wanted[1] === "-" ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: fieldsOf(row)[name] as string | number | null | undefined }));
  keyed.sort(({ key: one }, { key: other }) => {
    if (one == null || other == null) return one == null ? (other == null ? 0 : 1) : -1;
    return one < other ? -direction : one > other ? direction : 0;
  });
  return keyed.map(({ row }) => row);
}

const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function wrong(problem: string): SteelyardError {
  return new SteelyardError("invalid-filter", `the filter ${problem}`);
}
