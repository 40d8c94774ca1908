import { t } from "../i18n/index.ts";
import { shortNumber } from "./format.ts";

/** A value of config or summary as one text. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return t("common.none");
  if (typeof value === "number") return shortNumber(value);
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}
