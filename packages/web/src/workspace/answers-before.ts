import type { RunVersion, SeriesAnswer } from "@steelyard/protocol/series";
import type { KeyQuestion } from "./series.ts";

/** Questions remembered; their answers are mostly those that the page's cache holds anyway. */
const MAX_QUESTIONS = 200;

export interface Answered {
  /** By run. */
  versions: Map<string, string>;
  answers: SeriesAnswer[];
}

/** What the server answered last, so that of the same question only what changed since must come again. */
export class AnswersBefore {
  readonly #byQuestion = new Map<string, Answered>();

  of(question: KeyQuestion): Answered | undefined {
    return this.#byQuestion.get(nameOf(question));
  }

  remember(question: KeyQuestion, answered: Answered): void {
    const name = nameOf(question);
    this.#byQuestion.delete(name);
    this.#byQuestion.set(name, answered);
    for (const oldest of this.#byQuestion.keys()) {
      if (this.#byQuestion.size <= MAX_QUESTIONS) break;
      this.#byQuestion.delete(oldest);
    }
  }
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

/** The whole answer: what came, and of the runs that did not change what was there before. */
export function renewed(
  before: Answered | undefined,
  runs: readonly RunVersion[],
  fresh: readonly SeriesAnswer[],
  unchanged: readonly string[],
): Answered {
  const kept = before?.answers.filter(({ run }) => unchanged.includes(run)) ?? [];
  const order = new Map(runs.map(({ run }, at) => [run, at]));
  return {
    versions: new Map(runs.map(({ run, version }) => [run, version])),
    answers: [...kept, ...fresh].sort((a, b) => (order.get(a.run) ?? 0) - (order.get(b.run) ?? 0)),
  };
}

function nameOf({ entity, project, runs, stream, key, x, min, max, buckets }: KeyQuestion): string {
  return JSON.stringify([entity, project, runs, stream, key, x, min, max, buckets]);
}
