import {
  type LineMark,
  SERIES_COLUMNS,
  type SentSeries,
  type SeriesAnswer,
  type SeriesColumn,
} from "@steelyard/protocol/series";

/**
 * Who follows runs that grow has most of each line already. A mark says how a line begins: of all its buckets but the last,
 * which may still grow, how many and what is in them. Where the line of now begins in the same way, only the rest is sent.
 * It is made of the answer itself, so it holds whatever happened in between: rows that came late or were taken back, a
 * range that grew, buckets that moved. Hot: of a hundred lines of each chart, each second.
 */

interface Asked {
  /** As the request counts them. */
  runs: readonly string[];
  keys: readonly string[];
  expressions: readonly string[];
  columns: readonly SeriesColumn[];
  marks: readonly LineMark[];
}

/** With marks, and without what the marked lines have. */
export function withTails(answers: readonly SeriesAnswer[], asked: Asked): SentSeries[] {
  const { runs, keys, expressions, columns, marks } = asked;
  const lines = [
    ...keys.map((key) => lineName("", key)),
    ...expressions.map((text) => lineName("", text, true)),
  ];
  const known = new Map(marks.map(([run, key, mark]) => [`${runs[run]}${lines[key]}`, mark]));
  return answers.map((answer) =>
    withTail(answer, columns, known.get(lineName(answer.run, answer.key, answer.expression))),
  );
}

function lineName(run: string, key: string, expression = false): string {
  return `${run} ${expression} ${key}`;
}

function withTail(
  answer: SeriesAnswer,
  columns: readonly SeriesColumn[],
  known: string | undefined,
): SentSeries {
  const { length } = answer.xFirst;
  const from = bucketsOf(known);
  const end = Math.max(0, length - 1);
  const isComparable = from > 0 && from <= length;
  const digests = digestsOf(answer, columns, isComparable ? from : 0, end);
  const sent: SentSeries = end > 0 ? { ...answer, mark: markOf(end, digests.end) } : { ...answer };
  if (!isComparable || markOf(from, digests.from) !== known) return sent;
  for (const name of columns) sent[name] = answer[name].subarray(from);
  return { ...sent, from };
}

function markOf(buckets: number, digest: string): string {
  return `${buckets}.${digest}`;
}

function bucketsOf(mark = ""): number {
  const buckets = Number.parseInt(mark, 10);
  return Number.isSafeInteger(buckets) ? buckets : 0;
}

/** Of the first `from` and of the first `end` buckets, each number by its bits. */
function digestsOf(
  answer: SeriesAnswer,
  columns: readonly SeriesColumn[],
  from: number,
  end: number,
): { from: string; end: string } {
  const [atFrom, atEnd] = [new Int32Array(2), new Int32Array(2)];
  const [near, far] = from <= end ? [atFrom, atEnd] : [atEnd, atFrom];
  const [first, last] = from <= end ? [from, end] : [end, from];
  for (const name of columns) {
    const { buffer, byteOffset } = answer[name];
    const words = new Int32Array(buffer, byteOffset, last * 2);
    const state = Int32Array.of(SERIES_COLUMNS.indexOf(name), 0);
    digest(state, words, 0, first * 2);
    digest(near, state, 0, 2);
    digest(state, words, first * 2, last * 2);
    digest(far, state, 0, 2);
  }
  return { from: textOf(atFrom), end: textOf(atEnd) };
}

/**
 * Two lanes with the round of xxHash32: 64 bits are enough to tell answers of one line apart, and take a nanosecond a word,
 * far less than sending it.
 */
function digest(state: Int32Array, words: Int32Array, from: number, to: number): void {
  let a = state[0] as number;
  let b = state[1] as number;
  for (let at = from; at < to; at++) {
    const word = words[at] as number;
    a = (a + Math.imul(word, 0x85ebca77)) | 0;
    a = Math.imul((a << 13) | (a >>> 19), 0x9e3779b1);
    b = (b + Math.imul(word, 0xc2b2ae3d)) | 0;
    b = Math.imul((b << 17) | (b >>> 15), 0x27d4eb2f);
  }
  state[0] = a;
  state[1] = b;
}

function textOf(state: Int32Array): string {
  return Array.from(state, (word) => (word >>> 0).toString(36)).join(".");
}
