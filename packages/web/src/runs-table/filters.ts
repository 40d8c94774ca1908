import { escapePattern } from "../runs/pattern.ts";
import { fieldOf } from "./field.ts";

/** One condition of the filter bar, as the address holds it: `field operator value`. */
export interface Condition {
  field: string;
  operator: Operator;
  value: string;
}
export const OPERATORS = ["=", "≠", "<", "≤", ">", "≥", "contains", "in", "exists"] as const;
export type Operator = (typeof OPERATORS)[number];

export function packConditions(conditions: readonly Condition[]): string {
  return conditions.length === 0
    ? ""
    : JSON.stringify(conditions.map(({ field, operator, value }) => [field, operator, value]));
}

/** More than anyone builds by hand; an address that asks for more is not one of ours. */
const MAX_CONDITIONS = 50;
const MAX_TEXT = 2000;

/** What of the text is conditions; the rest of a mistyped or forged address is left out. */
export function unpackConditions(text: string): Condition[] {
  let list: unknown;
  try {
    list = JSON.parse(text || "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_CONDITIONS).flatMap((entry: unknown): Condition[] => {
    if (!Array.isArray(entry)) return [];
    const [field, operator, value] = entry as unknown[];
    const known = OPERATORS.find((one) => one === operator);
    if (typeof field !== "string" || field === "" || field.length > MAX_TEXT || !known) return [];
    // Numbers and booleans are what people write who build such an address by hand.
    if (!["string", "number", "boolean"].includes(typeof value)) return [];
    return [{ field, operator: known, value: String(value).slice(0, MAX_TEXT) }];
  });
}

/** Text in names and tags, or a regular expression of names. */
export interface Search {
  text: string;
  pattern: boolean;
}

/** The wire's filter object. Numbers compare as numbers, the rest as text. */
export function filtersOf(conditions: readonly Condition[], search: Search): Record<string, unknown> {
  const all = conditions.map(({ field, operator, value }): Record<string, unknown> => {
    const name = fieldOf(field);
    switch (operator) {
      case "=":
        return { [name]: typed(value) };
      case "≠":
        return { [name]: { $ne: typed(value) } };
      case "<":
        return { [name]: { $lt: typed(value) } };
      case "≤":
        return { [name]: { $lte: typed(value) } };
      case ">":
        return { [name]: { $gt: typed(value) } };
      case "≥":
        return { [name]: { $gte: typed(value) } };
      case "contains":
        return { [name]: { $regex: `(?i)${escapePattern(value)}` } };
      case "in":
        return { [name]: { $in: value.split(",").map((item) => typed(item.trim())) } };
      default:
        return { [name]: { $exists: value !== "false" } };
    }
  });
  if (search.text && search.pattern) {
    const pattern = { $regex: search.text };
    all.push({ $or: [{ displayName: pattern }, { name: pattern }] });
  } else if (search.text) {
    const pattern = { $regex: `(?i)${escapePattern(search.text)}` };
    all.push({ $or: [{ displayName: pattern }, { name: pattern }, { tags: search.text }] });
  }
  return all.length === 0 ? {} : { $and: all };
}

function typed(value: string): string | number | boolean {
  if (value === "true" || value === "false") return value === "true";
  return value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
