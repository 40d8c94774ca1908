import { Histogram } from "./histogram.ts";

/** Longer typed arrays of a row are logged as histograms of this many bins, as the official client does with arrays. */
const LONGEST_LIST = 32;

export interface JsonOptions {
  /** Typed arrays as the values of a chart: one number as itself, many as a histogram. Default: lists. */
  forRow?: boolean;
  /** NaN as null, which the official client makes of it in a config. */
  nanIsNull?: boolean;
}

/**
 * JavaScript values as the wire's JSON: NaN and ±Infinity bare, BigInt as an integer, Date as ISO text, typed arrays as
 * lists, Map as an object, Set as a list. `undefined`, functions and symbols cannot be logged: the caller is told which key.
 */
export function toJson(value: unknown, path: string, options: JsonOptions = {}, depth = 0): string {
  if (depth > 100) throw new TypeError(`${path} nests more than 100 deep, or contains itself`);
  switch (typeof value) {
    case "number":
      return options.nanIsNull && Number.isNaN(value) ? "null" : numberJson(value);
    case "string":
      // Lone surrogates are no text: UTF-8 cannot hold them.
      return JSON.stringify(value.toWellFormed());
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "object":
      break;
    default:
      throw new TypeError(`${path} is ${typeof value}, which cannot be logged`);
  }
  if (value === null) return "null";
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? "null" : JSON.stringify(value.toISOString());
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const numbers = value as unknown as ArrayLike<number | bigint>;
    if (options.forRow && numbers.length === 1) return toJson(numbers[0], path, options, depth);
    value =
      options.forRow && numbers.length > LONGEST_LIST
        ? new Histogram(numbers, { bins: LONGEST_LIST })
        : Array.from(numbers);
  }
  if (value instanceof Set) value = [...value];
  if (value instanceof Map) value = Object.fromEntries(value);
  if (Array.isArray(value))
    return `[${value.map((item, index) => toJson(item ?? null, `${path}[${index}]`, options, depth + 1)).join(",")}]`;
  const own = value as { toJSON?: () => unknown };
  if (typeof own.toJSON === "function") return toJson(own.toJSON(), path, options, depth + 1);
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value as object)) {
    if (item === undefined) continue;
    parts.push(`${JSON.stringify(key.toWellFormed())}:${toJson(item, `${path}.${key}`, options, depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}

/** Minus zero has a point: readers that tell whole numbers from others lose its sign otherwise. */
export function numberJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  );
}
