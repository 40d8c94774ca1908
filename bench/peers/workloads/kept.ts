import type { GivenImage } from "./given.ts";

/** "all", or what is lost, doubled or changed, of things that are told apart by a number or a digest. */
function inWords(lost: number, doubled: number, changed: number, all: string): string {
  const wrong = [
    ...(lost > 0 ? [`**${lost.toLocaleString("en")} lost**`] : []),
    ...(doubled > 0 ? [`**${doubled.toLocaleString("en")} doubled**`] : []),
    ...(changed > 0 ? [`**${changed.toLocaleString("en")} changed**`] : []),
  ];
  return wrong.length > 0 ? wrong.join(", ") : all;
}

/** Of lines 0 … given − 1, each of which is to be there once. */
export function linesKept(given: number, read: readonly number[]): string {
  const distinct = new Set(read.filter((line) => line >= 0 && line < given));
  const order = read.every((line, at) => at === 0 || line >= (read[at - 1] ?? 0));
  return inWords(given - distinct.size, read.length - distinct.size, 0, order ? "all" : "all, not in order");
}

/** Of pictures: the same bytes, or the same pixels in other bytes. */
export function imagesKept(
  given: readonly GivenImage[],
  read: readonly (readonly [bytes: string, pixels: string])[],
): string {
  const left = new Map<string, number>();
  for (const [, pixels] of read) left.set(pixels, (left.get(pixels) ?? 0) + 1);
  let missing = 0;
  for (const { pixels } of given) {
    const count = left.get(pixels) ?? 0;
    if (count === 0) missing++;
    else left.set(pixels, count - 1);
  }
  const known = new Set(given.map(({ pixels }) => pixels));
  const strange = read.filter(([, pixels]) => !known.has(pixels)).length;
  const doubled = [...left].reduce((sum, [pixels, count]) => sum + (known.has(pixels) ? count : 0), 0);
  const changed = Math.min(missing, strange);
  const sameBytes = new Set(read.map(([bytes]) => bytes));
  const all = given.every(({ bytes }) => sameBytes.has(bytes))
    ? "all"
    : "all, the same pixels in other bytes";
  return inWords(missing - changed, doubled + strange - changed, changed, all);
}

/** Of tables whose rows have their number and half of it: the rows and those cells' sum. */
export function tablesKept(
  given: number,
  rows: number,
  read: readonly (readonly [rows: number, sum: number])[],
): string {
  const sum = (1.5 * rows * (rows - 1)) / 2;
  const changed = read.filter((table) => table[0] !== rows || Math.abs(table[1] - sum) > 1e-6).length;
  return inWords(Math.max(0, given - read.length), Math.max(0, read.length - given), changed, "all");
}

/** Of the files of a folder. */
export function filesKept(given: ReadonlyMap<string, string>, read: ReadonlyMap<string, string>): string {
  let [lost, changed] = [0, 0];
  for (const [path, digest] of given) {
    const found = read.get(path);
    if (found === undefined) lost++;
    else if (found !== digest) changed++;
  }
  const more = [...read.keys()].filter((path) => !given.has(path)).length;
  return inWords(lost, more, changed, "all");
}
