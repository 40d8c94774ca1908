import { SteelyardError } from "../../errors.ts";
import { cellText, shownText } from "../../ports/run-question/cell-text.ts";
import type { Filter, Scalar } from "../../ports/run-question/filter.ts";
import { type Budget, PatternError } from "../../ports/run-question/linear-regex.ts";
import type { RunField } from "../../ports/run-question/run-field.ts";
import type { ColumnName } from "./column.ts";
import type { Texts } from "./texts.ts";

/** 1 for each run that the filter lets through, by its place. Means what `query/filter-sql.ts` means. */
export type Mask = Uint8Array;

/** Runs whose filters are looked at: all of a project, or some. */
export interface RunsView {
  readonly count: number;
  column(name: ColumnName): ColumnView;
  /** Every tag that some run has. */
  tags(): string[];
}

/** See `Column`. */
export interface ColumnView {
  readonly num: Float64Array | undefined;
  readonly codes: Int32Array | undefined;
  readonly texts: Texts;
}

export function filtered(runs: RunsView, filter: Filter, budget: Budget): Mask {
  switch (filter.kind) {
    case "all": {
      const [first, ...others] = filter.parts;
      if (!first) return emptyMask(runs.count).fill(1);
      const mask = filtered(runs, first, budget);
      for (const part of others) and(mask, filtered(runs, part, budget));
      return mask;
    }
    case "any": {
      const mask = emptyMask(runs.count);
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

/** Whole words, so that masks are put together four runs at a time. */
function emptyMask(count: number): Mask {
  return new Uint8Array(new ArrayBuffer(wordsFor(count) * 4), 0, count);
}

function wordsFor(count: number): number {
  return (count + 3) >>> 2;
}

function wordsOf({ buffer, length }: Mask): Uint32Array {
  return new Uint32Array(buffer, 0, wordsFor(length));
}

/** `other` may be longer; both are whole words from their buffer's beginning. */
export function and(mask: Mask, other: Mask): void {
  const [words, others] = [wordsOf(mask), wordsOf(other)];
  for (let at = 0; at < words.length; at++) words[at] = (words[at] as number) & (others[at] as number);
}

function or(mask: Mask, other: Mask): void {
  const [words, others] = [wordsOf(mask), wordsOf(other)];
  for (let at = 0; at < words.length; at++) words[at] = (words[at] as number) | (others[at] as number);
}

function inverted(mask: Mask): Mask {
  const words = wordsOf(mask);
  for (let at = 0; at < words.length; at++) words[at] = (words[at] as number) ^ 0x01010101;
  return mask;
}

/*
 * The loops below choose by arithmetic, not by branches: which of a million runs match cannot be foretold by a processor,
 * and each time it guesses wrong costs more than all the rest of the step.
 */

/** Any value of either type. */
function valued(runs: RunsView, { num, codes }: ColumnView): Mask {
  const mask = emptyMask(runs.count);
  if (num) for (let at = 0; at < mask.length; at++) mask[at] = Number(!Number.isNaN(num[at]));
  if (codes) {
    for (let at = 0; at < mask.length; at++)
      mask[at] = (mask[at] as number) | Number((codes[at] as number) >= 0);
  }
  return mask;
}

function present(runs: RunsView, field: RunField): Mask {
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
function columnOf(runs: RunsView, field: RunField): ColumnView | undefined {
  if (field.kind === "cell" || field.kind === "key") return runs.column({ kind: "cell", path: field.path });
  return field.kind === "tags" || field.kind === "artifacts" ? undefined : runs.column(field);
}

function compared(
  runs: RunsView,
  field: RunField,
  op: "<" | "<=" | ">" | ">=",
  value: string | number,
): Mask {
  const mask = emptyMask(runs.count);
  const { num, codes, texts } = columnOf(runs, field) ?? {};
  if (typeof value === "number") {
    if (num) within(mask, num, op, value);
    return mask;
  }
  if (!codes || !texts) return mask;
  // Texts compare by rank. One that is not among them lies behind the last one before it.
  const { rank, found } = texts.rankOf(cellText(value));
  const ranks = texts.ranks();
  const accepted = new Uint8Array(texts.size);
  within(accepted, ranks, found ? op : op === "<" || op === "<=" ? "<=" : ">", rank);
  pick(mask, codes, accepted);
  return mask;
}

/** NaN compares false with everything. */
function within(mask: Mask, values: Float64Array, op: "<" | "<=" | ">" | ">=", bound: number): void {
  const { length } = mask;
  if (op === "<") for (let at = 0; at < length; at++) mask[at] = Number((values[at] as number) < bound);
  else if (op === "<=")
    for (let at = 0; at < length; at++) mask[at] = Number((values[at] as number) <= bound);
  else if (op === ">") for (let at = 0; at < length; at++) mask[at] = Number((values[at] as number) > bound);
  else for (let at = 0; at < length; at++) mask[at] = Number((values[at] as number) >= bound);
}

/** Adds the runs whose text has a code that is accepted. */
function pick(mask: Mask, codes: Int32Array, accepted: Uint8Array): void {
  // None, which is -1, is the first.
  const byCode = new Uint8Array(accepted.length + 1);
  byCode.set(accepted, 1);
  for (let at = 0; at < mask.length; at++) {
    mask[at] = (mask[at] as number) | (byCode[(codes[at] as number) + 1] as number);
  }
}

function among(runs: RunsView, field: RunField, values: readonly Scalar[]): Mask {
  const mask = emptyMask(runs.count);
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
    for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) | Number(num[at] === one);
  } else if (num && numbers.length > 0) {
    const wanted = new Set(numbers);
    for (let at = 0; at < mask.length; at++) if (wanted.has(num[at] as number)) mask[at] = 1;
  }
  if (codes && texts) {
    const wanted = given.flatMap((value) =>
      typeof value === "number" ? [] : (texts.find(cellText(String(value))) ?? []),
    );
    if (wanted.length === 1) {
      const [one] = wanted;
      for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) | Number(codes[at] === one);
    } else if (wanted.length > 0) {
      const accepted = new Uint8Array(texts.size);
      for (const code of wanted) accepted[code] = 1;
      pick(mask, codes, accepted);
    }
  }
  return mask;
}

type Matches = Extract<Filter, { kind: "matches" }>;

function matching(runs: RunsView, filter: Matches, budget: Budget): Mask {
  const { field } = filter;
  const mask = emptyMask(runs.count);
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
const keptPatterns = new WeakMap<Texts, Map<string, Uint8Array>>();

/** Each distinct text is looked at once. */
function matchingTexts(filter: Matches, texts: Texts, budget: Budget): Uint8Array {
  const ofTexts = keptPatterns.get(texts) ?? new Map<string, Uint8Array>();
  keptPatterns.set(texts, ofTexts);
  let accepted = ofTexts.get(filter.pattern) ?? new Uint8Array(0);
  const known = accepted.length;
  if (known < texts.size) {
    const before = accepted;
    accepted = new Uint8Array(texts.size);
    accepted.set(before);
    // A code keeps its text: only those that came since are new.
    for (let code = known; code < texts.size; code++) {
      if (matches(filter, texts.text(code), budget)) accepted[code] = 1;
    }
  }
  ofTexts.delete(filter.pattern);
  ofTexts.set(filter.pattern, accepted);
  for (const oldest of ofTexts.keys()) {
    if (ofTexts.size <= KEPT_PATTERNS) break;
    ofTexts.delete(oldest);
  }
  return accepted;
}
