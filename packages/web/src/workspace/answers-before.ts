import { type LineMark, type RunVersion, type SentSeries, spliced } from "@steelyard/protocol/series";
import type { Frame } from "./live-frame.ts";
import type { KeyQuestion } from "./series.ts";

/** Remembered; the answers are mostly those that the page's cache holds anyway. */
const MAX_QUESTIONS = 200;
const MAX_BYTES = 128 * 2 ** 20;

export interface Answered {
  /** By run. */
  versions: Map<string, string>;
  answers: SentSeries[];
  /** Whose buckets they are; undefined: of a range of the question's own, or none. */
  frame?: Frame | undefined;
}

/** What the server answered last, so that of the same question only what changed since must come again. */
export class AnswersBefore {
  readonly #byQuestion = new Map<string, Answered & { bytes: number }>();
  #bytes = 0;

  of(question: KeyQuestion): Answered | undefined {
    return this.#byQuestion.get(nameOf(question));
  }

  remember(question: KeyQuestion, answered: Answered): void {
    const name = nameOf(question);
    this.#forget(name);
    const bytes = answered.answers.reduce((sum, answer) => sum + bytesOf(answer), 0);
    this.#byQuestion.set(name, { ...answered, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#byQuestion.keys()) {
      if (this.#byQuestion.size <= MAX_QUESTIONS && this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#bytes -= this.#byQuestion.get(name)?.bytes ?? 0;
    this.#byQuestion.delete(name);
  }
}

/** At most: columns of one number are shared or not there. */
function bytesOf({ xFirst, last, min, max, count, nonFinite }: SentSeries): number {
  return [xFirst, last, min, max, count, nonFinite].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What to send as `have`: the runs of which all these answers know the same version. */
export function commonVersions(known: readonly (Answered | undefined)[]): Record<string, string> {
  const [first] = known;
  const same: Record<string, string> = {};
  for (const [run, version] of first?.versions ?? []) {
    if (known.every((answered) => answered?.versions.get(run) === version)) same[run] = version;
  }
  return same;
}

/**
 * What to send as `marks` of a chart that was asked for before, so that of lines that grew only what is new comes.
 * `known`: by key, what those who ask for it have.
 */
export function commonMarks(
  runs: readonly string[],
  known: readonly (readonly (Answered | undefined)[])[],
): LineMark[] | undefined {
  if (known.every((ones) => ones.every((answered) => answered === undefined))) return undefined;
  const places = new Map(runs.map((run, at) => [run, at]));
  return known.flatMap(([first, ...others], key) => {
    // Panels that ask the same have the same.
    const apart = others.filter((other) => other?.answers !== first?.answers);
    const isCommon = ({ run, mark }: SentSeries) =>
      apart.every((other) => other?.answers.find((answer) => answer.run === run)?.mark === mark);
    return (first?.answers ?? []).flatMap((answer): LineMark[] => {
      const place = places.get(answer.run);
      return place === undefined || answer.mark === undefined || !isCommon(answer)
        ? []
        : [[place, key, answer.mark]];
    });
  });
}

/**
 * The whole answer: what came, and of the runs that did not change what was there before. What came as it was is the same
 * object still, so that it is not drawn again.
 */
export function renewed(
  before: Answered | undefined,
  runs: readonly RunVersion[],
  fresh: readonly SentSeries[],
  unchanged: readonly string[],
): Answered {
  const known = new Map(before?.answers.map((answer) => [answer.run, answer]));
  const same = new Set(unchanged);
  const kept = before?.answers.filter(({ run }) => same.has(run)) ?? [];
  const order = new Map(runs.map(({ run }, at) => [run, at]));
  const now = fresh.map((answer) => {
    const old = known.get(answer.run);
    if (old && sameAnswer(old, answer)) return old;
    if (answer.from === undefined) return answer;
    if (!old) throw new RangeError(`what ${answer.run} begins with is not known`);
    return spliced(old, answer);
  });
  const answers = [...kept, ...now].sort((a, b) => (order.get(a.run) ?? 0) - (order.get(b.run) ?? 0));
  const isOld =
    answers.length === before?.answers.length && answers.every((one, at) => one === before.answers[at]);
  return {
    versions: new Map(runs.map(({ run, version }) => [run, version])),
    answers: isOld ? before.answers : answers,
  };
}

function sameAnswer(a: SentSeries, b: SentSeries): boolean {
  const { from = 0 } = b;
  return (
    a.points === b.points &&
    a.xLast.length === from + b.xLast.length &&
    b.xLast.every((x, at) => x === a.xLast[from + at] && Object.is(a.last[from + at], b.last[at]))
  );
}

function nameOf(question: KeyQuestion): string {
  const { entity, project, runs, stream, key, x, min, max, buckets, grouping, expression } = question;
  return JSON.stringify([entity, project, runs, stream, key, x, min, max, buckets, grouping, expression]);
}
