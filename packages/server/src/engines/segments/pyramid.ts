import { asBytes, DamagedChunk, decodeNumbers, encodeNumbers } from "./chunk.ts";

/**
 * The summary of a sealed numeric column: one entry per group of 64 consecutive rows of the block. All columns group
 * the same rows, so the group of a value and the group of its x are one. A block with fewer than two groups has none:
 * its chunk is as cheap. Spans (`span.ts`) put the groups of many blocks end to end and have coarser levels as well.
 */
export const GROUP_ROWS = 64;
export const MIN_PYRAMID_ROWS = 2 * GROUP_ROWS;
/** A group of a coarser level is so many groups of the level below: 64, 512 and 4,096 rows. */
export const FACTOR = 8;
export const LEVELS = 3;
/**
 * Sizes of groups that a chart may want: 64 rows, 128 and so on. Those that are no level are made of the level below them,
 * beyond the coarsest up to 32,768 rows. Below 0: 32, 16 and 8 rows, which are made of the rows (`fine.ts`).
 */
export const SIZES = 10;
export const FINEST_SIZE = -3;

export function rowsOfSize(size: number): number {
  return GROUP_ROWS * 2 ** size;
}

/** The level that groups of a size are made of, and how many of it they are each; below 0 = of rows. */
export function levelOfSize(size: number): { level: number; merged: number } {
  const level = Math.min(LEVELS - 1, Math.floor(size / SIZES_A_LEVEL));
  return { level, merged: 2 ** (size - level * SIZES_A_LEVEL) };
}
const SIZES_A_LEVEL = Math.log2(FACTOR);

/** What groups of rows hold. */
export interface Summary {
  groups: number;
  /** Over the finite values of the group; NaN when there is none (sum: 0). */
  min: Numbers;
  max: Numbers;
  sum: Float64Array;
  first: Numbers;
  last: Numbers;
  /** Finite values, and others. */
  count: Counts;
  nonFinite: Counts;
  /** Absent when all are finite, and where an earlier version counted `nonFinite` alone (`kindsUnknown`). */
  kinds?: Kinds | undefined;
  /** Every group has finite values and no others; each begins where the one before ends, or after it. */
  isWhole?: boolean;
}

/** Of the values that are not finite, which are infinite; the others are NaN. */
export type Kinds = Record<(typeof KINDS)[number], Counts>;
export const KINDS = ["infinite", "negativeInfinite"] as const;

export function noKinds(groups: number, Of: typeof Uint8Array | typeof Uint16Array = Uint16Array): Kinds {
  return { infinite: new Of(groups), negativeInfinite: new Of(groups) };
}

export function kindsUnknown({ kinds, nonFinite }: Pick<Summary, "kinds" | "nonFinite">): boolean {
  return !kinds && nonFinite.some((count) => count > 0);
}

/** Of parts end to end: undefined when it is not known of one of them, or there is nothing to know. */
export function joinKinds(
  parts: readonly (Summary | undefined)[],
  starts: ArrayLike<number>,
  joined: Counts,
): Kinds | undefined {
  if (parts.every((part) => !part?.kinds) || parts.some((part) => part && kindsUnknown(part)))
    return undefined;
  const kinds = noKinds(joined.length, joined instanceof Uint8Array ? Uint8Array : Uint16Array);
  for (const [i, part] of parts.entries())
    if (part?.kinds)
      for (const name of KINDS) kinds[name].set(part.kinds[name].subarray(0, part.groups), starts[i]);
  return kinds;
}

export interface Pyramid extends Summary {
  /** Rows, within the group, of the first and the last value of either sort. */
  firstRow: Counts;
  lastRow: Counts;
}
/** float32 where every one is a float32, as most of what is trained on is. */
export type Numbers = Float64Array | Float32Array;
/** Bytes where a group has 64 rows, else 16 bits. */
type Counts = Uint8Array | Uint16Array;

const VALUE_COLUMNS = 4;
const COUNT_COLUMNS = 4;
const COUNT_COLUMNS_WITH_KINDS = COUNT_COLUMNS + KINDS.length;

/** `rows`: for each value, its row in the block of `blockRows`. Narrow values make a narrow pyramid. */
export function buildPyramid(
  blockRows: number,
  rows: Uint32Array,
  values: Numbers,
  groupRows = GROUP_ROWS,
): Pyramid {
  const pyramid = emptyPyramid(Math.ceil(blockRows / groupRows), Uint8Array, values instanceof Float32Array);
  const { min, max, sum, first, last, count, nonFinite, firstRow, lastRow } = pyramid;
  for (let i = 0; i < values.length; i++) {
    const row = rows[i] ?? 0;
    const group = (row / groupRows) | 0;
    const value = values[i] ?? 0;
    if (count[group] === 0 && nonFinite[group] === 0) firstRow[group] = row % groupRows;
    lastRow[group] = row % groupRows;
    if (!Number.isFinite(value)) {
      nonFinite[group] = (nonFinite[group] ?? 0) + 1;
      pyramid.kinds ??= noKinds(pyramid.groups, Uint8Array);
      addKind(pyramid.kinds, group, value);
      continue;
    }
    if (count[group] === 0) {
      min[group] = value;
      max[group] = value;
      first[group] = value;
    } else if (value < (min[group] ?? 0)) min[group] = value;
    else if (value > (max[group] ?? 0)) max[group] = value;
    last[group] = value;
    sum[group] = (sum[group] ?? 0) + value;
    count[group] = (count[group] ?? 0) + 1;
  }
  return pyramid;
}

/** Of a value that is not finite, in a group or a bucket. */
export function addKind(
  kinds: Record<(typeof KINDS)[number], Counts | Float64Array>,
  group: number,
  value: number,
): void {
  const { infinite, negativeInfinite } = kinds;
  if (value > 0) infinite[group] = (infinite[group] as number) + 1;
  else if (value < 0) negativeInfinite[group] = (negativeInfinite[group] as number) + 1;
}

function emptyPyramid(groups: number, Of: typeof Uint8Array | typeof Uint16Array, narrow = false): Pyramid {
  const gap = () => (narrow ? new Float32Array(groups) : new Float64Array(groups)).fill(Number.NaN);
  return {
    groups,
    min: gap(),
    max: gap(),
    sum: new Float64Array(groups),
    first: gap(),
    last: gap(),
    count: new Of(groups),
    nonFinite: new Of(groups),
    kinds: undefined,
    firstRow: new Of(groups),
    lastRow: new Of(groups),
  };
}

const COLUMNS = ["min", "max", "sum", "first", "last", "count", "nonFinite", "firstRow", "lastRow"] as const;

/** The groups of all, end to end; undefined = so many groups without a value. */
export function joinPyramids(pyramids: readonly (Pyramid | undefined)[], groups: readonly number[]): Pyramid {
  const joined = emptyPyramid(
    groups.reduce((sum, one) => sum + one, 0),
    Uint8Array,
  );
  const starts: number[] = [];
  let at = 0;
  for (const [i, pyramid] of pyramids.entries()) {
    if (pyramid) for (const column of COLUMNS) joined[column].set(pyramid[column], at);
    starts.push(at);
    at += groups[i] ?? 0;
  }
  joined.kinds = joinKinds(pyramids, starts, joined.nonFinite);
  return joined;
}

export function slicePyramid(pyramid: Pyramid, from: number, to: number): Pyramid {
  const cut = { ...pyramid, groups: to - from };
  for (const column of COLUMNS) Object.assign(cut, { [column]: pyramid[column].slice(from, to) });
  const { kinds } = pyramid;
  if (kinds)
    cut.kinds = {
      infinite: kinds.infinite.slice(from, to),
      negativeInfinite: kinds.negativeInfinite.slice(from, to),
    };
  return cut;
}

export function hasValues({ count, nonFinite }: Pyramid): boolean {
  return count.some((one) => one > 0) || nonFinite.some((one) => one > 0);
}

/** All zero, in one piece of memory: to ask for seven takes as long as to fill them. */
export function emptySummary(groups: number, narrow: boolean): Summary {
  const width = narrow ? 4 : 8;
  const memory = new ArrayBuffer(groups * (8 + VALUE_COLUMNS * width + 2 * 2));
  let at = groups * 8;
  const values = () => {
    const column = narrow ? new Float32Array(memory, at, groups) : new Float64Array(memory, at, groups);
    at += column.byteLength;
    return column;
  };
  const [min, max, last, first] = [values(), values(), values(), values()];
  const counts = () => {
    const column = new Uint16Array(memory, at, groups);
    at += column.byteLength;
    return column;
  };
  const sum = new Float64Array(memory, 0, groups);
  return { groups, min, max, sum, first, last, count: counts(), nonFinite: counts(), kinds: undefined };
}

/** Bytes in memory. */
export function sizeOf(pyramid: Pyramid): number {
  return sizeOfSummary(pyramid) + pyramid.groups * 2 * pyramid.count.BYTES_PER_ELEMENT;
}

export function sizeOfSummary({ groups, count, min, kinds }: Summary): number {
  const counts = kinds ? 4 : 2;
  return groups * (8 + VALUE_COLUMNS * min.BYTES_PER_ELEMENT + counts * count.BYTES_PER_ELEMENT);
}

/**
 * The level above: of each `factor` groups one, narrow where they are. `rows`: rows of each group of this level, with or
 * without a value. No group may come to 65,536 rows.
 */
export function coarserPyramid(fine: Pyramid, rows: ArrayLike<number>, factor = FACTOR): Pyramid {
  const coarse = emptyPyramid(Math.ceil(fine.groups / factor), Uint16Array, fine.min instanceof Float32Array);
  const { min, max, sum, first, last, count, nonFinite, firstRow, lastRow } = coarse;
  const { kinds } = fine;
  if (kinds) coarse.kinds = coarserKinds(kinds, coarse.groups, factor);
  let row = 0;
  for (let from = 0; from < fine.groups; from++) {
    const to = Math.floor(from / factor);
    if (from % factor === 0) row = 0;
    const finite = fine.count[from] as number;
    const others = fine.nonFinite[from] as number;
    if (finite + others > 0) {
      if (count[to] === 0 && nonFinite[to] === 0) firstRow[to] = row + (fine.firstRow[from] as number);
      lastRow[to] = row + (fine.lastRow[from] as number);
      nonFinite[to] = (nonFinite[to] as number) + others;
    }
    if (finite > 0) {
      const low = fine.min[from] as number;
      const high = fine.max[from] as number;
      if (count[to] === 0) {
        min[to] = low;
        max[to] = high;
        first[to] = fine.first[from] as number;
      } else {
        if (low < (min[to] as number)) min[to] = low;
        if (high > (max[to] as number)) max[to] = high;
      }
      last[to] = fine.last[from] as number;
      sum[to] = (sum[to] as number) + (fine.sum[from] as number);
      count[to] = (count[to] as number) + finite;
    }
    row += rows[from] as number;
  }
  return coarse;
}

/** Of each `factor` groups one. */
export function coarserKinds(fine: Kinds, groups: number, factor: number): Kinds {
  const coarse = noKinds(groups);
  for (const name of KINDS) {
    const [from, to] = [fine[name], coarse[name]];
    for (let at = 0; at < from.length; at++) {
      const group = Math.floor(at / factor);
      to[group] = (to[group] as number) + (from[at] as number);
    }
  }
  return coarse;
}

/**
 * Not compressed, though the reader would take it: a zstd frame costs 60 µs to open and a chart of 100 long runs opens
 * thousands, while it would save 0.2 of the 0.7 bytes that a value's share of float64 takes.
 *
 * One chunk: min, max, sum, first and last, then the four of counts packed into numbers. When all but the sums are float32:
 * the sums, then min, max, first, last and the counts, packed. Where a value is not finite there are two counts more, of ∞ and of -∞.
 * The length says which.
 */
export function encodePyramid(pyramid: Pyramid): Uint8Array {
  const { groups, min, max, sum, first, last, count, nonFinite, firstRow, lastRow, kinds } = pyramid;
  const width = count.BYTES_PER_ELEMENT;
  const narrow = [min, max, first, last].every(isFloat32);
  const all = new Float64Array(numbersIn(groups, width, narrow, kinds !== undefined));
  const narrowed = () => [min, max, first, last].map((column) => Float32Array.from(column));
  const numbers = narrow ? [sum, ...narrowed()] : [min, max, sum, first, last];
  const bytes = asBytes(all);
  let at = 0;
  const ofKinds = kinds ? KINDS.map((name) => kinds[name]) : [];
  for (const column of [...numbers, count, nonFinite, firstRow, lastRow, ...ofKinds]) {
    bytes.set(asBytes(column), at);
    at += column.byteLength;
  }
  return encodeNumbers(all, true);
}

/** `width`: bytes of a count, 1 of the finest level and 2 of others. */
export function decodePyramid(chunk: Uint8Array, groups: number, width: 1 | 2 = 1): Pyramid {
  const all = decodeNumbers(chunk);
  const is = (narrow: boolean, kinds: boolean) => all.length === numbersIn(groups, width, narrow, kinds);
  const narrow = is(true, false) || is(true, true);
  const hasKinds = is(narrow, true) && !is(narrow, false);
  if (!hasKinds && !is(narrow, false)) {
    throw new DamagedChunk("the pyramid has another size than its block");
  }
  const buffer = all.buffer as ArrayBuffer;
  let at = all.byteOffset;
  function next<Column>(Of: { new (buffer: ArrayBuffer, at: number, length: number): Column }, size: number) {
    const column = new Of(buffer, at, groups);
    at += groups * size;
    return column;
  }
  const wide = () => next<Float64Array>(Float64Array, 8);
  const value = () => (narrow ? next<Float32Array>(Float32Array, 4) : wide());
  const counts = () => (width === 1 ? next<Uint8Array>(Uint8Array, 1) : next<Uint16Array>(Uint16Array, 2));
  const sums = narrow ? wide() : undefined;
  // In the order they lie in.
  const [min, max] = [value(), value()];
  const sum = sums ?? wide();
  const [first, last] = [value(), value()];
  const [count, nonFinite, firstRow, lastRow] = [counts(), counts(), counts(), counts()];
  const kinds = hasKinds ? { infinite: counts(), negativeInfinite: counts() } : undefined;
  return { groups, min, max, sum, first, last, count, nonFinite, firstRow, lastRow, kinds };
}

/** Of no fewer than two groups of bytes, or one of 16 bits, each has another. */
function numbersIn(groups: number, width: number, narrow: boolean, kinds: boolean): number {
  const values = narrow ? VALUE_COLUMNS / 2 : VALUE_COLUMNS;
  const counts = kinds ? COUNT_COLUMNS_WITH_KINDS : COUNT_COLUMNS;
  return groups * (1 + values) + Math.ceil((groups * counts * width) / 8);
}

/** The same numbers in half the memory, where it holds them exactly. */
export function narrowed(values: Float64Array): Numbers {
  return isFloat32(values) ? Float32Array.from(values) : values;
}

function isFloat32(values: Numbers): boolean {
  if (values instanceof Float32Array) return true;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (!Object.is(Math.fround(value), value)) return false;
  }
  return true;
}
