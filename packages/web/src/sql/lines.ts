import type { SqlAnswer } from "./sql-query.ts";

/** Columns of an answer as lines: one for each text of `by`, in order of x. */
export interface ResultLine {
  label: string;
  x: Float64Array;
  y: Float64Array;
}

/** More would be a tangle that no colour tells apart. */
export const MAX_LINES = 24;

const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL)/;

export function isNumeric(type: string): boolean {
  return NUMERIC.test(type);
}

export function isTime(type: string): boolean {
  return /^(TIMESTAMP|DATE)/.test(type);
}

/** NaN for what is no number: a gap. Times are seconds since 1970 UTC. */
export function numberOf(value: unknown, type: string): number {
  if (value === null || value === undefined) return Number.NaN;
  if (!isTime(type)) return Number(value);
  const [day = "", time] = String(value).split(" ");
  if (time === undefined) return Date.parse(day) / 1000;
  const zone = /[+-]\d\d(:\d\d)?$/.exec(time)?.[0] ?? "";
  const clock = time.slice(0, time.length - zone.length);
  return Date.parse(`${day}T${clock}${zone === "" ? "Z" : zone.length === 3 ? `${zone}:00` : zone}`) / 1000;
}

/** `x` and `y` by their place among the columns; without `x` the rows are counted. */
export function resultLines(
  { columns, rows }: Pick<SqlAnswer, "columns" | "rows">,
  x: number | undefined,
  y: number,
  by: number | undefined,
): ResultLine[] {
  const groups = new Map<string, [number, number][]>();
  for (const [at, row] of rows.entries()) {
    const label = by === undefined ? (columns[y]?.name ?? "") : String(row[by] ?? "");
    const here = x === undefined ? at : numberOf(row[x], columns[x]?.type ?? "");
    if (!Number.isFinite(here)) continue;
    const points = groups.get(label) ?? [];
    points.push([here, numberOf(row[y], columns[y]?.type ?? "")]);
    groups.set(label, points);
  }
  return [...groups].slice(0, MAX_LINES).map(([label, points]) => {
    points.sort(([a], [b]) => a - b);
    return {
      label,
      x: Float64Array.from(points, ([here]) => here),
      y: Float64Array.from(points, ([, value]) => value),
    };
  });
}

/** What one would look at first: the first number along the first time or other number, a line for each run. */
export function firstChoice({ columns }: Pick<SqlAnswer, "columns">): {
  x: number | undefined;
  y: number | undefined;
  by: number | undefined;
} {
  const places = (test: (type: string, name: string) => boolean) =>
    columns.flatMap(({ name, type }, at) => (test(type, name) ? [at] : []));
  const numbers = places((type) => isNumeric(type));
  const [x] = [
    ...places((type, name) => name === "_step" && isNumeric(type)),
    ...places((type) => isTime(type)),
  ];
  const along = x ?? (numbers.length > 1 ? numbers[0] : undefined);
  const [by] = places((type, name) => type === "VARCHAR" && (name === "run" || name === "name"));
  return { x: along, y: numbers.find((at) => at !== along), by };
}
