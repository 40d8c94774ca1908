import { short } from "../report/plot.ts";
import type { LinesPart, TablePart } from "../report/result.ts";
import { growthText, median, slopeOf } from "./growth.ts";
import { lossesText } from "./losses.ts";
import { failureOf } from "./opening.ts";
import type { PeerSystem } from "./systems.ts";
import type { Worker } from "./worker.ts";

/** A question that would take longer is not asked; the table says how long it would. */
const ASKED_FOR_SECONDS = 60;

export interface Answer {
  ms: number[];
  points?: number;
  spikes?: number;
}

/** What systems answered to questions at sizes, or why there is none. */
export class Answers {
  readonly #systems: readonly PeerSystem[];
  readonly #sizes: readonly number[];
  readonly #unit: string;
  readonly #known = new Map<string, Answer | string>();

  /** `unit`: what a size counts. */
  constructor(systems: readonly PeerSystem[], sizes: readonly number[], unit: string) {
    this.#systems = systems;
    this.#sizes = sizes;
    this.#unit = unit;
  }

  note(system: string, question: string, size: number, answer: Answer | string): void {
    this.#known.set(`${system}/${question}/${size}`, answer);
  }

  get(system: string, question: string, size: number): Answer | string | undefined {
    return this.#known.get(`${system}/${question}/${size}`);
  }

  /** Ask and note, unless the sizes before, or `expectedMs`, say that it would take too long. */
  async ask(
    worker: Worker,
    system: string,
    question: string,
    size: number,
    given: object = {},
    expectedMs = this.#expectedMs(system, question, size),
  ): Promise<void> {
    const answer =
      expectedMs > ASKED_FOR_SECONDS * 1000
        ? `would take about ${short(expectedMs / 1000)} s`
        : await worker
            .call<Answer>("ask", { question, ...given }, ASKED_FOR_SECONDS * 4)
            .catch((error: Error) => failureOf(error));
    this.note(system, question, size, answer);
    const words = typeof answer === "string" ? answer : `${short(median(answer.ms))} ms`;
    console.error(`   ${system}, ${short(size)} ${this.#unit}, ${question}: ${words}`);
    // It is still at it: what is asked next would wait.
    if (typeof answer === "string" && answer.startsWith("> ")) throw new Error(answer);
  }

  /** As if it grew with the size. */
  #expectedMs(system: string, question: string, size: number): number {
    const [known, ms] = this.points(system, question).findLast(([before]) => before < size) ?? [size, 0];
    return (ms * size) / known;
  }

  /** Sizes and milliseconds. */
  points(system: string, question: string): [number, number][] {
    return this.#sizes.flatMap((size): [number, number][] => {
      const answer = this.get(system, question, size);
      return answer && typeof answer !== "string" ? [[size, median(answer.ms)]] : [];
    });
  }

  table(question: string, title: string): TablePart {
    return this.tableOf(
      title,
      (system, size) => {
        const answer = this.get(system, question, size) ?? "–";
        return typeof answer === "string" ? answer : short(median(answer.ms));
      },
      ["growth", (system) => growthText(slopeOf(this.points(system, question)))],
    );
  }

  tableOf(
    title: string,
    cell: (system: string, size: number) => string,
    ...more: [head: string, cell: (system: string) => string][]
  ): TablePart {
    return {
      kind: "table",
      title,
      head: [
        "system",
        ...this.#sizes.map((size) => `${short(size)} ${this.#unit}`),
        ...more.map(([head]) => head),
      ],
      rows: this.#systems.map(({ name, yardstick }) => [
        yardstick ? `*${name}*` : name,
        ...this.#sizes.map((size) => cell(name, size)),
        ...more.map(([, last]) => last(name)),
      ]),
    };
  }

  /** `questions`: of each system the first that it answers. */
  plot(name: string, title: string, xLabel: string, questions: readonly string[]): LinesPart {
    const series = this.#systems.flatMap(({ name: system }) => {
      const points = questions.map((question) => this.points(system, question)).find((own) => own.length > 0);
      return points ? [{ name: system, points }] : [];
    });
    return { kind: "lines", name, title, xLabel, yLabel: "ms", series };
  }

  /** At the greatest size that ours was asked at. `questions`: what each measures, and what would win it. */
  losses(questions: Readonly<Record<string, { measure: string; remedy: string }>>): string {
    const ours = this.#systems.find(({ name }) => name.startsWith("Steelyard"))?.name ?? "";
    return lossesText(
      Object.entries(questions).flatMap(([question, { measure, remedy }]) => {
        const size = this.points(ours, question).at(-1)?.[0];
        if (size === undefined) return [];
        const values = this.#systems.flatMap(({ name }) =>
          this.points(name, question)
            .filter(([at]) => at === size)
            .map(([, ms]) => [name, ms] as const),
        );
        return [{ measure: `${measure}, ${short(size)} ${this.#unit}`, values: new Map(values), remedy }];
      }),
    );
  }
}
