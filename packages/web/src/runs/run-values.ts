import { parseJson } from "../ui/format.ts";

/** Config as people mean it: key to value, without the wire's wrapper. A key may be called `__proto__`. */
export function configOf(text: string | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parseJson(text)).map(([key, entry]) => [
      key,
      typeof entry === "object" && entry !== null && Object.hasOwn(entry, "value")
        ? (entry as { value: unknown }).value
        : entry,
    ]),
  );
}

/** Dotted keys reach into nested objects, a literal dotted key wins. */
export function reach(object: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(object, key)) return object[key];
  let value: unknown = object;
  for (const part of key.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
