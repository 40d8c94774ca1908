import type { SeriesQuestion, XAxis } from "../../ports/metric-store.ts";
import type { Range } from "./buckets.ts";
import { runStart } from "./run-start.ts";
import { bounds, firstBlock, type SealedPart, type SealedStream } from "./sealed-parts.ts";
import { guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/** Which lines a chart has, and where their points lie. Nothing of them is decoded here. */

/** One run × key that may have points. */
export interface Line {
  run: number;
  key: string;
  /** What is read is a clock; the answer counts from when the run first started. */
  start: number;
  /** Asked for, in what is read. */
  range: Range;
  /** As they came: of points with one x, the later counts as the last. */
  parts: readonly Part[];
  /** Points, if none is dead: of parts that the range cuts, their share of steps. */
  most: number;
  /** The same of rows, with or without a point. */
  rows: number;
  /** The first and the last step of the parts, within the range where it is one of steps, and how many these are. */
  first: number;
  last: number;
  steps: number;
}

export type Part = SealedPart;

/** undefined = the step. */
export function keyOfAxis(x: XAxis): string | undefined {
  switch (x.kind) {
    case "step":
      return undefined;
    case "relative":
      return "_runtime";
    case "wall":
    case "relative-wall":
      return "_timestamp";
    case "key":
      return x.key === "_step" ? undefined : x.key;
  }
}

/** `proceed` is called before each run and throws when the work is to end. */
export function linesOf(
  stored: StoredBlocks,
  question: SeriesQuestion,
  damaged: string[],
  proceed: () => void,
): Line[] {
  const { runs, keys, stream, x } = question;
  const byStep = keyOfAxis(x) === undefined;
  const lines: Line[] = [];
  for (const run of runs) {
    proceed();
    const start = x.kind === "relative-wall" ? runStart(stored, run, stream, damaged) : 0;
    if (start === undefined) continue;
    const range = {
      min: start + (question.min ?? Number.NEGATIVE_INFINITY),
      max: start + (question.max ?? Number.POSITIVE_INFINITY),
    };
    const places = placesOf(stored, run, stream);
    const asked = byStep ? range : EVERYWHERE;
    for (const key of keys) {
      const parts = partsOf(stored, places, key, asked, damaged);
      if (parts.length > 0) lines.push({ run, key, start, range, parts, ...sizeOf(parts, byStep, range) });
    }
  }
  return lines;
}

const EVERYWHERE: Range = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/** Of one stream. */
interface Place {
  sealed: SealedStream;
  journal: StoredBlock[];
}

function placesOf(stored: StoredBlocks, run: number, stream: string): Place[] {
  return stored
    .streams(run, stream)
    .map(({ id }) => ({ sealed: stored.sealed.stream(id), journal: stored.journal(id) }));
}

/** Those that have a point of the key and a step in the range. */
function partsOf(
  stored: StoredBlocks,
  places: readonly Place[],
  key: string,
  { min, max }: Range,
  damaged: string[],
): readonly Part[] {
  const meets = ({ minStep, maxStep }: { minStep: number; maxStep: number }) =>
    maxStep >= min && minStep <= max;
  let all: readonly Part[] = [];
  for (const { sealed, journal } of places) {
    let parts = stored.sealed.ofKey(sealed, key);
    if (!parts.every(meets)) parts = parts.filter(meets);
    const rest: Part[] = [];
    for (const block of journal) {
      if (!meets(block)) continue;
      const points = journalPoints(stored, block, key, damaged);
      if (points > 0) rest.push({ ...bounds(block), points, block, hasPyramid: false });
    }
    if (rest.length > 0) parts = [...parts, ...rest].sort((a, b) => firstBlock(a) - firstBlock(b));
    all = all.length > 0 ? [...all, ...parts] : parts;
  }
  return all;
}

function journalPoints(stored: StoredBlocks, block: StoredBlock, key: string, damaged: string[]): number {
  let count = 0;
  guarded(damaged, () => {
    for (const column of stored.head(block).columns) {
      if (column.key === key && column.kind === "number") count += column.count;
    }
  });
  return count;
}

function sizeOf(parts: readonly Part[], byStep: boolean, { min, max }: Range) {
  let most = 0;
  let rows = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const part of parts) {
    const { minStep, maxStep, points } = part;
    const from = byStep ? Math.max(min, minStep) : minStep;
    const to = byStep ? Math.min(max, maxStep) : maxStep;
    const share = Math.min(1, (to - from + 1) / (maxStep - minStep + 1));
    most += points * share;
    rows += part.rows * share;
    first = Math.min(first, from);
    last = Math.max(last, to);
  }
  return { most, rows, first, last, steps: last - first + 1 };
}
