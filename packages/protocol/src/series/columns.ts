/**
 * How a column of numbers lies in a reply: the shortest of the ways that give back the very same numbers. See
 * docs/formats/series.md.
 */
export type ColumnPlace =
  /** As the earlier column with this index. */
  | ["=", number]
  /** first + index × stride; a constant has stride 0. */
  | ["s", first: number, stride: number]
  /** Little-endian float32 or float64 from this byte of the data on. */
  | ["f", number]
  | ["d", number];

/** Bytes are taken in eights, so that every column can be read where it lies. */
export const ALIGNMENT = 8;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Where each column of one series goes, from byte `at` of the data on; `end` is the first byte after them. */
export function placeColumns(
  columns: readonly Float64Array[],
  at: number,
): { places: ColumnPlace[]; end: number } {
  let end = at;
  const places = columns.map((column, index): ColumnPlace => {
    const same = columns.findIndex((earlier, before) => before < index && isSame(earlier, column));
    if (same >= 0) return ["=", same];
    const stride = strideOf(column);
    if (stride !== undefined) return ["s", column[0] ?? 0, stride];
    const start = end;
    const narrow = isFloat32(column);
    end += align(column.length * (narrow ? 4 : 8));
    return [narrow ? "f" : "d", start];
  });
  return { places, end };
}

export function writeColumn(
  column: Float64Array,
  [kind, at]: ColumnPlace,
  data: ArrayBuffer,
  start: number,
): void {
  if (kind === "f") new Float32Array(data, start + at, column.length).set(column);
  else if (kind === "d") new Float64Array(data, start + at, column.length).set(column);
}

/**
 * float64 is a view on the reply. float32 is widened: one kind of array keeps the loops that draw fast, and costs a
 * nanosecond a value.
 */
export function readColumn(
  place: ColumnPlace,
  length: number,
  data: ArrayBuffer,
  start: number,
  earlier: readonly Float64Array<ArrayBuffer>[],
): Float64Array<ArrayBuffer> {
  switch (place[0]) {
    case "=": {
      const same = earlier[place[1]];
      if (!same) throw new RangeError(`column ${place[1]} comes later than the one that is equal to it`);
      return same;
    }
    case "s": {
      const column = new Float64Array(length);
      const [, first, stride] = place;
      for (let at = 0; at < length; at++) column[at] = first + at * stride;
      return column;
    }
    case "f":
      return new Float64Array(new Float32Array(data, start + place[1], length));
    case "d":
      return new Float64Array(data, start + place[1], length);
    default:
      throw new RangeError(`column of unknown kind ${JSON.stringify(place)}`);
  }
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!Object.is(a[at], b[at])) return false;
  return true;
}

/** JSON has no NaN, no ±Infinity and no -0: columns that begin with one are written out. */
function strideOf(column: Float64Array): number | undefined {
  const first = column[0] ?? 0;
  const stride = column.length > 1 ? (column[1] as number) - first : 0;
  if (!Number.isFinite(first) || !Number.isFinite(stride) || Object.is(first, -0)) return undefined;
  for (let at = 0; at < column.length; at++) {
    if (!Object.is(column[at], first + at * stride)) return undefined;
  }
  return stride;
}

function isFloat32(column: Float64Array): boolean {
  for (let at = 0; at < column.length; at++) {
    const value = column[at] as number;
    if (Math.fround(value) !== value && !Number.isNaN(value)) return false;
  }
  return true;
}
