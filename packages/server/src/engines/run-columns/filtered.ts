import { SteelyardError } from "../../errors.ts";
import { cellText, shownText } from "../../ports/run-question/cell-text.ts";
import type { Filter, Scalar } from "../../ports/run-question/filter.ts";
import { type Budget, PatternError } from "../../ports/run-question/linear-regex.ts";
import type { RunField } from "../../ports/run-question/run-field.ts";
import type { Column } from "./column.ts";
import type { ProjectRuns } from "./project-runs.ts";
import type { Texts } from "./texts.ts";

/** 1 for each run that the filter lets through, by its place. Means what `query/filter-sql.ts` means. */
export type Mask = Uint8Array;

export function filtered(runs: ProjectRuns, filter: Filter, budget: Budget): Mask {
  switch (filter.kind) {
    case "all": {
      const [first, ...others] = filter.parts;
      if (!first) return new Uint8Array(runs.count).fill(1);
      const mask = filtered(runs, first, budget);
      for (const part of others) and(mask, filtered(runs, part, budget));
      return mask;
    }
    case "any": {
      const mask = new Uint8Array(runs.count);
      for (const part of filter.parts) or(mask, filtered(runs, part, budget));
      return mask;
    }
    case "not":
      return inverted(filtered(runs, filter.part, budget));
    case "exists":
      return present(runs, filter.field);
    case "compare":
      return compared(runs, filter.field, filter.op, filter.value);
    case "in":
      return among(runs, filter.field, filter.values);
    case "matches":
      return matching(runs, filter, budget);
  }
}

function and(mask: Mask, other: Mask): void {
  for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) & (other[at] as number);
}

function or(mask: Mask, other: Mask): void {
  for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) | (other[at] as number);
}

function inverted(mask: Mask): Mask {
  for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) ^ 1;
  return mask;
}

/** Any value of either type. */
function valued(runs: ProjectRuns, { num, codes }: Column): Mask {
  const mask = new Uint8Array(runs.count);
  if (num) for (let at = 0; at < mask.length; at++) if (!Number.isNaN(num[at])) mask[at] = 1;
  if (codes) for (let at = 0; at < mask.length; at++) if ((codes[at] as number) >= 0) mask[at] = 1;
  return mask;
}

function present(runs: ProjectRuns, field: RunField): Mask {
  switch (field.kind) {
    case "cell":
    case "key":
      return valued(runs, runs.column({ kind: "exists", path: field.path }));
    case "tags":
      return valued(runs, runs.column({ kind: "tagged" }));
    case "artifacts":
      throw new TypeError("artifacts have no column");
    default:
      return valued(runs, runs.column(field));
  }
}

/** The column whose values are compared; undefined where a field has none. */
function columnOf(runs: ProjectRuns, field: RunField): Column | undefined {
  if (field.kind === "cell" || field.kind === "key") return runs.column({ kind: "cell", path: field.path });
  return field.kind === "tags" || field.kind === "artifacts" ? undefined : runs.column(field);
}

function compared(
  runs: ProjectRuns,
  field: RunField,
  op: "<" | "<=" | ">" | ">=",
  value: string | number,
): Mask {
  const mask = new Uint8Array(runs.count);
  const { num, codes, texts } = columnOf(runs, field) ?? {};
  if (typeof value === "number") {
    if (num) within(mask, num, op, value);
    return mask;
  }
  if (!codes || !texts) return mask;
  // Texts compare by rank. One that is not among them lies between two ranks.
  const text = cellText(value);
  const rank = texts.find(text) === undefined ? texts.rankOf(text) - 0.5 : texts.rankOf(text);
  const ranks = texts.ranks();
  const accepted = new Uint8Array(texts.size);
  within(accepted, ranks, op, rank);
  pick(mask, codes, accepted);
  return mask;
}

/** NaN compares false with everything. */
function within(
  mask: Mask,
  values: Float64Array | Int32Array,
  op: "<" | "<=" | ">" | ">=",
  bound: number,
): void {
  const { length } = mask;
  if (op === "<") for (let at = 0; at < length; at++) mask[at] = (values[at] as number) < bound ? 1 : 0;
  else if (op === "<=")
    for (let at = 0; at < length; at++) mask[at] = (values[at] as number) <= bound ? 1 : 0;
  else if (op === ">") for (let at = 0; at < length; at++) mask[at] = (values[at] as number) > bound ? 1 : 0;
  else for (let at = 0; at < length; at++) mask[at] = (values[at] as number) >= bound ? 1 : 0;
}

/** Adds the runs whose text has a code that is accepted. */
function pick(mask: Mask, codes: Int32Array, accepted: Uint8Array): void {
  for (let at = 0; at < mask.length; at++) {
    const code = codes[at] as number;
    if (code >= 0 && accepted[code] === 1) mask[at] = 1;
  }
}

function among(runs: ProjectRuns, field: RunField, values: readonly Scalar[]): Mask {
  const mask = new Uint8Array(runs.count);
  if (values.includes(null)) or(mask, inverted(present(runs, field)));
  const given = values.filter((value) => value !== null);
  if (field.kind === "tags") {
    for (const tag of given) or(mask, valued(runs, runs.column({ kind: "tag", tag: cellText(String(tag)) })));
    return mask;
  }
  const { num, codes, texts } = columnOf(runs, field) ?? {};
  const numbers = given.filter((value) => typeof value === "number");
  if (num && numbers.length === 1) {
    const [one] = numbers;
    for (let at = 0; at < mask.length; at++) if (num[at] === one) mask[at] = 1;
  } else if (num && numbers.length > 0) {
    const wanted = new Set(numbers);
    for (let at = 0; at < mask.length; at++) if (wanted.has(num[at] as number)) mask[at] = 1;
  }
  if (codes && texts) {
    const accepted = new Uint8Array(texts.size);
    for (const value of given) {
      const code = typeof value === "number" ? undefined : texts.find(cellText(String(value)));
      if (code !== undefined) accepted[code] = 1;
    }
    pick(mask, codes, accepted);
  }
  return mask;
}

type Matches = Extract<Filter, { kind: "matches" }>;

function matching(runs: ProjectRuns, filter: Matches, budget: Budget): Mask {
  const { field } = filter;
  const mask = new Uint8Array(runs.count);
  if (field.kind === "tags") {
    for (const tag of runs.tags()) {
      if (matches(filter, tag, budget)) or(mask, valued(runs, runs.column({ kind: "tag", tag })));
    }
    return mask;
  }
  const { codes, texts } = columnOf(runs, field) ?? {};
  if (codes && texts) pick(mask, codes, matchingTexts(filter, texts, budget));
  return mask;
}

function matches({ regex }: Matches, text: string, budget: Budget): boolean {
  try {
    return regex.test(shownText(text), budget);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new SteelyardError("invalid-filter", `filter: the pattern ${error.message}`);
  }
}

/** Codes that a pattern lets through are kept: a list is paged, sorted and counted by the same one. */
const KEPT_PATTERNS = 8;
const known = new WeakMap<Texts, Map<string, Uint8Array>>();

/** Each distinct text is looked at once. */
function matchingTexts(filter: Matches, texts: Texts, budget: Budget): Uint8Array {
  const ofTexts = known.get(texts) ?? new Map<string, Uint8Array>();
  known.set(texts, ofTexts);
  const before = ofTexts.get(filter.pattern) ?? new Uint8Array(0);
  const accepted = new Uint8Array(texts.size);
  accepted.set(before);
  // A code keeps its text: only those that came since are new.
  for (let code = before.length; code < texts.size; code++) {
    if (matches(filter, texts.text(code), budget)) accepted[code] = 1;
  }
  ofTexts.delete(filter.pattern);
  ofTexts.set(filter.pattern, accepted);
  for (const oldest of ofTexts.keys()) {
    if (ofTexts.size <= KEPT_PATTERNS) break;
    ofTexts.delete(oldest);
  }
  return accepted;
}
