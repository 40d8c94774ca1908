import { parseExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../../errors.ts";
import { compileLinearRegex, type LinearRegex, PatternError } from "./linear-regex.ts";
import { type RunField, runField } from "./run-field.ts";

/**
 * The filters of a project's runs: a JSON object in the manner of MongoDB, as the public API takes it. Parsed once, here,
 * into a small tree; `run-list.ts` asks the catalog with it.
 *
 * Meaning: several fields or operators in one object are all to hold; a bare value is equality; null is "has none";
 * numbers compare with numbers and texts with texts, so `$ne`, `$nin` and `$not` are true for what the others cannot
 * be compared with, and for runs that have no such value.
 */
export type Scalar = string | number | boolean | null;

export type Filter =
  | { kind: "all"; parts: Filter[] }
  | { kind: "any"; parts: Filter[] }
  | { kind: "not"; part: Filter }
  | { kind: "in"; field: RunField; values: Scalar[] }
  | { kind: "compare"; field: RunField; op: "<" | "<=" | ">" | ">="; value: string | number }
  | { kind: "exists"; field: RunField }
  | { kind: "matches"; field: RunField; pattern: string; regex: LinearRegex };

const MAX_DEPTH = 30;
const MAX_LEAVES = 500;
const MAX_LIST = 50_000;
const MAX_TEXT = 2_000_000;

/** Absent, empty and `{}` are every run. Throws invalid-filter, naming what is wrong and where. */
export function parseFilter(text: string | null | undefined): Filter {
  if (text == null || text.trim() === "") return { kind: "all", parts: [] };
  if (text.length > MAX_TEXT) throw wrong("", `is longer than ${MAX_TEXT} characters`);
  let value: unknown;
  try {
    value = parseExtendedJson(text);
  } catch {
    throw wrong("", "is not JSON");
  }
  if (value === null) return { kind: "all", parts: [] };
  return new FilterParser().object(value, "", 0);
}

function wrong(where: string, problem: string): SteelyardError {
  return new SteelyardError(
    "invalid-filter",
    where === "" ? `the filter ${problem}` : `filter: ${where.slice(0, 200)} ${problem}`,
  );
}

const COMPARISONS = { $lt: "<", $lte: "<=", $gt: ">", $gte: ">=" } as const;

class FilterParser {
  #leaves = 0;

  object(value: unknown, where: string, depth: number): Filter {
    if (depth > MAX_DEPTH) throw wrong(where, "is nested too deep");
    if (!isObject(value)) throw wrong(where, 'must be an object such as {"state": "running"}');
    const parts = Object.entries(value).map(([key, entry]) => this.#entry(key, entry, where, depth));
    return all(parts);
  }

  #entry(key: string, entry: unknown, where: string, depth: number): Filter {
    const here = where === "" ? key : `${where}.${key}`;
    if (key === "$and" || key === "$or" || key === "$nor") {
      if (!Array.isArray(entry)) throw wrong(here, "must be a list of filters");
      const parts = entry.map((part, index) => this.object(part, `${here}[${index}]`, depth + 1));
      if (key === "$and") return all(parts);
      // An editor with nothing filled in sends empty lists and means every run.
      const any: Filter =
        parts.length === 0 ? all([]) : parts.length === 1 && parts[0] ? parts[0] : { kind: "any", parts };
      return key === "$or" ? any : parts.length === 0 ? any : { kind: "not", part: any };
    }
    if (key === "$not") return { kind: "not", part: this.object(entry, here, depth + 1) };
    if (key.startsWith("$"))
      throw wrong(here, "is not an operator that takes fields; use $and, $or, $nor or $not");
    const field = runField(key);
    if (!field)
      throw wrong(
        here,
        "is not a field of runs; config values are config.<key>, summary values summary_metrics.<key>",
      );
    return this.#condition(field, entry, here, depth);
  }

  #condition(field: RunField, value: unknown, where: string, depth: number): Filter {
    if (++this.#leaves > MAX_LEAVES) throw wrong(where, `is one condition too many (${MAX_LEAVES})`);
    if (depth > MAX_DEPTH) throw wrong(where, "is nested too deep");
    if (!isObject(value)) return this.#equals(field, [value], where);
    const operators = Object.entries(value);
    if (operators.length === 0) throw wrong(where, 'has an empty condition; give a value or {"$gt": …}');
    return all(operators.map(([op, operand]) => this.#operator(field, op, operand, `${where}.${op}`, depth)));
  }

  #operator(field: RunField, op: string, value: unknown, where: string, depth: number): Filter {
    switch (op) {
      case "$eq":
        return this.#equals(field, [value], where);
      case "$ne":
        return { kind: "not", part: this.#equals(field, [value], where) };
      case "$in":
      case "$nin": {
        if (!Array.isArray(value)) throw wrong(where, "must be a list of values");
        if (value.length > MAX_LIST) throw wrong(where, `has more than ${MAX_LIST} values`);
        const part = this.#equals(field, value, where);
        return op === "$in" ? part : { kind: "not", part };
      }
      case "$exists":
        if (value !== true && value !== false && value !== 0 && value !== 1)
          throw wrong(where, "must be true or false");
        return value ? { kind: "exists", field } : { kind: "not", part: { kind: "exists", field } };
      case "$regex":
        return this.#matches(field, value, where);
      case "$not":
        return { kind: "not", part: this.#condition(field, value, where, depth + 1) };
      case "$lt":
      case "$lte":
      case "$gt":
      case "$gte":
        return this.#compare(field, COMPARISONS[op], value, where);
      default:
        throw wrong(where, "is not an operator; use $eq $ne $gt $gte $lt $lte $in $nin $exists $regex $not");
    }
  }

  #equals(field: RunField, values: unknown[], where: string): Filter {
    return { kind: "in", field, values: values.map((value) => scalarFor(field, value, where)) };
  }

  #compare(field: RunField, op: "<" | "<=" | ">" | ">=", value: unknown, where: string): Filter {
    if (field.kind === "tags" || field.kind === "artifacts" || field.kind === "key") {
      throw wrong(where, "cannot order these; use $in, $nin, $exists or $regex");
    }
    const scalar = scalarFor(field, value, where);
    if (typeof scalar === "string" || typeof scalar === "number")
      return { kind: "compare", field, op, value: scalar };
    throw wrong(where, "must be a number or a text");
  }

  #matches(field: RunField, value: unknown, where: string): Filter {
    if (typeof value !== "string") throw wrong(where, "must be a text");
    if (field.kind === "number" || field.kind === "time" || field.kind === "key")
      throw wrong(where, "is for texts");
    try {
      return { kind: "matches", field, pattern: value, regex: compileLinearRegex(value) };
    } catch (error) {
      if (error instanceof PatternError) throw wrong(where, error.message);
      throw error;
    }
  }
}

function all(parts: Filter[]): Filter {
  return parts.length === 1 && parts[0] ? parts[0] : { kind: "all", parts };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as the field is compared: times in milliseconds, states in lower case. */
function scalarFor(field: RunField, value: unknown, where: string): Scalar {
  if (value === null) return null;
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    throw wrong(where, "must be a text, a number, true, false or null (for one of several use $in)");
  }
  if (field.kind === "time") return timeOf(value, where);
  if (field.kind === "text" && field.column === "state" && typeof value === "string")
    return value.toLowerCase();
  return value;
}

/** ISO 8601 without a zone is UTC. Numbers are unix seconds, or milliseconds when too large to be seconds. */
function timeOf(value: string | number | boolean, where: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value > 1e11 ? value : value * 1000;
  if (typeof value === "string") {
    const zoned =
      /(Z|[+-]\d\d:?\d\d)$/i.test(value) || /^\d{4}(-\d\d){0,2}$/.test(value) ? value : `${value}Z`;
    const ms = Date.parse(zoned);
    if (!Number.isNaN(ms)) return ms;
  }
  throw wrong(where, "must be a time such as 2026-08-01T10:00:00Z");
}
