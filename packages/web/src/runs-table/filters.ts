import { escapePattern } from "../app/SearchDialog.tsx";
import { columnOf } from "./columns.ts";

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

export function unpackConditions(text: string): Condition[] {
  try {
    const list = JSON.parse(text || "[]") as [string, Operator, string][];
    return list
      .filter(([, operator]) => OPERATORS.includes(operator))
      .map(([field, operator, value]) => ({ field, operator, value }));
  } catch {
    return [];
  }
}

/** The wire's filter object. Numbers compare as numbers, the rest as text. */
export function filtersOf(conditions: readonly Condition[], search: string): Record<string, unknown> {
  const all = conditions.map(({ field, operator, value }): Record<string, unknown> => {
    const name = columnOf(field).field;
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
  if (search) {
    const pattern = { $regex: `(?i)${escapePattern(search)}` };
    all.push({ $or: [{ displayName: pattern }, { name: pattern }, { tags: search }] });
  }
  return all.length === 0 ? {} : { $and: all };
}

function typed(value: string): string | number | boolean {
  if (value === "true" || value === "false") return value === "true";
  return value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
